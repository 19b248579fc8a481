/** Bytes as text and back, by what every browser has. */

import { compareBytes, toHex } from 'varve/engine'

const encoder = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lax = new TextDecoder('utf-8', { ignoreBOM: true })

/** The UTF-8 of well-formed text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text that these bytes are the UTF-8 of; null when they are of none. */
export function utf8Text(bytes: Uint8Array, from = 0, to = bytes.length): string | null {
  try {
    return strict.decode(bytes.subarray(from, to))
  } catch {
    return null
  }
}

/** The same for bytes below 128, which are one character each; null when there are others. */
export function asciiText(bytes: Uint8Array): string | null {
  for (const byte of bytes) if (byte > 127) return null
  return lax.decode(bytes)
}

export function hex(bytes: Uint8Array): string {
  return toHex(bytes)
}

/** Below, equal to or above zero as `a` comes before, with or after `b`. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, b)
}
