/** What a peer is sent: nothing twice, nothing back, and never a unit that cannot be taken over. */

import { expect, test } from 'vitest'
import { decodeUnit } from '../src/log/unit.ts'
import { limits } from '../src/limits.ts'
import { ingest, recordPending } from '../src/replica/ingest.ts'
import { Outgoing } from '../src/replica/outgoing.ts'
import { positionOf, type Position } from '../src/replica/position.ts'
import type { Replica } from '../src/replica/replica.ts'
import { World, type Member } from './attack-world.ts'

const nothing: Position = { record: 0, head: new Uint8Array(32), feeds: [] }

async function everything(replica: Replica, position: Position): Promise<readonly Uint8Array[]> {
  const outgoing = new Outgoing(replica, position)
  const units: Uint8Array[] = []
  for (let unit = await outgoing.next(); unit !== null; unit = await outgoing.next()) units.push(unit)
  outgoing.close()
  return units
}

async function write(member: Member, count: number): Promise<void> {
  const docs = member.database.collection('docs')
  for (let n = 0; n < count; n++) await docs.create({ n })
}

test('a peer gets what it lacks, and nothing when it has it', async () => {
  const { ada, bob } = await new World().pair()
  await write(ada, 200)
  for (const unit of await everything(ada.replica, positionOf(bob.replica))) await ingest(bob.replica, unit)
  expect(bob.replica.state.record).toEqual(ada.replica.state.record)
  expect(await everything(ada.replica, positionOf(bob.replica, []))).toEqual([])
})

test('a unit of the peer raises what it holds only once it was taken over', async () => {
  const { ada } = await new World().pair()
  await write(ada, 10)
  const [whole] = await everything(ada.replica, nothing)
  if (whole === undefined) throw new Error('nothing to send')
  const claimed = decodeUnit(whole)
  const outgoing = new Outgoing(ada.replica, nothing)
  outgoing.receiving(claimed)
  const next = outgoing.next()
  outgoing.dropped()
  expect(await next).not.toBeNull()
  const other = new Outgoing(ada.replica, nothing)
  other.receiving(claimed)
  const later = other.next()
  other.received()
  expect(await later).toBeNull()
})

test('a recorder that takes up more than a unit holds signs in between, so that all of it can be sent', async () => {
  const world = new World()
  const { ada, bob } = await world.pair()
  const count = limits.batchCommits + 200
  const docs = bob.database.collection('docs', { conflict: 'reject' })
  for (let n = 0; n < count; n += 600) {
    const batch = Array.from({ length: Math.min(600, count - n) }, (_, i) => docs.create({ n: n + i }))
    await Promise.all(batch)
  }
  world.recording = false
  for (const unit of await everything(bob.replica, nothing)) await ingest(ada.replica, unit)
  world.recording = true
  await recordPending(ada.replica)
  expect(ada.replica.state.record.length).toBe(count)
  const units = await everything(ada.replica, nothing)
  for (const unit of units)
    expect(decodeUnit(unit).record?.receipts.length ?? 0).toBeLessThanOrEqual(limits.batchCommits)
})
