/** Order-preserving bytes of values: the keys of index rows and the ranges that queries read. */

import { isJsonArray, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { limits } from '../limits.ts'
import { sortedNames, typeRank } from './compare.ts'
import type { SortKey } from './sort-key.ts'

/** Index rows with `from <= key < to`, and among those with `key = from` only ids above `afterId`. */
export interface KeyRange {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly afterId?: string
}

export interface OrderKey {
  readonly bytes: Uint8Array
  /** The value was longer than a key may be: equal bytes then do not mean equal values. */
  readonly truncated: boolean
}

const emptyArrayTag = 1
/** Stands in keys of several paths for all values of a path: see `index-keys.ts`. */
const anyTag = 2
/** Tags leave room below them for terminators and between them for types of the future. */
const tagStep = 0x10
const terminator = 0
const scratch = new DataView(new ArrayBuffer(8))
/** One buffer for all writers: a key is written and copied out without a pause in between. */
const room = new Uint8Array(limits.indexKeyBytes)

/** Every key of any index. */
export const wholeRange: KeyRange = { from: Uint8Array.of(emptyArrayTag), to: Uint8Array.of(0xff) }

export const anyKey = Uint8Array.of(anyTag)

/** Keys of values of the same type as `value`. */
export function typeRange(value: JsonValue): KeyRange {
  const tag = typeRank(value) * tagStep
  return { from: Uint8Array.of(tag), to: Uint8Array.of(tag + 1) }
}

/** The key of a value: `compareBytes` of two keys has the sign of `compareSortKeys` of the values, unless truncated. */
export function orderKey(value: SortKey): OrderKey {
  const writer = new KeyWriter()
  if (value === undefined) writer.byte(emptyArrayTag)
  else writer.value(value)
  return writer.finish()
}

/** The bytes of `orderKey` alone, for index rows. */
export function encodeOrderKey(value: SortKey): Uint8Array {
  return orderKey(value).bytes
}

/** The bytes every string key starts with when the string starts with `prefix`. */
export function prefixKey(prefix: string): Uint8Array {
  const writer = new KeyWriter()
  writer.byte(typeRank('') * tagStep)
  writer.characters(prefix)
  return writer.finish().bytes
}

class KeyWriter {
  #length = 0
  #full = false

  finish(): OrderKey {
    return { bytes: room.slice(0, this.#length), truncated: this.#full }
  }

  byte(byte: number): void {
    if (this.#length < limits.indexKeyBytes) room[this.#length++] = byte
    else this.#full = true
  }

  value(value: JsonValue): void {
    this.byte(typeRank(value) * tagStep)
    if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'boolean') this.byte(value ? 1 : 0)
    else if (value !== null) {
      if (isJsonArray(value)) this.#array(value)
      else this.#object(value)
    }
  }

  /** IEEE bytes order like numbers once the sign bit is flipped, and all other bits too when negative. */
  #number(value: number): void {
    scratch.setFloat64(0, value === 0 ? 0 : value)
    const first = scratch.getUint8(0)
    const flip = first < 0x80 ? 0 : 0xff
    this.byte(flip === 0 ? first | 0x80 : first ^ 0xff)
    for (let i = 1; i < 8; i++) this.byte(scratch.getUint8(i) ^ flip)
  }

  #text(text: string): void {
    this.characters(text)
    this.byte(terminator)
  }

  /** UTF-8 with 0 written as 1 1 and 1 as 1 2, so that the terminator is below everything a string holds. */
  characters(text: string): void {
    for (let i = 0; i < text.length && !this.#full; i++) {
      const unit = text.charCodeAt(i)
      if (unit < 2) {
        this.byte(1)
        this.byte(unit + 1)
      } else if (unit < 0x80) this.byte(unit)
      else {
        const point = text.codePointAt(i) ?? unit
        if (point > 0xffff) i++
        this.#wide(point)
      }
    }
  }

  #wide(point: number): void {
    if (point < 0x800) this.byte(0xc0 | (point >> 6))
    else {
      if (point < 0x10000) this.byte(0xe0 | (point >> 12))
      else {
        this.byte(0xf0 | (point >> 18))
        this.byte(0x80 | ((point >> 12) & 0x3f))
      }
      this.byte(0x80 | ((point >> 6) & 0x3f))
    }
    this.byte(0x80 | (point & 0x3f))
  }

  #array(value: readonly JsonValue[]): void {
    for (let i = 0; i < value.length && !this.#full; i++) this.value(value[i] ?? null)
    this.byte(terminator)
  }

  #object(value: JsonObject): void {
    for (const name of sortedNames(value)) {
      if (this.#full) return
      const inner = value[name] ?? null
      this.byte(typeRank(inner) * tagStep)
      this.#text(name)
      this.value(inner)
    }
    this.byte(terminator)
  }
}
