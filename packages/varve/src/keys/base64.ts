/** Base64 (RFC 4648 §4) and base64url without padding (§5), decoded strictly: one text for one byte string. */

import { VarveError } from '../errors.ts'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const standard = `${letters}+/`
const url = `${letters}-_`

/** Padded base64. */
export function toBase64(bytes: Uint8Array): string {
  const text = encode(bytes, standard)
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** Unpadded base64url. */
export function toBase64url(bytes: Uint8Array): string {
  return encode(bytes, url)
}

/** Bytes of padded base64; throws `INVALID` naming `what` for anything `toBase64` would not write. */
export function fromBase64(text: string, what: string): Uint8Array {
  const bytes = decode(text.replace(/={1,2}$/, ''), standard)
  if (bytes === null || toBase64(bytes) !== text) refuse(what, 'base64')
  return bytes
}

/** Bytes of unpadded base64url; throws `INVALID` naming `what` for anything `toBase64url` would not write. */
export function fromBase64url(text: string, what: string): Uint8Array {
  const bytes = decode(text, url)
  if (bytes === null || toBase64url(bytes) !== text) refuse(what, 'base64url')
  return bytes
}

function refuse(what: string, name: string): never {
  throw new VarveError('INVALID', `${what} is not ${name}: it was damaged or cut short, copy it again`, {
    details: { what },
  })
}

function encode(bytes: Uint8Array, alphabet: string): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff
    for (bits += 8; bits >= 6; bits -= 6) text += alphabet.charAt((held >>> (bits - 6)) & 63)
  }
  return bits === 0 ? text : text + alphabet.charAt((held << (6 - bits)) & 63)
}

/** Leftover bits are dropped here: the callers compare with the canonical text. */
function decode(text: string, alphabet: string): Uint8Array | null {
  const bytes = new Uint8Array(Math.floor((text.length * 6) / 8))
  let held = 0
  let bits = 0
  let at = 0
  for (const letter of text) {
    const value = alphabet.indexOf(letter)
    if (value < 0) return null
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = held >>> bits
    }
  }
  return bytes
}
