/** What working with a node needs of a tenant, and the two ways to its node: requests, and a connection for a while. */

import { primitives } from '../crypto/primitives.ts'
import type { Epochs } from '../directory/epochs.ts'
import type { Standing } from '../directory/standing.ts'
import { isVarveError, VarveError, type ErrorCode } from '../errors.ts'
import type { DeviceIdentity } from '../keys/identity.ts'
import type { FetchLike } from '../platform/fetch.ts'
import type { Connector } from '../sync/transports/transport.ts'
import type { Connection } from '../connection/connection.ts'
import { isChosenOffline, type ConnectOptions } from '../connection/connections.ts'
import type { Directory } from '../home/directory.ts'
import type { AppointOptions } from './hand-over.ts'
import type { TenantHome } from '../home/home.ts'
import { nodeKey } from '../connection/host.ts'
import type { Keyring } from '../home/keyring.ts'
import type { NodeMemory } from '../home/known-node.ts'
import { NodeClient } from './client.ts'
import { nodeUrl } from './http.ts'
import type { OpenDatabases } from '../home/open-databases.ts'

export interface NodeParts {
  /** 32 hex digits. */
  readonly tenant: string
  readonly home: TenantHome
  readonly identity: DeviceIdentity
  readonly epochs: Epochs
  readonly standing: Standing
  readonly keys: Keyring
  readonly open: OpenDatabases
  readonly memory: NodeMemory
  readonly directory: () => Directory
  readonly registration: () => Promise<Uint8Array>
  readonly appoint: (recorder: Uint8Array, options?: AppointOptions) => Promise<Uint8Array>
  readonly adopt: (appointments: readonly Uint8Array[]) => Promise<unknown>
  readonly connect: (url: string, options: ConnectOptions) => Connection
}

/** How to reach a node. */
export interface NodeAccess {
  /** Public key of the node in hex, as its operator gives it; else the node that was here before, or the first. */
  readonly node?: string
  readonly signal?: AbortSignal
  /** Makes requests in another way than the platform does. */
  readonly fetch?: FetchLike
  /** Opens transports in another way than the platform does. */
  readonly connector?: Connector
}

/** A client of the node at `url`, as this device. Throws `INVALID` for a wrong URL or key. */
export function clientOf(
  { tenant, home, identity, memory }: Pick<NodeParts, 'tenant' | 'home' | 'identity' | 'memory'>,
  url: string,
  { node, fetch }: NodeAccess,
): NodeClient {
  const { publicKey, secret } = identity.signing
  return new NodeClient({
    url,
    tenant,
    device: { publicKey, sign: (message) => primitives.ed25519.sign(secret, message) },
    env: home.env,
    expects: node === undefined ? memory.keyAt(nodeUrl(url)) : nodeKey(node),
    ...(fetch === undefined ? {} : { fetch }),
  })
}

export function cancelOf({ signal }: NodeAccess): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal }
}

/** After these a connection goes on by itself. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['OFFLINE', 'CLOSED', 'LOCKED', 'FORKED_FEED'])

/** Does something over a connection of its own to a node with this key; rejects when that meets a problem. */
export async function connected<R>(
  parts: Pick<NodeParts, 'connect' | 'home'>,
  { url, key }: { readonly url: string; readonly key: string },
  { connector }: NodeAccess,
  work: (connection: Connection) => Promise<R>,
): Promise<R> {
  if (await isChosenOffline(parts.home, url))
    throw new VarveError('OFFLINE', `This device was disconnected from ${url} by choice: reconnect first`)
  const connection = parts.connect(url, { node: key, ...(connector === undefined ? {} : { connector }) })
  const failed = new Promise<never>((_resolve, reject) => {
    connection.on('problem', (error) => {
      if (!isVarveError(error) || !passing.has(error.code)) reject(error)
    })
  })
  try {
    return await Promise.race([work(connection), failed])
  } finally {
    await connection.close()
  }
}
