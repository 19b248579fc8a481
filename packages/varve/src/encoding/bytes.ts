/** Small helpers for byte arrays: concatenation, comparison, hex, UTF-8 and big-endian integers. */

import { VarveError } from '../errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const emptyBytes: Uint8Array = new Uint8Array(0)

/** UTF-8 bytes of a string; throws `INVALID` for lone surrogates, which have no encoding. */
export function utf8(text: string): Uint8Array {
  if (!text.isWellFormed()) {
    throw new VarveError('INVALID', 'The text holds a lone surrogate: it cannot be stored as UTF-8')
  }
  return encoder.encode(text)
}

/** The string of UTF-8 bytes; throws `INVALID` for malformed bytes. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new VarveError('INVALID', 'The bytes are not UTF-8', { cause })
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** Byte equality; not constant time, for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lexicographic order of byte arrays: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

const hexDigits = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += hexDigits[byte] ?? ''
  return text
}

/** Bytes of lower-case hex; throws `INVALID` for anything else. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new VarveError('INVALID', 'The text is not lower-case hex')
  }
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** A whole number below 2^53 as 8 big-endian bytes. */
export function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  writeUint64(bytes, 0, value)
  return bytes
}

/** Writes a whole number below 2^53 as 8 big-endian bytes at `offset`. */
export function writeUint64(target: Uint8Array, offset: number, value: number): void {
  let rest = value
  for (let i = offset + 7; i >= offset; i--) {
    target[i] = rest & 0xff
    rest = Math.floor(rest / 256)
  }
}
