/** Every order of delivery of small histories, with duplicates and restarts, ends in one state. */

import { bareDevice, bareWorld, SeededRandom, stateHash, stateText, type BareDevice } from '@varve/testkit'
import { createIdentity, ingest, memory, summaryOf, systemEnv, unitsFor, type Mode } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { catchUp, makeHistory, permutations, receiver, unitAfterGap, type Act, type History } from './delivery-world.ts'

const notes = (device: BareDevice) =>
  device.database.collection<Record<string, unknown>>('notes', { indexes: ['v', 'tags'] })
const create = (v: number) => (device: BareDevice) => notes(device).create({ v, tags: ['a', 'b'] }, { id: 'x' })
const patch = (change: object) => (device: BareDevice) => notes(device).patch('x', { ...change })
const remove = (device: BareDevice) => notes(device).delete('x')
const restore = (device: BareDevice) => notes(device).restore('x')

/** Create, delete, update in ignorance of the delete, delete: each by its own device. */
const four: readonly Act[] = [
  { by: 'one', act: create(1) },
  { by: 'two', after: ['one'], act: remove },
  { by: 'three', after: ['one'], act: patch({ v: 2, tags: ['c'] }) },
  { by: 'four', after: ['one', 'two', 'three'], act: remove },
]

/** Two creations of one id, then a patch, a delete and a restore. */
const five: readonly Act[] = [
  { by: 'one', act: create(1) },
  { by: 'two', act: (device) => notes(device).create({ v: 5, extra: true }, { id: 'x' }) },
  { by: 'three', after: ['one'], act: patch({ $inc: { v: 10 }, $push: { tags: 'z' } }) },
  { by: 'four', after: ['two'], act: remove },
  { by: 'five', after: ['four', 'two'], act: restore },
]

/** Two devices in turn: their commits must arrive as prefixes. */
const mixed: readonly Act[] = [
  { by: 'one', act: create(1) },
  { by: 'two', after: ['one'], act: remove },
  { by: 'one', act: patch({ v: 2 }) },
  { by: 'two', after: ['one'], act: remove },
]

const isPrefixOrder = (order: readonly number[]): boolean =>
  order.indexOf(0) < order.indexOf(2) && order.indexOf(1) < order.indexOf(3)

interface Delivery {
  readonly duplicates: boolean
  readonly restarts: boolean
}

const ways: readonly Delivery[] = [
  { duplicates: false, restarts: false },
  { duplicates: true, restarts: false },
  { duplicates: false, restarts: true },
  { duplicates: true, restarts: true },
]

async function deliver(history: History, units: readonly Uint8Array[], way: Delivery): Promise<BareDevice> {
  let device = await receiver(history)
  const delivered: Uint8Array[] = []
  for (const unit of units) {
    await ingest(device.replica, unit)
    delivered.push(unit)
    if (way.duplicates) for (const again of delivered) await ingest(device.replica, again)
    if (way.restarts) device = await device.restart()
  }
  return device
}

async function clean(device: BareDevice): Promise<void> {
  expect(await device.database.verify()).toMatchObject({ ok: true, problems: [] })
}

describe.each<Mode>(['sealed', 'open'])('%s database', (mode) => {
  const histories = [
    { name: 'create, delete, update, delete by four devices', acts: four, valid: () => true, live: false },
    { name: 'two creations, patch, delete, restore by five devices', acts: five, valid: () => true, live: true },
    { name: 'create, delete, update, delete by two devices', acts: mixed, valid: isPrefixOrder, live: false },
  ]

  test.each(histories)('$name', async ({ acts, valid, live }) => {
    const history = await makeHistory(mode, acts)
    const expected = await stateHash((await deliver(history, history.units, ways[0] ?? never())).replica.store, {
      provisional: true,
    })
    const orders = permutations(history.units.map((_, i) => i)).filter(valid)
    for (const [n, order] of orders.entries()) {
      for (const way of acts.length > 4 ? ways.slice(n % 4, (n % 4) + 1) : ways) {
        const units = order.flatMap((i) => history.units[i] ?? [])
        const device = await deliver(history, units, way)
        expect(await stateHash(device.replica.store, { provisional: true })).toBe(expected)
        expect((await notes(device).get('x')) !== null).toBe(live)
        await catchUp(device, history)
        await clean(device)
        const reference = await receiver(history)
        await catchUp(reference, history)
        expect(await stateText(device.replica.store)).toBe(await stateText(reference.replica.store))
      }
    }
  })

  test('pending commits and receipts in every mixture', async () => {
    for (const acts of [four, five]) {
      const history = await makeHistory(mode, acts)
      const reference = await receiver(history)
      await catchUp(reference, history)
      const expected = await stateText(reference.replica.store)
      for (const [n, order] of permutations(history.units.map((_, i) => i)).entries()) {
        const device = await deliver(history, mixture(history, order, n), ways[n % 4] ?? never())
        expect(await stateText(device.replica.store)).toBe(expected)
        await clean(device)
      }
    }
  })

  test('a document whose delete arrives first never flashes up', async () => {
    const history = await makeHistory(mode, four.slice(0, 2))
    const device = await deliver(history, history.units.toReversed(), ways[0] ?? never())
    const events: string[] = []
    for await (const { kind } of device.database.changes()) events.push(kind)
    expect(events).toEqual([])
  })

  test('a gap is refused and changes nothing', async () => {
    const history = await makeHistory(mode, mixed)
    const device = await receiver(history)
    const before = await stateText(device.replica.store)
    await expect(ingest(device.replica, await unitAfterGap(history, 1))).rejects.toMatchObject({ code: 'INVALID' })
    expect(await stateText(device.replica.store)).toBe(before)
    await clean(device)
  })
})

test('a device leaves the future: what it wrote before it knew still reaches the recorder', async () => {
  let now = Date.UTC(2030, 0, 1)
  const random = new SeededRandom(5)
  const env = systemEnv({ now: () => now, random: (length) => random.bytes(length) })
  const world = bareWorld('sealed', env)
  const recorder = await bareDevice(world, world.founder, env, memory())
  const ahead = { ...env, now: () => now + 3_600_000 }
  const device = await bareDevice(world, createIdentity('ahead', env), ahead, memory())
  await notes(device).create({ v: 1 }, { id: 'x' })
  await device.replica.sign()
  for await (const unit of unitsFor(device.replica, summaryOf(recorder.replica))) await ingest(recorder.replica, unit)
  await notes(device).create({ v: 2 }, { id: 'y' })
  await catchUp(device, { recorder })
  await device.replica.sign()
  now += 1000
  for await (const unit of unitsFor(device.replica, summaryOf(recorder.replica))) await ingest(recorder.replica, unit)
  const verdicts: unknown[] = []
  for await (const { refused } of recorder.database.commits()) verdicts.push(refused)
  expect(verdicts).toEqual(['CLOCK_AHEAD', 'CLOCK_AHEAD'])
})

/** Each commit at its place in the order, and every receipt as soon as its commit and the one before are there. */
function mixture(history: History, order: readonly number[], skip: number): readonly Uint8Array[] {
  const units: Uint8Array[] = []
  const there = new Set<number>()
  let recorded = 0
  for (const [step, i] of order.entries()) {
    units.push(history.units[i] ?? never())
    there.add(i)
    // Some receipts come late, several at once.
    const late = step < order.length - 1 && (skip >> step) % 2 === 1
    if (late) continue
    for (; there.has(recorded); recorded++) units.push(history.receipts[recorded] ?? never())
  }
  return units
}

function never(): never {
  throw new Error('this does not happen')
}
