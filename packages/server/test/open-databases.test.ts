/** A node reads open databases: it folds them as devices do, and keeps what they declare unique (F2, B5). */

import type { Collection, Connection, Database, JsonObject, Tenant } from 'varve'
import {
  decodeHead,
  isVarveError,
  absentHead,
  firstDocument,
  fromHex,
  replicaOf,
  toHex,
  type Head,
  type ReadableDatabase,
  type Replica,
} from 'varve/engine'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NodeWorld } from './node-world.ts'

let world: NodeWorld
const cleanups: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  world = new NodeWorld()
  await world.start()
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await world.stop()
})

const coded = (code: string): unknown => expect.objectContaining({ code })
const unique = { indexes: [{ paths: ['email'], unique: true }] }
const people = (database: Database, options: object = unique): Collection<JsonObject> =>
  database.collection<JsonObject>('people', options)

interface Device {
  readonly tenant: Tenant
  readonly line: Connection
  readonly database: Database
}

/** Two devices of a tenant that the node records, connected, each with a copy of the database. */
async function pair(
  mode: 'open' | 'sealed' = 'open',
  on = world,
): Promise<{ readonly ada: Device; readonly bob: Device }> {
  const { ada, line } = await on.published()
  const bob = (await on.join(ada, line, 'bob')).tenant
  cleanups.push(
    () => ada.close(),
    () => bob.close(),
  )
  const other = on.connect(bob)
  const [a, b] = [await ada.database('crm', { mode }), await bob.database('crm', { mode })]
  await line.settled()
  await other.settled()
  return { ada: { tenant: ada, line, database: a }, bob: { tenant: bob, line: other, database: b } }
}

/** What the node reads of a database. */
async function atNode<R>({ tenant, database }: Device, work: (read: ReadableDatabase) => R | Promise<R>): Promise<R> {
  const node = await world.tenants.node(tenant.id)
  return node.read(replicaOf(database).context.id, work)
}

async function synced(...devices: readonly Device[]): Promise<void> {
  for (let turn = 0; turn < 2; turn++) for (const { line } of devices) await line.settled()
}

const emails = (read: ReadableDatabase): Promise<string[]> =>
  read
    .collection<JsonObject>('people')
    .find()
    .toArray()
    .then((docs) => docs.map((doc) => (typeof doc['email'] === 'string' ? doc['email'] : '')).toSorted())

describe('a unique index of an open database', () => {
  test('is kept by the node: of two devices that did not see each other one is refused, learns it and rolls back', async () => {
    const { ada, bob } = await pair()
    for (const { line } of [ada, bob]) await line.disconnect()
    await people(ada.database).create({ email: 'a@x', by: 'ada' }, { id: 'first' })
    const late = await people(bob.database).create({ email: 'a@x', by: 'bob' }, { id: 'second' })
    await people(bob.database).create({ email: 'b@x' }, { id: 'third' })
    const receipt = late.receipt()
    receipt.catch(() => undefined)
    await ada.line.reconnect()
    await ada.line.settled()
    await bob.line.reconnect()
    await synced(bob, ada)
    await expect(receipt).rejects.toEqual(coded('EXISTS'))
    expect(await bob.database.refused()).toMatchObject([
      { code: 'EXISTS', documents: [{ collection: 'people', id: 'second' }] },
    ])
    for (const { database } of [ada, bob]) {
      expect(await people(database).find().sort({ id: 1 }).toArray()).toMatchObject([{ id: 'first' }, { id: 'third' }])
      expect(await people(database).duplicates()).toEqual([])
      expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
    }
    expect(await atNode(ada, emails)).toEqual(['a@x', 'b@x'])
    expect(await atNode(ada, (read) => read.verify())).toMatchObject({ ok: true, problems: [] })
    expect(await atNode(ada, (read) => read.collections())).toEqual(['people'])
  })

  test('holds after the node was restarted, and for a device that declares nothing', async () => {
    const { ada, bob } = await pair()
    await people(ada.database).create({ email: 'a@x' }, { id: 'first' })
    await synced(ada, bob)
    await bob.line.disconnect()
    await ada.line.disconnect()
    await world.stop()
    await world.start()
    // Taken from ada's copy only after it was written: bob's replica knows the index too, so nobody is asked there.
    const other = people(bob.database, {})
    await expect(other.create({ email: 'a@x' })).rejects.toEqual(coded('EXISTS'))
    await other.create({ email: 'b@x' }, { id: 'second' })
    await people(ada.database).create({ email: 'b@x' }, { id: 'late' })
    await bob.line.reconnect()
    await bob.line.settled()
    await ada.line.reconnect()
    await synced(ada, bob)
    expect(await ada.database.refused()).toMatchObject([{ code: 'EXISTS' }])
    expect(await atNode(bob, emails)).toEqual(['a@x', 'b@x'])
  })

  test('that is declared over duplicates reports them and blocks nobody', async () => {
    const { ada, bob } = await pair()
    for (const { line } of [ada, bob]) await line.disconnect()
    await people(ada.database, {}).create({ email: 'a@x' }, { id: 'a' })
    await people(bob.database, {}).create({ email: 'a@x' }, { id: 'b' })
    for (const { line } of [ada, bob]) await line.reconnect()
    await synced(ada, bob)
    await people(ada.database).find().first()
    await synced(ada, bob)
    const expected = [{ paths: ['email'], values: ['a@x'], ids: ['a', 'b'] }]
    expect(await atNode(ada, (read) => read.collection('people').duplicates())).toEqual(expected)
    expect(await people(bob.database, {}).duplicates()).toEqual(expected)
    await people(bob.database).patch('b', { name: 'still possible' })
    await people(bob.database).patch('b', { email: 'b@x' })
    await synced(ada, bob)
    expect(await bob.database.refused()).toEqual([])
    expect(await atNode(ada, (read) => read.collection('people').duplicates())).toEqual([])
  })

  test('is kept by a node that becomes the recorder after it was declared', async () => {
    const { ada } = await pair()
    await people(ada.database).create({ email: 'a@x' }, { id: 'first' })
    await ada.line.settled()
    const next = new NodeWorld()
    await next.start()
    cleanups.push(() => next.stop())
    await next.tenants.register(await ada.tenant.registration())
    const there = { connector: next.connector }
    const line = ada.tenant.connect('ws://other.test', there)
    await line.settled()
    await next.tenants.appoint(ada.tenant.id, await ada.tenant.appoint(next.tenants.publicKey))
    await ada.tenant.adoptAppointments(await next.tenants.appointments(ada.tenant.id))
    await line.settled()
    const bob = (await next.join(ada.tenant, line, 'bert')).tenant
    cleanups.push(() => bob.close())
    // His copy is empty: it knows neither the index nor the value.
    const copy = await bob.database('crm', { mode: 'open' })
    await people(copy, {}).create({ email: 'a@x' }, { id: 'second' })
    await bob.connect('ws://other.test', there).settled()
    expect(await copy.refused()).toMatchObject([{ code: 'EXISTS' }])
  })
})

describe('a sealed database on the same node', () => {
  test('is not read, and keeps no unique index', async () => {
    const { ada, bob } = await pair('sealed')
    for (const { line } of [ada, bob]) await line.disconnect()
    await people(ada.database).create({ email: 'a@x' }, { id: 'a' })
    await people(bob.database).create({ email: 'a@x' }, { id: 'b' })
    for (const { line } of [ada, bob]) await line.reconnect()
    await synced(ada, bob)
    expect(await bob.database.refused()).toEqual([])
    expect(await people(bob.database).duplicates()).toMatchObject([{ ids: ['a', 'b'] }])
    await expect(atNode(ada, emails)).rejects.toEqual(coded('UNSUPPORTED'))
    const node = await world.tenants.node(ada.tenant.id)
    for (const id of node.databases) {
      await node.reading(fromHex(id), (replica) => {
        expect(replica.context).toMatchObject({ mode: 'sealed', blind: true })
        expect(replica.state.collections.map(({ name }) => name).filter((name) => name !== null)).toEqual([])
      })
    }
  })
})

describe('sealed attributes of an open database', () => {
  test('stay sealed for the node: what asks for them fails, and all else is answered', async () => {
    const { ada } = await pair()
    await ada.tenant.keys.create('hr')
    const docs = ada.database.collection<JsonObject>('people', { seal: ['ssn'], key: 'hr' })
    await docs.create({ id: 'a', city: 'Oslo', ssn: '1' })
    await docs.create({ id: 'b', city: 'Bergen' })
    await ada.line.settled()
    await atNode(ada, async (read) => {
      const seen = read.collection<JsonObject>('people')
      expect(await seen.find({ city: 'Oslo' }).toArray()).toMatchObject([{ id: 'a', city: 'Oslo' }])
      expect(await seen.get('a')).not.toHaveProperty('ssn')
      await expect(seen.find({ ssn: '1' }).toArray()).rejects.toEqual(coded('KEY_MISSING'))
      await expect(seen.find().sort({ ssn: 1 }).toArray()).rejects.toEqual(coded('KEY_MISSING'))
      await expect(seen.find().group(['ssn'], { n: { count: true } })).rejects.toEqual(coded('KEY_MISSING'))
      expect(await seen.find().count()).toBe(2)
    })
  })
})

describe('what the node makes of an open database', () => {
  test('is what devices make of it', async () => {
    const { ada, bob } = await pair()
    const node = await world.tenants.node(ada.tenant.id)
    let round = 0
    await fc.assert(
      fc.asyncProperty(fc.array(acts, { minLength: 1, maxLength: 40 }), async (steps) => {
        for (const { line } of [ada, bob]) await line.disconnect()
        const name = `round-${round++}`
        const copies: Database[] = []
        for (const { tenant } of [ada, bob]) copies.push(await tenant.database(name, { mode: 'open' }))
        for (const step of steps) await act(copies[step.by], step)
        for (const { line } of [ada, bob]) await line.reconnect()
        await synced(ada, bob)
        const [first, second] = copies.map(replicaOf)
        if (first === undefined || second === undefined) throw new Error('no copies')
        const expected = await headsOf(first)
        expect(await headsOf(second)).toEqual(expected)
        expect(await node.reading(first.context.id, headsOf)).toEqual(expected)
        expect(await node.read(first.context.id, (read) => read.verify())).toMatchObject({ ok: true, problems: [] })
        expect(await node.read(first.context.id, (read) => read.collection('things').duplicates())).toEqual([])
      }),
      { numRuns: 40 },
    )
  }, 60_000)

  test('is read only: the node writes nothing of its own', async () => {
    const { ada } = await pair()
    await people(ada.database).create({ email: 'a@x' }, { id: 'a' })
    await ada.line.settled()
    const node = await world.tenants.node(ada.tenant.id)
    await node.reading(replicaOf(ada.database).context.id, ({ context }) => {
      const { publicKey } = context.device
      const viewpoint = { standings: [], recorded: true }
      expect(context.refuses(publicKey, { collections: [], standings: [] }, viewpoint)).toMatch('writes nothing')
    })
  })
})

interface Act {
  readonly by: number
  readonly what: 'put' | 'patch' | 'enrich' | 'delete' | 'restore'
  readonly id: string
  readonly value: JsonObject
}

const acts: fc.Arbitrary<Act> = fc.record({
  by: fc.nat(1),
  what: fc.constantFrom('put', 'patch', 'enrich', 'delete', 'restore'),
  id: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.record({ n: fc.nat(3), tags: fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 3 }) }),
})

/** Does it, as far as the device may: half of these are refused on the spot. */
async function act(database: Database | undefined, { what, id, value }: Act): Promise<void> {
  if (database === undefined) throw new Error('no copy')
  const docs = database.collection<JsonObject>('things', { indexes: [{ paths: ['n'], unique: true }] })
  const done: Record<Act['what'], () => Promise<unknown>> = {
    put: () => docs.create(value, { id }),
    patch: () => docs.patch(id, value),
    enrich: () => docs.enrich(id, value),
    delete: () => docs.delete(id),
    restore: () => docs.restore(id),
  }
  await done[what]().catch((error: unknown) => {
    if (!isVarveError(error)) throw error
    expect(['EXISTS', 'NOT_FOUND', 'DELETED']).toContain(error.code)
  })
}

/** All heads by tag; feeds are numbered otherwise in each copy. */
async function headsOf({ state, store }: Replica): Promise<Record<string, Head>> {
  const heads: Record<string, Head> = {}
  for (const { no } of state.collections) {
    for (const row of await store.scan(no, firstDocument(no), 10_000)) {
      const head = row.state === null ? absentHead : decodeHead(row.state)
      // What was refused leaves an empty row where it was held as pending.
      if (head.recorded + head.pending === 0) continue
      heads[toHex(row.tag)] = { ...head, order: { ...head.order, feed: 0 } }
    }
  }
  return heads
}
