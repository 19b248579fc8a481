/** The public key of an X25519 secret (RFC 7748), for age recipients; the exchange itself is age's. */

import { x25519 } from '@noble/curves/ed25519.js'

/**
 * The 32-byte public key of a 32-byte secret. The ladder over the base point: the library's own way makes a table
 * first, which takes longer than opening a tenant does otherwise and serves one key.
 */
export function x25519PublicKey(secret: Uint8Array): Uint8Array {
  return x25519.scalarMult(secret, x25519.GuBytes)
}
