/** A recorder, with keys or without, lets one commit count of all that stand for a refused one, whoever made them and whatever it forgot. */

import { describe, expect, test } from 'vitest'
import { encodeOperation } from '../src/document/operation.ts'
import { makeStamp } from '../src/encoding/stamp.ts'
import { createIdentity, type DeviceIdentity } from '../src/keys/identity.ts'
import { encodeEntry } from '../src/log/entry.ts'
import { decodeHeader, type CommitName } from '../src/log/header.ts'
import { encodeUnit } from '../src/log/unit.ts'
import { ingest, recordPending } from '../src/replica/ingest.ts'
import { issueName } from '../src/replica/issues.ts'
import { verifyReplica } from '../src/replica/verify.ts'
import { ForgedFeed, unitsBetween, World, type Forged, type Member } from './attack-world.ts'
import type { Data } from './engine-world.ts'

const hour = 3_600_000

function push(world: World): Forged {
  const operations = [encodeOperation({ op: 'inc', path: ['n'], by: 1 })]
  const body = encodeEntry({ id: null, collection: null, actor: null, reason: null, operations })
  return { collection: 'people', tag: world.tag('people', 'x'), kind: 'change', body }
}

/** The founder records, "x" is there, and a device of eve's has had its commits refused that were an hour ahead. */
async function village() {
  const world = new World()
  let now = world.env.now()
  Object.assign(world.env, { now: () => now })
  const ada = await world.member(world.founder)
  await ada.database.collection<Data>('people').create({ id: 'x', n: 0 })
  now += 1000
  const eve = createIdentity('eve', world.env)
  world.approve(eve)
  const ahead = new ForgedFeed(world, eve)
  for (const n of [0, 1]) ahead.add([push(world)], (header) => ({ ...header, stamp: makeStamp(now + hour + n, 0) }))
  const pass = (ms: number): void => void (now += ms)
  /** One commit that names another, or none, in a feed of its own. */
  const issue = (original: CommitName | null, device: DeviceIdentity = eve): ForgedFeed =>
    new ForgedFeed(world, device).add([push(world)], (header) => ({ ...header, original }))
  return { world, ada, eve, ahead, issue, pass }
}

/** What the recorder holds of a commit of this feed. */
async function nameOf({ replica }: Member, { id: feed }: ForgedFeed, seq = 0): Promise<CommitName> {
  const [row] = await replica.store.commits(replica.feedById(feed)?.no ?? 0, seq, 1)
  if (row === undefined) throw new Error('the commit is not here')
  return { feed, seq, id: row.id }
}

async function countOf({ database }: Member): Promise<unknown> {
  return (await database.collection<Data>('people').get('x'))?.['n']
}

/** The codes of the record, from the first commit of eve's on. */
async function verdictsOf({ replica }: Member, from = 1): Promise<readonly string[]> {
  const rows = await replica.store.receipts(from, 100)
  const heads = await replica.store.commitHeads(rows.map(({ commit }) => commit))
  return heads.map((head) => head?.refused ?? 'accepted')
}

describe('a recorder', () => {
  test('accepts one commit for a refused one, whether others come with it, later, or after a restart', async () => {
    const { world, ada, ahead, issue } = await village()
    await ingest(ada.replica, ahead.unit())
    const [first, second] = [await nameOf(ada, ahead), await nameOf(ada, ahead, 1)]
    const together = [issue(first), issue(first), issue(second)]
    await ingest(ada.replica, encodeUnit({ feeds: together.map((feed) => feed.run()), record: null }))
    await ingest(ada.replica, issue(first).unit())
    const again = await world.member(world.founder, { store: ada.replica.store })
    await ingest(again.replica, issue(second).unit())
    const all = (await verdictsOf(again)).toSorted()
    expect(all).toEqual(['CLOCK_AHEAD', 'CLOCK_AHEAD', 'EXISTS', 'EXISTS', 'EXISTS', 'accepted', 'accepted'].toSorted())
    expect(await countOf(again)).toBe(2)
    expect(await verifyReplica(again.replica)).toMatchObject({ ok: true, problems: [] })
  })

  test('is told by the log alone, also one without keys that takes over from another', async () => {
    const { world, ada, ahead, issue } = await village()
    await ingest(ada.replica, ahead.unit())
    const original = await nameOf(ada, ahead)
    await ingest(ada.replica, issue(original).unit())
    const units = await unitsBetween(ada, await world.member(createIdentity('late', world.env)))
    world.recording = false
    const heir = await world.member(world.founder)
    Object.assign(heir.replica.context, { blind: true, keys: { current: () => null, byId: () => null } })
    for (const unit of units) await ingest(heir.replica, unit)
    await ingest(heir.replica, issue(original).unit())
    world.recording = true
    await recordPending(heir.replica)
    await ingest(heir.replica, issue(original).unit())
    expect(await verdictsOf(heir)).toEqual(['CLOCK_AHEAD', 'CLOCK_AHEAD', 'accepted', 'EXISTS', 'EXISTS'])
  })

  test('accepts nothing for a commit that it has not refused as ahead, that is another, or of another device', async () => {
    const { world, ada, ahead, issue } = await village()
    const mallory = createIdentity('mallory', world.env)
    world.approve(mallory)
    await ingest(ada.replica, ahead.unit())
    const original = await nameOf(ada, ahead)
    const own = issue(null)
    await ingest(ada.replica, own.unit())
    const names: readonly CommitName[] = [
      { ...original, seq: 1 },
      { ...original, seq: Number.MAX_SAFE_INTEGER },
      { ...original, feed: own.id },
      { ...original, feed: new Uint8Array(16) },
      { ...original, id: new Uint8Array(32) },
    ]
    for (const name of names) await ingest(ada.replica, issue(name).unit())
    await ingest(ada.replica, issue(original, mallory).unit())
    const wrong = Array.from({ length: names.length + 1 }, () => 'INVALID')
    expect(await verdictsOf(ada)).toEqual(['CLOCK_AHEAD', 'CLOCK_AHEAD', 'accepted', ...wrong])
    // Nobody was kept from issuing his own again, and what counts is not issued again.
    await ingest(ada.replica, issue(original).unit())
    await ingest(ada.replica, issue(await nameOf(ada, own)).unit())
    expect((await verdictsOf(ada)).slice(-2)).toEqual(['accepted', 'EXISTS'])
    expect(await countOf(ada)).toBe(2)
    expect(await verifyReplica(ada.replica)).toMatchObject({ ok: true, problems: [] })
  })

  test.each([true, false])('judges what is named first, and that is still ahead: %s', async (still) => {
    const { world, ada, ahead, issue, pass } = await village()
    const late = await world.member(createIdentity('late', world.env))
    await ingest(late.replica, ahead.unit())
    const original = await nameOf(late, ahead)
    if (!still) pass(hour)
    const feeds = [issue(original).run(), ahead.run()]
    await ingest(ada.replica, encodeUnit({ feeds, record: null }))
    const expected = still ? ['CLOCK_AHEAD', 'CLOCK_AHEAD', 'accepted'] : ['accepted', 'EXISTS', 'accepted']
    expect((await verdictsOf(ada)).toSorted()).toEqual(expected.toSorted())
    expect(await countOf(ada)).toBe(still ? 1 : 2)
  })

  test.each([true, false])('does so with what has waited for it, still ahead: %s', async (still) => {
    const { world, ada, ahead, issue, pass } = await village()
    world.recording = false
    await ingest(ada.replica, ahead.unit())
    await ingest(ada.replica, issue(await nameOf(ada, ahead)).unit())
    if (!still) pass(hour)
    world.recording = true
    await recordPending(ada.replica)
    expect(await countOf(ada)).toBe(still ? 1 : 2)
    expect(await verifyReplica(ada.replica)).toMatchObject({ ok: true, problems: [] })
  })
})

test('a device that is named by others does not think it had issued its commits again', async () => {
  const { world, ada, ahead, issue, eve } = await village()
  const mallory = createIdentity('mallory', world.env)
  world.approve(mallory)
  const own = await world.member(eve)
  await ingest(own.replica, ahead.unit())
  const original = await nameOf(own, ahead)
  await ingest(own.replica, issue(original, mallory).unit())
  for (const unit of await unitsBetween(own, ada)) await ingest(ada.replica, unit)
  for (const unit of await unitsBetween(ada, own)) await ingest(own.replica, unit)
  expect(await own.database.refused()).toHaveLength(2)
  await own.replica.clockFoundRight()
  for (const unit of await unitsBetween(own, ada)) await ingest(ada.replica, unit)
  expect(await countOf(ada)).toBe(2)
})

test('a note that was lost is found missing', async () => {
  const { ada, ahead, issue } = await village()
  await ingest(ada.replica, ahead.unit())
  const original = await nameOf(ada, ahead)
  const again = issue(original)
  await ingest(ada.replica, again.unit())
  const [row] = await ada.replica.store.commits(ada.replica.feedById(again.id)?.no ?? 0, 0, 1)
  expect(decodeHeader(row?.header ?? new Uint8Array()).original).toEqual(original)
  await ada.replica.store.write({ values: new Map([[issueName(original.id), null]]) })
  expect(await verifyReplica(ada.replica)).toMatchObject({ ok: false, problems: [{ code: 'TAMPERED' }] })
})
