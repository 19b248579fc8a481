/** Attacks on sync: flipped, cut, reordered, replayed and forged units are refused with a code, and change nothing. */

import { describe, expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { createIdentity } from '../src/keys/identity.ts'
import { encodeCbor } from '../src/encoding/cbor.ts'
import { commitId, feedHeadMessage, noCommit } from '../src/log/commit.ts'
import { decodeHeader, encodeHeader, type CommitHeader } from '../src/log/header.ts'
import { decodeReceipt, encodeReceipt, noReceipt, receiptId, recordHeadMessage } from '../src/log/receipt.ts'
import { decodeUnit, encodeUnit, type RecordRun, type Unit } from '../src/log/unit.ts'
import { ingest } from '../src/replica/ingest.ts'
import { dump, ForgedFeed, refused, rewritten, unitsBetween, World } from './attack-world.ts'
import type { Data } from './engine-world.ts'

const decoding = ['INVALID', 'TOO_LARGE', 'UNSUPPORTED_VERSION']
const damage = ['TAMPERED', 'FORKED_FEED', ...decoding]

/** A sender with some history, of which the receiver has the first half. */
async function exchange(mode: 'sealed' | 'open') {
  const world = new World(mode)
  const { ada, bob } = await world.pair()
  const docs = ada.database.collection<Data>('people')
  await docs.createMany([
    { id: 'a', n: 1 },
    { id: 'b', n: 2 },
  ])
  await bob.database.sync(ada.database)
  await docs.patch('a', { n: 10 }, { expectedOv: 0 })
  await docs.delete('b')
  await docs.create({ id: 'c', text: 'x'.repeat(40) })
  const [unit = new Uint8Array()] = await unitsBetween(ada, bob)
  return { world, ada, bob, unit }
}

describe.each(['sealed', 'open'] as const)('a unit of a %s database', (mode) => {
  test('every flipped byte is detected', async () => {
    const { bob, unit } = await exchange(mode)
    const before = await dump(bob)
    const step = Math.max(1, Math.floor(unit.length / 600))
    let tried = 0
    for (let at = 0; at < unit.length; at += step) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const flipped = unit.slice()
        flipped[at] = (flipped[at] ?? 0) ^ mask
        const outcome = await ingest(bob.replica, flipped).then(
          () => 'accepted',
          (error: unknown) => (error instanceof Error && 'code' in error ? error.code : String(error)),
        )
        expect([
          `byte ${at} of ${unit.length} ^ ${mask}: ${String(outcome)}`,
          damage.includes(String(outcome)),
        ]).toEqual([`byte ${at} of ${unit.length} ^ ${mask}: ${String(outcome)}`, true])
        tried++
      }
    }
    expect(tried).toBeGreaterThan(500)
    expect(await dump(bob)).toBe(before)
    await ingest(bob.replica, unit)
    expect(await bob.database.verify()).toMatchObject({ ok: true, problems: [] })
  })

  test('every cut is detected', async () => {
    const { bob, unit } = await exchange(mode)
    const before = await dump(bob)
    for (let length = 0; length < unit.length; length += 3)
      await expect(ingest(bob.replica, unit.subarray(0, length))).rejects.toMatchObject({ code: 'INVALID' })
    await expect(ingest(bob.replica, new Uint8Array([...unit, 0]))).rejects.toMatchObject({ code: 'INVALID' })
    expect(await dump(bob)).toBe(before)
  })

  test('a relabelled entry is detected although all hashes are made anew', async () => {
    const { world, bob, unit } = await exchange(mode)
    const relabel = (change: (header: CommitHeader) => CommitHeader): Uint8Array =>
      rewritten(unit, ({ feeds, record }) => ({
        record,
        feeds: feeds.map((run) => ({
          ...run,
          commits: run.commits.map(({ header, bodies }, i) => ({
            header: i === 1 ? encodeHeader(change(decodeHeader(header))) : header,
            bodies,
          })),
        })),
      }))
    const entry = (change: object) => (header: CommitHeader) => ({
      ...header,
      entries: header.entries.map((each) => ({ ...each, ...change })),
    })
    const changes: readonly ((header: CommitHeader) => CommitHeader)[] = [
      entry({ tag: world.tag('people', 'a') }),
      entry({ kind: 'change' }),
      (header) => ({ ...header, collections: [new Uint8Array(16)] }),
      (header) => ({ ...header, salt: new Uint8Array(16) }),
      (header) => ({ ...header, preconditions: [{ index: 0, ov: 5 }] }),
      (header) => ({ ...header, dependencies: [{ feed: new Uint8Array(16), length: 1 }] }),
      (header) => ({ ...header, keys: header.keys.map(() => new Uint8Array(16)), root: new Uint8Array(32) }),
    ]
    for (const [i, change] of changes.entries()) await refused(bob, relabel(change), ['TAMPERED'], `change ${i}`)
  })
})

test('units that come early, twice or late change nothing they should not', async () => {
  const world = new World()
  const { ada, bob } = await world.pair()
  const docs = ada.database.collection<Data>('people')
  const sent: Uint8Array[] = []
  const copy = await world.member(createIdentity('cleo', world.env))
  for (let i = 0; i < 4; i++) {
    await docs.create({ id: `d${i}` })
    const [unit = new Uint8Array()] = await unitsBetween(ada, copy)
    sent.push(unit)
    await ingest(copy.replica, unit)
  }
  const [first, second, third, fourth] = sent
  for (const early of [second, third, fourth]) await refused(bob, early ?? new Uint8Array(), ['INVALID'])
  for (const unit of sent) {
    await ingest(bob.replica, unit)
    const before = await dump(bob)
    for (const old of sent.slice(0, sent.indexOf(unit) + 1))
      expect(await ingest(bob.replica, old)).toEqual({ commits: 0, receipts: 0, verdicts: [] })
    expect(await dump(bob)).toBe(before)
  }
  await refused(
    bob,
    rewritten(first ?? new Uint8Array(), (unit) => ({ ...unit, feeds: [...unit.feeds, ...unit.feeds] })),
    ['INVALID'],
  )
  expect(await bob.database.verify()).toMatchObject({ ok: true })
})

test('a unit of another database of the same members is refused', async () => {
  const world = new World()
  const { ada, bob } = await world.pair()
  const other = await world.member(world.founder, { id: new Uint8Array(16).fill(8) })
  const empty = await world.member(createIdentity('cleo', world.env), { id: new Uint8Array(16).fill(8) })
  await other.database.collection<Data>('people').create({ id: 'x' })
  for (const unit of await unitsBetween(other, empty)) {
    await refused(bob, unit, ['TAMPERED'])
    await refused(ada, unit, ['TAMPERED'])
  }
})

test('bytes of a later format, and lists that are too long, say so', async () => {
  const { bob, unit } = await exchange('sealed')
  const { feeds, record } = decodeUnit(unit)
  const [run] = feeds
  if (run === undefined || record === null) return expect.unreachable()
  await refused(bob, encodeCbor([2, [], null]), ['UNSUPPORTED_VERSION'])
  await refused(bob, encodeCbor([1, [], null, 'more']), ['INVALID'])
  const header = run.commits[0]?.header ?? new Uint8Array()
  const later = header.slice()
  later[1] = 2
  const withHeader = (bytes: Uint8Array): Uint8Array =>
    encodeUnit({ feeds: [{ ...run, commits: [{ header: bytes, bodies: new Uint8Array() }] }], record: null })
  await refused(bob, withHeader(later), ['UNSUPPORTED_VERSION'])
  await refused(bob, withHeader(new Uint8Array(2 * 1024 * 1024 + 1)), ['TOO_LARGE'])
  const commits = Array.from({ length: 10_001 }, () => ({ header: new Uint8Array(), bodies: new Uint8Array() }))
  await refused(bob, encodeUnit({ feeds: [{ ...run, commits }], record: null }), ['TOO_LARGE'])
  const receipts = record.receipts.map((receipt, i) => (i === 0 ? { ...receipt, bytes: encodeCbor([2]) } : receipt))
  await refused(bob, encodeUnit({ feeds, record: { ...record, receipts } }), ['UNSUPPORTED_VERSION'])
  await refused(bob, encodeUnit({ feeds: [{ ...run, commits: [] }], record: null }), ['INVALID'])
  for (const garbage of [[], [1], [1, 1, null], [1, [[1]], null], ['1', [], null], {}, 7, null])
    await refused(bob, encodeCbor(garbage), [...decoding])
  const nested = new Uint8Array(200_001).fill(0x81)
  nested[200_000] = 0xf6
  await refused(bob, nested, ['INVALID'])
})

describe('receipts', () => {
  const change = (unit: Uint8Array, edit: (record: RecordRun) => RecordRun | null): Uint8Array =>
    rewritten(unit, ({ feeds, record }): Unit => ({ feeds, record: record === null ? null : edit(record) }))

  test('dropped, reordered, exchanged or re-signed by somebody else', async () => {
    const { bob, unit, world } = await exchange('sealed')
    const edits: readonly [string, (record: RecordRun) => RecordRun][] = [
      ['last dropped', (record) => ({ ...record, receipts: record.receipts.slice(0, -1) })],
      ['middle dropped', (record) => ({ ...record, receipts: record.receipts.filter((_, i) => i !== 1) })],
      ['reversed', (record) => ({ ...record, receipts: record.receipts.toReversed() })],
      [
        'exchanged subjects',
        (record) => ({
          ...record,
          receipts: record.receipts.map((receipt, i, all) => ({ ...receipt, seq: all[all.length - 1 - i]?.seq ?? 0 })),
        }),
      ],
      ['doubled', (record) => ({ ...record, receipts: [...record.receipts, ...record.receipts.slice(-1)] })],
      ['signature of nobody', (record) => ({ ...record, signature: new Uint8Array(64) })],
      [
        'signature of another member',
        (record) => ({
          ...record,
          signature: primitives.ed25519.sign(bob.identity.signing.secret, recordHeadMessage(world.id, 3, noReceipt)),
        }),
      ],
    ]
    for (const [what, edit] of edits) await refused(bob, change(unit, edit), ['TAMPERED', 'INVALID'], what)
    await refused(
      bob,
      change(unit, (record) => ({ ...record, from: record.from + 1 })),
      ['INVALID'],
      'moved up',
    )
    await refused(
      bob,
      change(unit, (record) => ({ ...record, from: record.from - 1 })),
      ['TAMPERED'],
      'moved down',
    )
  })

  /** The unit with receipts as the founder, who records, would sign them if it lied. */
  async function lying(
    lie: (receipt: ReturnType<typeof decodeReceipt>, i: number) => ReturnType<typeof decodeReceipt>,
  ) {
    const { world, bob, unit } = await exchange('sealed')
    const forged = rewritten(unit, ({ feeds, record }): Unit => {
      const [run] = feeds
      if (run === undefined || record === null) return { feeds, record }
      let previous = bob.replica.state.record.head
      let before = run.previous
      const receipts = record.receipts.map((receipt, i) => {
        const header = run.commits[i]?.header ?? new Uint8Array()
        const commit = commitId({ database: world.id, feed: run.feed, seq: run.from + i, previous: before }, header)
        before = commit
        const bytes = encodeReceipt(lie(decodeReceipt(receipt.bytes, 1), i))
        previous = receiptId({ database: world.id, record: record.from + i, previous, commit }, bytes)
        return { ...receipt, bytes }
      })
      const last = record.from + receipts.length - 1
      const signature = primitives.ed25519.sign(
        world.founder.signing.secret,
        recordHeadMessage(world.id, last, previous),
      )
      return { feeds, record: { ...record, receipts, signature } }
    })
    return { bob, forged }
  }

  test('a recorder that misnumbers or turns time back is caught', async () => {
    const honest = await lying((receipt) => receipt)
    await ingest(honest.bob.replica, honest.forged)
    expect(await honest.bob.database.verify()).toMatchObject({ ok: true })
    for (const lie of [
      (receipt: ReturnType<typeof decodeReceipt>) => ({ ...receipt, ovs: receipt.ovs.map((ov) => ov + 1) }),
      (receipt: ReturnType<typeof decodeReceipt>) => ({ ...receipt, cvs: receipt.cvs.map((cv) => cv + 1) }),
      (receipt: ReturnType<typeof decodeReceipt>) => ({ ...receipt, cvs: [] }),
      (receipt: ReturnType<typeof decodeReceipt>, i: number) => ({ ...receipt, at: receipt.at - 1_000_000 * i }),
    ]) {
      const { bob, forged } = await lying(lie)
      await refused(bob, forged, ['TAMPERED'])
    }
  })

  test('a record rewritten behind what a replica holds is caught', async () => {
    const world = new World()
    const { ada, bob } = await world.pair()
    await ada.database.collection<Data>('people').create({ id: 'a' })
    await bob.database.sync(ada.database)
    const twin = await world.member(world.founder)
    const cleo = await world.member(createIdentity('cleo', world.env))
    await twin.database.collection<Data>('people').create({ id: 'other' })
    await twin.database.collection<Data>('people').create({ id: 'history' })
    for (const unit of await unitsBetween(twin, cleo)) await refused(bob, unit, ['TAMPERED'])
    await expect(bob.database.sync(twin.database)).rejects.toMatchObject({ code: 'TAMPERED' })
  })
})

test('the feed of a device is signed by that device', async () => {
  const world = new World()
  const { ada, bob } = await world.pair()
  await bob.database.collection<Data>('people').create({ id: 'x' })
  const [unit = new Uint8Array()] = await unitsBetween(bob, ada)
  const [run] = decodeUnit(unit).feeds
  if (run === undefined) return expect.unreachable()
  const place = { database: world.id, feed: run.feed, seq: 0, previous: noCommit }
  const id = commitId(place, run.commits[0]?.header ?? new Uint8Array())
  const signature = primitives.ed25519.sign(world.founder.signing.secret, feedHeadMessage(place, id))
  await refused(ada, encodeUnit({ feeds: [{ ...run, signature }], record: null }), ['TAMPERED'])
  await refused(ada, encodeUnit({ feeds: [{ ...run, feed: new Uint8Array(16) }], record: null }), ['TAMPERED'])
  const entry = { collection: 'people', tag: world.tag('people', 'y'), kind: 'put', body: new Uint8Array(9) } as const
  const stolen = new ForgedFeed(world, world.founder).add([entry])
  await refused(ada, encodeUnit({ feeds: [{ ...stolen.run(), signature: run.signature }], record: null }), ['TAMPERED'])
})
