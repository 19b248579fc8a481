/** Collecting garbage at a node, which cannot know what sealed documents name: a device of an admin tells it. */

import { toHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Device } from '../replica/context.ts'
import type { Replica } from '../replica/replica.ts'
import { assertAge, namedChunks, type Collected } from './collect.ts'
import { encodeDisposal } from './disposal.ts'

/** How far a feed goes at a node; ids in hex. */
export interface FeedEnd {
  readonly feed: string
  readonly length: number
  /** Id of its last commit. */
  readonly head: string
}

/** A node as its chunks are collected; ids in hex. */
export interface CollectedNode {
  key(): Promise<Uint8Array>
  /** What a collection begins with: the time there, and the databases that the node has. */
  began(): Promise<{ readonly at: number; readonly databases: readonly string[] }>
  /** All feeds of a database there. */
  feeds(database: string): Promise<readonly FeedEnd[]>
  /** Resolves when everything it has is here. */
  settled(): Promise<void>
  /** Ids of what it holds, in order, after this one; none at the end. */
  list(after: string | null): Promise<readonly string[]>
  dispose(disposal: Uint8Array): Promise<{ readonly removed: number; readonly bytes: number }>
}

export interface CollectNodeParts {
  readonly env: Pick<Env, 'now'>
  /** Id of the tenant. */
  readonly tenant: Uint8Array
  readonly device: Device
  readonly node: CollectedNode
  /** All databases of the tenant; throws when one of them is not here or cannot be opened. */
  readonly everything: () => Promise<readonly Replica[]>
}

/**
 * Has the node remove chunks that no version of any document names, and that nobody has brought or asked for since
 * `olderThanMs` before this began, by its clock. Whoever writes meanwhile asks for what he names after the node has it, and
 * so later than this began. Throws `KEY_MISSING`, `NOT_FOUND` and `CONFLICT` when it cannot be known here what is named.
 */
export async function collectAtNode(parts: CollectNodeParts, olderThanMs: number): Promise<Collected> {
  assertAge(olderThanMs)
  const { node, env, tenant, device } = parts
  const { at, databases } = await node.began()
  assertClock(at, env.now())
  const places = new Map<string, readonly FeedEnd[]>()
  for (const id of databases) places.set(id, await node.feeds(id))
  await node.settled()
  const replicas = await parts.everything()
  await assertAllHere(replicas, places)
  const named = await namedChunks(replicas)
  const key = await node.key()
  const collected = { removed: 0, bytes: 0, kept: 0 }
  for (let after: string | null = null; ;) {
    const held = await node.list(after)
    assertGoesOn(after, held)
    const ids = held.filter((id) => !named.has(id))
    after = held.at(-1) ?? null
    collected.kept += held.length
    if (ids.length > 0) {
      const disposal = encodeDisposal({ tenant, node: key, at, olderThanMs, ids }, device)
      const { removed, bytes } = await node.dispose(disposal)
      collected.removed += removed
      collected.bytes += bytes
      collected.kept -= removed
    }
    if (after === null) return collected
  }
}

/** A list that goes in circles would be read for ever. */
function assertGoesOn(after: string | null, ids: readonly string[]): void {
  if (ids.every((id, i) => id > ((i === 0 ? after : ids[i - 1]) ?? ''))) return
  throw new VarveError('INVALID', 'The node answered wrongly: its list of chunks is not in order')
}

/** What is signed with a time far ahead would stay good for as long. */
function assertClock(at: number, now: number): void {
  if (Math.abs(at - now) < limits.disposalMs) return
  throw new VarveError('INVALID', 'The clocks of this device and of the node are hours apart: set them right', {
    details: { node: at, device: now },
  })
}

/** Throws unless everything that the node had is here: what it has beyond that may name any chunk. */
async function assertAllHere(
  replicas: readonly Replica[],
  places: ReadonlyMap<string, readonly FeedEnd[]>,
): Promise<void> {
  const here = new Map(replicas.map((replica) => [toHex(replica.context.id), replica]))
  for (const [database, feeds] of places) {
    const replica = here.get(database)
    if (replica === undefined)
      throw new VarveError(
        'NOT_FOUND',
        'The node has a database that is not on this device, and may name any chunk: open it, sync, and collect then',
        { details: { database } },
      )
    await assertReaches(replica, feeds)
  }
}

async function assertReaches({ store, feeds, context }: Replica, ends: readonly FeedEnd[]): Promise<void> {
  const own = new Map([...feeds.values()].map((feed) => [toHex(feed.id), feed]))
  for (const { feed, length, head } of ends) {
    const held = own.get(feed)
    const [last] =
      held === undefined || held.length < length ? [] : await store.commits(held.no, length - 1, 1, noBodies)
    if (last !== undefined && toHex(last.id) === head) continue
    throw new VarveError(
      'CONFLICT',
      `The node has writes to "${context.name}" that this device does not have, and they may name any chunk: sync, and collect then`,
      { retryable: true, details: { database: context.name, feed, length, held: held?.length ?? 0 } },
    )
  }
}

const noBodies = { bodies: false } as const
