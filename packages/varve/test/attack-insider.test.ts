/** Attacks by members: badly sealed bodies, forged headers, devices without standing, and writes to the directory. */

import { describe, expect, test } from 'vitest'
import { encodeOperation, type Operation } from '../src/document/operation.ts'
import { encodeCbor } from '../src/encoding/cbor.ts'
import { toHex } from '../src/encoding/bytes.ts'
import { createIdentity } from '../src/keys/identity.ts'
import { encodeEntry } from '../src/log/entry.ts'
import type { CommitHeader, EntryKind } from '../src/log/header.ts'
import { encodeUnit } from '../src/log/unit.ts'
import { ingest } from '../src/replica/ingest.ts'
import { ForgedFeed, refused, unitsBetween, World, type Forged, type Member } from './attack-world.ts'
import { coded, contentsOf, failure, gather, threeCopies, type Data } from './engine-world.ts'

function put(world: World, collection: string, id: string, data: Data, over: Partial<Forged> = {}): Forged {
  const body = encodeEntry({
    id,
    collection,
    actor: 'mallory',
    reason: null,
    operations: [encodeOperation({ op: 'put', data, lineage: null })],
  })
  return { collection, tag: world.tag(collection, id), kind: 'put', body, ...over }
}

function change(
  collection: string,
  tag: Uint8Array,
  operations: readonly Operation[],
  kind: EntryKind = 'change',
): Forged {
  const body = encodeEntry({
    id: null,
    collection: null,
    actor: 'mallory',
    reason: null,
    operations: operations.map(encodeOperation),
  })
  return { collection, tag, kind, body }
}

async function expectClean(...members: readonly Member[]): Promise<void> {
  const [first, ...others] = await Promise.all(members.map(({ database }) => contentsOf(database)))
  for (const other of others) expect(other).toEqual(first)
  for (const { database } of members) {
    const { problems } = await database.verify()
    expect(problems.filter(({ code }) => code !== 'INVALID')).toEqual([])
  }
}

describe.each(['sealed', 'open'] as const)('entries made wrongly by a member, %s', (mode) => {
  test('are void: they count as a version, change nothing, and are the same everywhere', async () => {
    const world = new World(mode)
    const { ada, bob } = await world.pair()
    const docs = ada.database.collection<Data>('people')
    await docs.create({ id: 'good', n: 1 })
    const cleo = createIdentity('cleo', world.env)
    world.approve(cleo)
    const good = world.tag('people', 'good')
    const raw = (value: unknown): Forged => ({
      collection: 'people',
      tag: good,
      kind: 'change',
      body: encodeCbor(value),
    })
    const entry = (...operations: unknown[]): Forged => raw([1, null, null, null, null, operations])
    const wrong: readonly Forged[] = [
      put(world, 'people', 'good', { n: 666 }, { tag: world.tag('people', 'elsewhere') }),
      put(world, 'people', 'another', { n: 666 }, { tag: good }),
      put(world, 'other', 'good', { n: 666 }, { collection: 'people', tag: good }),
      { collection: 'people', tag: good, kind: 'change', body: new Uint8Array([0xff, 1, 2]) },
      { collection: 'people', tag: good, kind: 'change', body: new Uint8Array() },
      { collection: 'people', tag: good, kind: 'change', body: new Uint8Array(100_000).fill(0x81) },
      raw(null),
      raw([1]),
      raw([1, 7, null, null, null, []]),
      entry([1, ['n'], { __proto__x: 1, $set: 1 }]),
      entry([1, ['__proto__'], 1]),
      entry([1, ['__proto__', 'polluted'], 1]),
      entry([1, ['_system', 'ov'], 99]),
      entry([1, ['_x'], 1]),
      entry([1, [], 1]),
      entry([1, ['n']]),
      entry([1, Array.from({ length: 100 }, () => 'a'), 1]),
      entry([3, ['n'], 'x']),
      entry([4, ['n'], 'x']),
      entry([7, [1], null]),
      entry([7, { _x: 1 }, null]),
      entry('delete'),
      entry([-1]),
    ]
    const feed = new ForgedFeed(world, cleo)
    for (const each of wrong) feed.add([each])
    if (mode === 'sealed') feed.add([{ ...put(world, 'people', 'good', { n: 666 }), raw: true }])
    const sealed = (header: CommitHeader): CommitHeader => ({
      ...header,
      keys: [world.key.id],
      entries: header.entries.map((head) => ({ ...head, key: 0 })),
    })
    if (mode === 'open') feed.add([put(world, 'people', 'good', { n: 666 })], sealed)
    feed.add([put(world, 'people', 'fine', { n: 7 })])
    await ingest(bob.replica, feed.unit())
    expect(await bob.database.collection<Data>('people').get('fine')).toMatchObject({ n: 7 })
    await bob.database.sync(ada.database)
    expect(await docs.get('good')).toMatchObject({ n: 1 })
    expect(await docs.get('fine')).toMatchObject({ n: 7 })
    expect(await docs.find().count()).toBe(2)
    expect(Object.prototype).not.toHaveProperty('polluted')
    const versions = await gather(docs.history('good'))
    expect(versions.length).toBeGreaterThan(15)
    for (const { doc } of versions) expect(doc).toMatchObject({ n: 1 })
    const { problems } = await ada.database.verify()
    expect(problems.length).toBeGreaterThan(15)
    for (const { where } of problems) expect(where).toContain(toHex(feed.id))
    await docs.patch('good', { n: 2 })
    await bob.database.sync(ada.database)
    await expectClean(ada, bob)
  })
})

test('an entry or an operation of a later format counts, cannot be read yet, and stops nobody', async () => {
  const world = new World()
  const { ada, bob } = await world.pair()
  for (const body of [encodeCbor([2, 'x']), encodeCbor([1, null, null, null, null, [[99]]])]) {
    const feed = new ForgedFeed(world, bob.identity).add([
      { collection: 'people', tag: world.tag('people', 'x'), kind: 'change', body },
    ])
    await ingest(ada.replica, feed.unit())
  }
  await bob.database.sync(ada.database)
  for (const side of [ada, bob]) {
    expect(await side.database.collection('people').get('x')).toBeNull()
    expect((await side.replica.store.locked('newer-format', 0, 10)).length).toBe(1)
  }
  await expectClean(ada, bob)
})

test('headers that contradict themselves are refused', async () => {
  const world = new World()
  const { ada, bob } = await world.pair()
  const entry = put(world, 'people', 'x', { n: 1 })
  const forge = (edit: Parameters<ForgedFeed['add']>[1]): Uint8Array =>
    new ForgedFeed(world, bob.identity).add([entry], edit).unit()
  await refused(
    ada,
    forge((header) => ({ ...header, device: null })),
    ['TAMPERED'],
  )
  await refused(
    ada,
    forge((header) => ({ ...header, root: new Uint8Array(32) })),
    ['TAMPERED'],
  )
  const sized = (size: number) =>
    forge((header) => ({ ...header, entries: header.entries.map((each) => ({ ...each, size })) }))
  for (const size of [0, 1, 1e6]) await refused(ada, sized(size), ['INVALID', 'TAMPERED'])
  await refused(ada, sized(40 * 1024 * 1024), ['TOO_LARGE'])
  await refused(
    ada,
    forge((header) => ({ ...header, collections: [] })),
    ['INVALID'],
  )
  const again = new ForgedFeed(world, bob.identity).add([entry]).add([entry], (header) => ({
    ...header,
    device: { publicKey: bob.identity.signing.publicKey, nonce: new Uint8Array(16) },
  }))
  await refused(ada, again.unit(), ['TAMPERED'])
  const backwards = new ForgedFeed(world, bob.identity)
  const stamp = backwards.stamp()
  const equal = backwards
    .add([entry], (header) => ({ ...header, stamp }))
    .add([entry], (header) => ({ ...header, stamp }))
  await refused(ada, equal.unit(), ['TAMPERED'])
})

test('one commit that changes a document twice is refused, and one under another collection reaches another document', async () => {
  const world = new World()
  const { ada, bob } = await world.pair()
  await ada.database.collection<Data>('people').create({ id: 'x', n: 1 })
  await bob.database.sync(ada.database)
  const tag = world.tag('people', 'x')
  const cleo = createIdentity('cleo', world.env)
  world.approve(cleo)
  const set = (n: number): Operation => ({ op: 'set', path: ['n'], value: n })
  const feed = new ForgedFeed(world, cleo)
    .add([change('people', tag, [set(666)]), change('people', tag, [set(667)])])
    .add([change('cats', tag, [set(668)])])
    .add([change('people', tag, [set(2)])])
    .add([change('people', tag, [set(3)])], (header) => ({ ...header, preconditions: [{ index: 9, ov: 0 }] }))
  await ingest(bob.replica, feed.unit())
  expect(await bob.database.collection('people').get('x')).not.toMatchObject({ n: 666 })
  await bob.database.sync(ada.database)
  const log = (await gather(ada.database.commits())).filter(({ feed: id }) => id === toHex(feed.id))
  expect(log.map(({ refused: code }) => code)).toEqual(['INVALID', null, null, 'INVALID'])
  for (const { database } of [ada, bob]) expect(await database.collection('people').get('x')).toMatchObject({ n: 2 })
  await expectClean(ada, bob)
})

describe('standing', () => {
  test('a device that is not in the directory is not taken', async () => {
    const world = new World()
    const { ada, bob } = await world.pair()
    const stranger = createIdentity('mallory', world.env)
    const feed = new ForgedFeed(world, stranger).add([put(world, 'people', 'x', {})])
    await refused(ada, feed.unit(), ['FORBIDDEN'])
    await refused(bob, feed.unit(), ['FORBIDDEN'])
  })

  test('a revoked device keeps its past and writes no more', async () => {
    const world = new World()
    const { ada, bob } = await world.pair()
    await bob.database.collection<Data>('people').create({ id: 'before' })
    await bob.database.sync(ada.database)
    const late = await bob.database.collection<Data>('people').create({ id: 'after' })
    world.approve(bob.identity, 'revoked')
    await bob.database.sync(ada.database)
    expect(await failure(() => late.receipt())).toEqual(coded('FORBIDDEN'))
    for (const { database } of [ada, bob])
      expect((await database.collection('people').find().toArray()).map(({ id }) => id)).toEqual(['before'])
    await expectClean(ada, bob)
  })

  test('a commit of a revoked device that a peer brings is held back until the recorder has judged it', async () => {
    const world = new World()
    const { ada, bob } = await world.pair()
    const cleo = createIdentity('cleo', world.env)
    world.approve(cleo)
    const third = await world.member(cleo)
    await third.database.collection<Data>('people').create({ id: 'x' })
    const units = await unitsBetween(third, bob)
    world.approve(cleo, 'revoked')
    for (const unit of units) await ingest(bob.replica, unit)
    expect(await bob.database.collection('people').get('x')).toBeNull()
    await bob.database.sync(ada.database)
    expect((await gather(bob.database.commits())).map(({ refused: code }) => code)).toEqual(['FORBIDDEN'])
    await expectClean(ada, bob)
  })

  test('a member who writes to users or devices is refused, also under the name of another collection', async () => {
    const world = new World()
    const { ada, bob } = await world.pair(true)
    const device = toHex(bob.identity.signing.publicKey)
    await ada.database.collection<Data>('devices').create({ id: device, user: 'bob', revoked: false })
    await ada.database.collection<Data>('users').create({ id: 'bob', roles: [] })
    await bob.database.sync(ada.database)
    const roles: Operation = { op: 'set', path: ['roles'], value: ['admin'] }
    const revoked: Operation = { op: 'set', path: ['revoked'], value: true }
    const users = world.tag('users', 'bob')
    const devices = world.tag('devices', device)
    const feed = new ForgedFeed(world, bob.identity)
      .add([change('users', users, [roles])])
      .add([change('devices', devices, [revoked])])
      .add([change('databases', users, [roles])])
      .add([change('databases', devices, [revoked])])
      .add([put(world, 'databases', 'd', { name: 'd' }), change('users', users, [roles])])
      .add([put(world, 'databases', 'e', { name: 'e' })])
    const cleo = createIdentity('cleo', world.env)
    world.approve(cleo)
    const third = await world.member(cleo, { directory: true })
    await third.database.sync(ada.database)
    await ingest(third.replica, feed.unit())
    expect(await third.database.collection('users').get('bob')).toMatchObject({ roles: [] })
    await ingest(ada.replica, feed.unit())
    const log = (await gather(ada.database.commits())).filter(({ feed: id }) => id === toHex(feed.id))
    expect(log.map(({ refused: code }) => code)).toEqual([
      'FORBIDDEN',
      'FORBIDDEN',
      // Under another collection they speak of other documents, which nobody created.
      null,
      null,
      'FORBIDDEN',
      null,
    ])
    await third.database.sync(ada.database)
    await bob.database.sync(ada.database)
    for (const { database } of [ada, bob, third]) {
      expect(await database.collection('users').get('bob')).toMatchObject({ roles: [] })
      expect(await database.collection('devices').get(device)).toMatchObject({ revoked: false })
      expect(await database.collection('databases').get('e')).toMatchObject({ name: 'e' })
    }
    await expectClean(ada, bob, third)
  })

  test('members cannot approve or revoke, and the founder cannot be revoked', async () => {
    const { tenants } = await threeCopies()
    const [first, second] = tenants
    if (first === undefined || second === undefined) return expect.unreachable()
    expect(await failure(() => second.tenant.directory.revoke('cleo'))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => second.tenant.directory.approve('x'))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => first.tenant.directory.revoke('ada'))).toEqual(coded('FORBIDDEN'))
    expect(await failure(() => first.tenant.directory.revoke('nobody'))).toEqual(coded('NOT_FOUND'))
  })

  test('B1 a revoked user keeps what was recorded, and everything new is refused', async () => {
    const { a, b, tenants } = await threeCopies()
    await b.collection<Data>('people').create({ id: 'old' })
    await b.sync(a)
    await tenants[0]?.tenant.directory.revoke('bob')
    const late = await b.collection<Data>('people').create({ id: 'new' })
    await b.sync(a)
    expect(await failure(() => late.receipt())).toEqual(coded('FORBIDDEN'))
    expect((await a.collection('people').find().toArray()).map(({ id }) => id)).toEqual(['old'])
    expect((await tenants[0]?.tenant.directory.users())?.find(({ name }) => name === 'bob')?.revoked).toBe(true)
  })
})

test('a unit of nothing is nothing', async () => {
  const world = new World()
  const { ada } = await world.pair()
  expect(await ingest(ada.replica, encodeUnit({ feeds: [], record: null }))).toEqual({
    commits: 0,
    receipts: 0,
    verdicts: [],
  })
})
