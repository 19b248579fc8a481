/** Checking the bytes of a Yjs update before anything takes them in: their form, their size, and what they may hold. */

import { fromUtf8 } from '../encoding/bytes.ts'
import { toJson } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

/** Names under which a text has its plain characters and its rich ones, in its Yjs document. */
export const plainRoot = 'text'
export const richRoot = 'fragment'

/** Flags of the first byte of a struct, and the kinds that its lowest five bits tell. */
const hasOrigin = 0x80
const hasRightOrigin = 0x40
const hasParentKey = 0x20
const kinds = { collected: 0, deleted: 1, string: 4, embed: 5, format: 6, type: 7, any: 8, skip: 10 } as const
/** Types that may be inside a rich text: elements and their texts. */
const elementType = 3
const elementTextType = 6
const clientLimit = 2 ** 32
const clockLimit = 2 ** 40

/**
 * Throws `INVALID` for bytes that are no update of a text, and `TOO_LARGE` for one that is too large: Yjs itself trusts
 * what it is given. What passes is cheap to read: no length in it asks for more memory than it has bytes.
 */
export function checkUpdate(update: Uint8Array): void {
  assertLimit(update.length, limits.textUpdateBytes, 'A change of a text in bytes')
  new UpdateCheck(update).run()
}

class UpdateCheck {
  readonly #bytes: Uint8Array
  #at = 0
  /** Structs, values and ranges that may still come. */
  #left = limits.textUpdateParts

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  run(): void {
    for (let clients = this.#number(); clients > 0; clients--) this.#structs()
    for (let clients = this.#number(); clients > 0; clients--) this.#deletions()
    if (this.#at !== this.#bytes.length) throw malformed('has bytes behind its end')
  }

  #structs(): void {
    const count = this.#number()
    const client = this.#client()
    let clock = this.#number()
    for (let i = 0; i < count; i++) {
      this.#count()
      clock += this.#struct(client, clock)
      if (clock > clockLimit) throw malformed('counts too far')
    }
  }

  #deletions(): void {
    this.#client()
    for (let count = this.#number(); count > 0; count--) {
      this.#count()
      if (this.#number() + this.#length() > clockLimit) throw malformed('counts too far')
    }
  }

  /** Gives the length of the struct. */
  #struct(client: number, clock: number): number {
    const info = this.#byte()
    const kind = info & 31
    if (kind === kinds.collected || kind === kinds.skip) return this.#length()
    const known = (info & (hasOrigin | hasRightOrigin)) !== 0
    if ((info & hasOrigin) !== 0) this.#id(client, clock)
    if ((info & hasRightOrigin) !== 0) this.#id(client, clock)
    if (!known) {
      this.#parent(client, clock)
      if ((info & hasParentKey) !== 0) assertLimit(this.#text().length, limits.attributeBytes, 'A name in a text')
    }
    return this.#content(kind)
  }

  #parent(client: number, clock: number): void {
    if (this.#number() !== 1) {
      this.#id(client, clock)
      return
    }
    const name = this.#text()
    if (name !== plainRoot && name !== richRoot) throw malformed(`has content named "${name.slice(0, 64)}"`)
  }

  #content(kind: number): number {
    switch (kind) {
      case kinds.deleted:
        return this.#length()
      case kinds.string:
        return this.#text().length || empty()
      case kinds.embed:
        this.#json()
        return 1
      case kinds.format:
        assertLimit(this.#text().length, limits.attributeBytes, 'A name in a text')
        this.#json()
        return 1
      case kinds.type: {
        const type = this.#number()
        if (type === elementType) assertLimit(this.#text().length, limits.attributeBytes, 'A name in a text')
        else if (type !== elementTextType) throw malformed(`has content of type ${type}`)
        return 1
      }
      case kinds.any: {
        const length = this.#length()
        for (let i = 0; i < length; i++) this.#any(0)
        return length
      }
      default:
        throw malformed(`has content of kind ${kind}`)
    }
  }

  /** Values as lib0 writes them, from 127 downwards: undefined, null, whole number, two floats, big one, false, true, text, object, list, bytes. */
  #any(depth: number): void {
    this.#count()
    if (depth > limits.textValueDepth) throw malformed('nests values too deeply')
    const type = this.#byte()
    switch (type) {
      case 127:
      case 126:
      case 121:
      case 120:
        return
      case 125:
        while ((this.#byte() & 128) !== 0);
        return
      case 124:
        return this.#skip(4)
      case 123:
        return this.#skip(8)
      case 119:
        this.#text()
        return
      case 118:
        for (let names = this.#number(); names > 0; names--) {
          if (this.#text() === '__proto__') throw malformed('has a value with a reserved name')
          this.#any(depth + 1)
        }
        return
      case 117:
        for (let values = this.#number(); values > 0; values--) this.#any(depth + 1)
        return
      default:
        throw malformed(`has a value of kind ${type}`)
    }
  }

  #json(): void {
    const text = this.#text()
    try {
      toJson(JSON.parse(text), '')
    } catch (cause) {
      throw new VarveError('INVALID', 'A change of a text has a value that is no JSON: its author made it wrongly', {
        cause,
      })
    }
  }

  /** The id of another struct; of the same client only an earlier one. */
  #id(client: number, clock: number): void {
    const [other, at] = [this.#client(), this.#number()]
    if (at >= clockLimit || (other === client && at >= clock)) throw malformed('names what comes after it')
  }

  #client(): number {
    const client = this.#number()
    if (client >= clientLimit) throw malformed('has a client number that is too large')
    return client
  }

  #length(): number {
    return this.#number() || empty()
  }

  #count(): void {
    if (this.#left-- > 0) return
    throw new VarveError(
      'TOO_LARGE',
      `A change of a text has more than ${limits.textUpdateParts} parts: write it in several`,
      { details: { limit: limits.textUpdateParts } },
    )
  }

  #number(): number {
    let value = 0
    for (let factor = 1; factor < 2 ** 50; factor *= 128) {
      const byte = this.#byte()
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    throw malformed('has a number that is too large')
  }

  #text(): string {
    const length = this.#number()
    const start = this.#at
    this.#skip(length)
    return fromUtf8(this.#bytes.subarray(start, this.#at))
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw malformed('ends too early')
    return byte
  }

  #skip(length: number): void {
    this.#at += length
    if (this.#at > this.#bytes.length) throw malformed('ends too early')
  }
}

function empty(): never {
  throw malformed('has an empty part')
}

function malformed(what: string): VarveError {
  return new VarveError('INVALID', `A change of a text ${what}: its author made it wrongly`)
}
