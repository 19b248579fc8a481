/** Handing messages out: to one receiver at a time, again when it does not answer, and not for ever. */

import type { Doc, Transaction } from 'varve'
import { VarveError } from 'varve/engine'
import { rowId } from './home.ts'
import type { DeliveryRow, MessageRow } from './types.ts'

export interface Asked {
  readonly topic: string
  readonly subscription: string
  readonly shards: readonly number[]
  readonly limit: number
  readonly visibleMs: number
  readonly maxDeliveries: number
  /** Milliseconds. */
  readonly now: number
}

export interface Taken {
  readonly row: DeliveryRow
  readonly message: Doc<MessageRow>
}

/** Takes messages: first those that were not answered in time, then new ones. */
export async function receive(tx: Transaction, tenant: string, asked: Asked): Promise<readonly Taken[]> {
  const taken = await takeOverdue(tx, tenant, asked)
  for (const shard of asked.shards) {
    if (taken.length >= asked.limit) break
    taken.push(...(await takeNew(tx, tenant, asked, shard, asked.limit - taken.length)))
  }
  return taken
}

async function takeOverdue(tx: Transaction, tenant: string, asked: Asked): Promise<Taken[]> {
  const { topic, subscription, now, limit } = asked
  const rows = tx.collection<DeliveryRow>('deliveries')
  const overdue = await rows
    .find({ tenant, topic, subscription, status: 'taken', until: { $lte: now }, shard: { $in: [...asked.shards] } })
    .limit(limit)
    .toArray()
  const taken: Taken[] = []
  for (const { id } of overdue) {
    // Read again, so that the transaction notices when somebody else takes it.
    const row = await rows.get(id)
    if (row === null || row.status !== 'taken' || row.until > now) continue
    if (row.attempt >= asked.maxDeliveries) {
      await rows.patch(id, { status: 'dead', reason: row.reason ?? 'not acknowledged in time' })
      continue
    }
    const again = { ...plain(row), attempt: row.attempt + 1, until: now + asked.visibleMs }
    await rows.update(id, again)
    const message = await tx.collection<MessageRow>('messages').get(rowId(tenant, topic, row.message))
    if (message !== null) taken.push({ row: again, message })
  }
  return taken
}

async function takeNew(tx: Transaction, tenant: string, asked: Asked, shard: number, limit: number): Promise<Taken[]> {
  const { topic, subscription, now, visibleMs } = asked
  const cursors = tx.collection<{ next: number }>('cursors')
  const cursorId = rowId(tenant, topic, subscription, `${shard}`)
  const cursor = await cursors.get(cursorId)
  const next = cursor?.next ?? 0
  const found = await tx
    .collection<MessageRow>('messages')
    .find({ tenant, topic, shard, number: { $gte: next } })
    .sort({ number: 1 })
    .limit(limit)
    .toArray()
  const taken: Taken[] = []
  for (const message of found) {
    const row: DeliveryRow = {
      tenant,
      topic,
      subscription,
      message: message.message,
      shard,
      number: message.number,
      status: 'taken',
      attempt: 1,
      until: now + visibleMs,
      reason: null,
    }
    await tx.collection<DeliveryRow>('deliveries').create(row, { id: deliveryId(row) })
    taken.push({ row, message })
  }
  const last = found.at(-1)
  if (last === undefined) return taken
  if (cursor === null) await cursors.create({ next: last.number + 1 }, { id: cursorId })
  else await cursors.update(cursorId, { next: last.number + 1 })
  return taken
}

/** A delivery is done with (`failed` null), or failed. Throws `CONFLICT` when it was handed to somebody else meanwhile. */
export async function settle(
  tx: Transaction,
  taken: DeliveryRow,
  failed: string | null,
  maxDeliveries: number,
): Promise<void> {
  const rows = tx.collection<DeliveryRow>('deliveries')
  const id = deliveryId(taken)
  const row = await rows.get(id)
  if (row?.status === 'done' && failed === null) return
  if (row === null || row.status !== 'taken' || row.attempt !== taken.attempt)
    throw new VarveError('CONFLICT', `The message "${taken.message}" was not answered in time and went to another`, {
      details: { message: taken.message, topic: taken.topic },
    })
  if (failed === null) await rows.patch(id, { status: 'done' })
  else if (row.attempt >= maxDeliveries) await rows.patch(id, { status: 'dead', reason: failed })
  else await rows.patch(id, { until: 0, reason: failed })
}

function deliveryId({ tenant, topic, subscription, message }: DeliveryRow): string {
  return rowId(tenant, topic, subscription, message)
}

function plain(doc: Doc<DeliveryRow>): DeliveryRow {
  const { id: _, _system, ...row } = doc
  return row
}
