/** The node that recorded before another one is appointed: what it has is taken, and it is told, as far as it is reached. */

import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { KnownNode } from '../home/known-node.ts'
import { cancelOf, clientOf, connected, type NodeAccess, type NodeParts } from './parts.ts'

/** The node of this device, when it is another than the one with this key (hex); null otherwise. */
export function formerNode({ memory }: NodeParts, node: string): KnownNode | null {
  return memory.node === null || memory.node.key === node ? null : memory.node
}

/**
 * Brings this device and the former node in step, so that what it has recorded is handed over, and so that it hears of
 * an appointment. It may be lost or unwilling: that is logged and no failure, and it is waited for no longer than
 * `limits.requestMs`. Throws only when it is given up.
 */
export async function meetFormer(parts: NodeParts, former: KnownNode, access: NodeAccess): Promise<void> {
  const { env } = parts.home
  let stopWaiting: () => void = () => undefined
  const late = new Promise<never>((_resolve, reject) => {
    stopWaiting = env.timer(() => {
      reject(new VarveError('OFFLINE', 'It takes too long: sync with it once more'))
    }, limits.requestMs)
  })
  try {
    await connected(parts, former, access, async (connection) => {
      const unreached = new Promise<never>((_resolve, reject) => {
        connection.on('status', (status) => {
          if (status === 'offline') reject(connection.error ?? new VarveError('OFFLINE', 'It is not reached'))
        })
      })
      await Promise.race([connection.delivered(cancelOf(access)), unreached, late])
    })
  } catch (error) {
    access.signal?.throwIfAborted()
    env.log('warn', 'the node that recorded before could not be brought in step', { error: String(error) })
  } finally {
    stopWaiting()
  }
}

/** Tells the former node who records now; false when it cannot be told, or does not say that it knows. */
export async function tellFormer(parts: NodeParts, former: KnownNode, access: NodeAccess): Promise<boolean> {
  await meetFormer(parts, former, access)
  try {
    const client = clientOf(parts, former.url, { ...access, node: former.key })
    const known = await client.appointments(cancelOf(access))
    return (known?.length ?? 0) >= parts.epochs.accepted().length
  } catch (error) {
    access.signal?.throwIfAborted()
    parts.home.env.log('warn', 'the node that recorded before does not say who records now', { error: String(error) })
    return false
  }
}
