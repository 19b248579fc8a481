/** Deterministic CBOR (RFC 8949 §4.2) for formats and bodies, and strict decoding of what others sent. */

import { decode, encode, Tokenizer, Token, Type } from 'cborg'
import { isVarveError, VarveError } from '../errors.ts'
import { fromUtf8 } from './bytes.ts'

/** Bytes of a value made of null, booleans, numbers, strings, byte strings, arrays and plain objects. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value)
}

/** Attribute order is data for people: entry bodies keep the order in which attributes were written. */
export function encodeOrdered(value: unknown): Uint8Array {
  return encode(value, { mapSorter: keepOrder })
}

function keepOrder(): number {
  return 0
}

const strict = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
} as const

/**
 * cborg decodes text like a file: it drops a byte order mark and replaces malformed UTF-8. Data must stay as it is.
 * And it counts: a few bytes of CBOR cost many times their size in memory.
 */
class ExactText extends Tokenizer {
  #left: number

  constructor(bytes: Uint8Array, items: number) {
    super(bytes, strict)
    this.#left = items
  }

  override next(): Token {
    if (this.#left-- <= 0) throw new VarveError('TOO_LARGE', 'The bytes hold more values than are allowed: split them')
    const start = this.pos()
    const token = super.next()
    const value: unknown = token.value
    if (token.type !== Type.string || typeof value !== 'string') return token
    const text = start + headBytes(this.data[start] ?? 0)
    if (this.data[text] !== 0xef && !value.includes('\ufffd')) return token
    return new Token(Type.string, fromUtf8(this.data.subarray(text, this.pos())), token.encodedLength)
  }
}

/** Bytes in front of the content of a string: the length stands in the first byte, or in 1, 2, 4 or 8 after it. */
function headBytes(first: number): number {
  const short = (first & 31) - 24
  return short < 0 ? 1 : 1 + 2 ** short
}

/**
 * The value of CBOR bytes. Throws `INVALID` naming `what` for anything malformed or not strict, and `TOO_LARGE` for
 * more than `items` values, counted with everything inside.
 */
export function decodeCbor(bytes: Uint8Array, what: string, items: number = Number.MAX_SAFE_INTEGER): unknown {
  try {
    // A plain view of the bytes: parts of a Buffer would be Buffers, whose `slice` shares memory.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    return decode(plain, { ...strict, tokenizer: new ExactText(plain, items) })
  } catch (cause) {
    if (isVarveError(cause, 'TOO_LARGE')) throw cause
    throw new VarveError('INVALID', `${what} is not well-formed: the bytes were damaged or made by something else`, {
      cause,
      details: { what },
    })
  }
}
