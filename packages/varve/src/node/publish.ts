/** Publishing a tenant: a node takes it in, gets everything, and records from then on. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Connection } from '../connection/connection.ts'
import { formerNode, meetFormer, tellFormer } from './former.ts'
import type { AppointOptions } from './hand-over.ts'
import type { NodeClient } from './client.ts'
import { cancelOf, clientOf, connected, type NodeAccess, type NodeParts } from './parts.ts'

export interface PublishOptions extends NodeAccess, AppointOptions {
  /** Where the node takes in only those who have one. */
  readonly token?: string
}

export interface Published {
  /** Public key of the node, in hex. */
  readonly node: string
  /**
   * The node of this device until now, when it was another: whether it is known to have heard that it records no more.
   * Until it has, it goes on recording, which nobody takes over.
   */
  readonly former?: { readonly url: string; readonly told: boolean }
}

/**
 * Every step can be repeated, so that after a crash or a lost answer publishing again goes on where it ended, and does
 * nothing when all is done. `docs/publishing.md` tells what each step does.
 */
export async function publish(parts: NodeParts, url: string, options: PublishOptions): Promise<Published> {
  const client = clientOf(parts, url, options)
  const { publicKey } = await client.info(cancelOf(options))
  const node = toHex(publicKey)
  const known = await client.appointments(cancelOf(options))
  await parts.adopt(known ?? [])
  const records = (): boolean => equalBytes(parts.epochs.acceptedRecorder, publicKey)
  // What the node tells of itself may have to wait until the directory is here that confirms it.
  const unconfirmed = (known?.length ?? 0) > parts.epochs.accepted().length
  if (!records() && !unconfirmed) assertMayAppoint(parts)
  if (!records() && known === null) await register(parts, client, options)
  await parts.open.openAll()
  const former = formerNode(parts, node)
  if (former !== null && !records()) await meetFormer(parts, former, options)
  const told = await connected(parts, { url: client.url, key: node }, options, async (connection) => {
    if (!records()) await connection.delivered(cancelOf(options))
    if (!records()) await handOver(parts, client, connection, options)
    const heard = former !== null && (await tellFormer(parts, former, options))
    await connection.settled(cancelOf(options))
    return heard
  })
  await parts.memory.remember({ url: client.url, key: node })
  return former === null ? { node } : { node, former: { url: former.url, told } }
}

/** Also checked where the appointment is made, but then the node would have the tenant already. */
function assertMayAppoint({ epochs, identity, standing }: NodeParts): void {
  const own = identity.signing.publicKey
  if (standing.isAdmin(own) || equalBytes(epochs.acceptedRecorder, own)) return
  throw new VarveError('FORBIDDEN', 'Only the devices of admins publish a tenant: ask an admin')
}

async function register(parts: NodeParts, client: NodeClient, options: PublishOptions): Promise<void> {
  const { token } = options
  const { needsToken } = await client.info()
  if (needsToken && token === undefined)
    throw new VarveError('FORBIDDEN', `The node at ${client.url} takes tenants in by token: ask who runs it for one`)
  await client.register(await parts.registration(), token, cancelOf(options))
}

/**
 * From the appointment on nobody records until the node has signed it, so everything that takes long is sent before,
 * and what was recorded meanwhile is sent after it.
 */
async function handOver(
  parts: NodeParts,
  client: NodeClient,
  connection: Connection,
  options: PublishOptions,
): Promise<void> {
  const cancel = cancelOf(options)
  const proposed = await parts.appoint(await client.key(), options)
  await connection.delivered(cancel)
  await client.appoint(proposed, cancel)
  await parts.adopt((await client.appointments(cancel)) ?? [])
}
