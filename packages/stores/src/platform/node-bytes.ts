/** Bytes as text and back, by Node's own fast ways. */

import { isAscii, isUtf8 } from 'node:buffer'

/** The UTF-8 of well-formed text. */
export function utf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8')
}

/** The text that these bytes are the UTF-8 of; null when they are of none. */
export function utf8Text(bytes: Uint8Array, from = 0, to = bytes.length): string | null {
  const buffer = bufferOf(bytes)
  const text = buffer.toString('utf8', from, to)
  // What is not UTF-8 comes out as U+FFFD, which is rare enough to look twice.
  return text.includes('\ufffd') && !isUtf8(buffer.subarray(from, to)) ? null : text
}

/** The same for bytes below 128, which are one character each; null when there are others. */
export function asciiText(bytes: Uint8Array): string | null {
  return isAscii(bytes) ? bufferOf(bytes).toString('latin1') : null
}

export function hex(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('hex')
}

/** Below, equal to or above zero as `a` comes before, with or after `b`. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b)
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
