/** Base64 (RFC 4648 §4), base64url without padding (§5) and Bech32 (BIP 173), decoded strictly: one text for one byte string. */

import { base64, base64urlnopad, bech32 } from '@scure/base'
import { VarveError } from '../errors.ts'

/** Padded base64. */
export function toBase64(bytes: Uint8Array): string {
  return base64.encode(bytes)
}

/** Unpadded base64url. */
export function toBase64url(bytes: Uint8Array): string {
  return base64urlnopad.encode(bytes)
}

/** Bytes of padded base64; throws `INVALID` naming `what` for anything `toBase64` would not write. */
export function fromBase64(text: string, what: string): Uint8Array {
  return decoded(() => base64.decode(text), what, 'base64')
}

/** Bytes of unpadded base64url; throws `INVALID` naming `what` for anything `toBase64url` would not write. */
export function fromBase64url(text: string, what: string): Uint8Array {
  return decoded(() => base64urlnopad.decode(text), what, 'base64url')
}

/** The lower-case Bech32 text of `bytes` under a human-readable prefix: the form of age keys. */
export function toBech32(prefix: string, bytes: Uint8Array): string {
  return bech32.encodeFromBytes(prefix, bytes)
}

function decoded(decode: () => Uint8Array, what: string, name: string): Uint8Array {
  try {
    return decode()
  } catch {
    // The library's own error may quote the text, which may be a key.
    throw new VarveError('INVALID', `${what} is not ${name}: it was damaged or cut short, copy it again`, {
      details: { what },
    })
  }
}
