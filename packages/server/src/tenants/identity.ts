/** The node's own identity: made at the first start, kept in its folder for its owner only. */

import { createIdentity, decodeIdentity, encodeIdentity, primitives, type Device, type Env } from 'varve/engine'
import type { StoreProvider } from 'varve/engine'

const fileName = 'node.key'

/** Reads the identity of the node whose small files these are, or makes it. */
export async function nodeDevice(provider: StoreProvider, env: Env): Promise<Device> {
  const stored = await provider.readFile(fileName)
  const identity = stored === null ? createIdentity('node', env) : decodeIdentity(stored)
  if (stored === null) await provider.writeFile(fileName, encodeIdentity(identity))
  const { publicKey, secret } = identity.signing
  return { publicKey, sign: (message) => primitives.ed25519.sign(secret, message) }
}
