/** The public key of an X25519 secret (RFC 7748), for age recipients; the exchange itself is age's. */

import { x25519 } from '@noble/curves/ed25519.js'

/** The 32-byte public key of a 32-byte secret. */
export function x25519PublicKey(secret: Uint8Array): Uint8Array {
  return x25519.getPublicKey(secret)
}
