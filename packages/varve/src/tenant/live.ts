/** Beginning a tenant on a device: closed again when that fails, and its connections, made when the first is wanted. */

import { primitives } from '../crypto/primitives.ts'
import type { Succession } from '../directory/succession.ts'
import { fromHex, toHex } from '../encoding/bytes.ts'
import type { CorrectedEnv } from '../env/corrected.ts'
import { Connections } from '../connection/connections.ts'
import { TenantHost } from '../connection/host.ts'
import type { NodeParts } from '../node/parts.ts'

export interface LiveParts {
  readonly clock: CorrectedEnv
  readonly succession: Succession
  /** Id of the directory in hex. */
  readonly directory: string
}

export function deviceConnections(
  { tenant, home, identity, standing, epochs, open, keys }: NodeParts,
  { clock, succession, directory }: LiveParts,
): Connections {
  const { publicKey, secret } = identity.signing
  const host = new TenantHost({
    env: home.env,
    clock,
    tenant: fromHex(tenant),
    directory: fromHex(directory),
    device: { publicKey, sign: (message) => primitives.ed25519.sign(secret, message) },
    standing,
    epochs,
    replica: (id) => open.find(toHex(id)),
    replicas: () => open.replicas(),
    succession,
  })
  return new Connections({ host, home, keys, open: () => open.ids })
}

/** What was made, once `begin` has run; closed when that fails. */
export async function closedOnFailure<T extends { close(): Promise<void> }>(
  made: T,
  begin: () => Promise<void>,
): Promise<T> {
  try {
    await begin()
    return made
  } catch (error) {
    await made.close()
    throw error
  }
}
