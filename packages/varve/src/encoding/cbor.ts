/** Deterministic CBOR (RFC 8949 §4.2) for formats and bodies, and strict decoding of what others sent. */

import { decode, encode } from 'cborg'
import { VarveError } from '../errors.ts'

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

/** The value of CBOR bytes; throws `INVALID` naming `what` for anything malformed or not strict. */
export function decodeCbor(bytes: Uint8Array, what: string): unknown {
  try {
    return decode(bytes, strict)
  } catch (cause) {
    throw new VarveError('INVALID', `${what} is not well-formed: the bytes were damaged or made by something else`, {
      cause,
      details: { what },
    })
  }
}
