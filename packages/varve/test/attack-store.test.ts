/** Attacks on what is stored: one changed byte of any row is found by verify or by the read, and named by its place. */

import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../src/encoding/bytes.ts'
import { isVarveError } from '../src/errors.ts'
import { parseStamp } from '../src/encoding/stamp.ts'
import { primitives } from '../src/crypto/primitives.ts'
import { bodiesRoot, commitId, feedHeadMessage } from '../src/log/commit.ts'
import { decodeHeader, encodeHeader, splitBodies } from '../src/log/header.ts'
import { decorate } from '../src/store/decorate.ts'
import { memory } from '../src/store/memory.ts'
import type { CommitHead, CommitRow } from '../src/store/rows.ts'
import type { Batch, Store } from '../src/store/store.ts'
import { World, type Member } from './attack-world.ts'
import type { Data } from './engine-world.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A store whose commits can be changed behind the back of the engine. */
class Tampered {
  commit: ((row: Mutable<CommitRow>) => void) | null = null
  readonly store: Store

  constructor(store: Store) {
    const changed = (row: CommitRow): CommitRow => {
      const copy = { ...row, header: row.header.slice(), bodies: row.bodies.slice() }
      this.commit?.(copy)
      return copy
    }
    const whole = async (head: CommitHead | null): Promise<CommitHead | null> => {
      if (head === null) return null
      const [row] = await store.commits(head.feed, head.seq, 1)
      if (row === undefined) return null
      const { bodies, ...rest } = changed(row)
      return { ...rest, size: bodies.length }
    }
    this.store = {
      ...decorate(store, (_, call) => call()),
      commits: async (...args) => (await store.commits(...args)).map(changed),
      commitHeads: async (nos) => Promise.all((await store.commitHeads(nos)).map(whole)),
      commitsAfter: async (...args) =>
        (await Promise.all((await store.commitsAfter(...args)).map(whole))).flatMap((head) => head ?? []),
      bodies: async (parts) =>
        Promise.all(
          parts.map(async ({ commit, offset, size }) => {
            const [head] = await store.commitHeads([commit])
            const [row] = head === null || head === undefined ? [] : await store.commits(head.feed, head.seq, 1)
            return row === undefined ? new Uint8Array() : changed(row).bodies.slice(offset, offset + size)
          }),
        ),
    }
  }
}

/** A founder's and a member's copy with history, an index, snapshots and a deleted document, stored tamperably. */
async function stored(mode: 'sealed' | 'open' = 'sealed') {
  const world = new World(mode)
  const { bob } = await world.pair()
  const inner = await memory().open('main', { pageKey: null })
  const tampered = new Tampered(inner)
  const ada = await world.member(world.founder, { store: tampered.store })
  const docs = ada.database.collection<Data>('people', { indexes: ['n'] })
  await docs.createMany([
    { id: 'a', n: 0 },
    { id: 'b', n: 1 },
    { id: 'c', n: [1, 2] },
  ])
  for (let n = 1; n <= 70; n++) await docs.patch('a', { n })
  await docs.delete('b')
  await bob.database.sync(ada.database)
  await bob.database.collection<Data>('people').patch('c', { by: 'bob' })
  await bob.database.sync(ada.database)
  await ada.replica.sign()
  expect(await ada.database.verify()).toMatchObject({ ok: true, problems: [] })
  const tag = toHex(world.rowTag('people', 'a'))
  return { world, ada, bob, tampered, inner, docs, tag }
}

async function reopened(world: World, store: Store): Promise<Member> {
  return world.member(world.founder, { store })
}

/** Verification, or opening before it, must say what is wrong, and where. */
async function expectFound(world: World, store: Store, where: RegExp | string, what: string): Promise<void> {
  let found: readonly string[]
  try {
    const { database } = await reopened(world, store)
    const { ok, problems } = await database.verify()
    expect([what, ok]).toEqual([what, problems.length === 0])
    found = problems.map((problem) => `${problem.code} ${problem.where}`)
  } catch (error) {
    if (!isVarveError(error)) throw error
    found = [`${error.code} ${error.message}`]
  }
  const matching = found.filter((line) => (typeof where === 'string' ? line.includes(where) : where.test(line)))
  expect([what, matching.length > 0, found]).toEqual([what, true, found])
}

const flip = (bytes: Uint8Array, at: number): void => {
  const index = at % bytes.length
  bytes[index] = (bytes[index] ?? 0) ^ 0x41
}

describe.each(['sealed', 'open'] as const)('commits stored in a %s database', (mode) => {
  test('a flipped byte of a header or body is named by feed and commit', async () => {
    const { world, ada, tampered } = await stored(mode)
    const feed = [...ada.replica.feeds.values()][0]
    if (feed === undefined) return expect.unreachable()
    for (const seq of [0, 1, 40, 71]) {
      for (let at = 0; at < 200; at += 23) {
        for (const part of ['header', 'bodies'] as const) {
          tampered.commit = (row) => {
            if (row.feed === feed.no && row.seq === seq) flip(row[part], at)
          }
          const place = `feed ${toHex(feed.id)}, commit ${seq}:`
          await expectFound(world, tampered.store, place, `${part} of ${seq} at ${at}`)
        }
      }
    }
  })

  test('a read of a changed body fails rather than answering something else', async () => {
    const { world, tampered } = await stored(mode)
    tampered.commit = (row) => {
      if (row.seq === 40 && row.feed === 1) flip(row.bodies, 12)
    }
    const { database } = await reopened(world, tampered.store)
    await expect(database.collection('people').getVersion('a', 45)).rejects.toMatchObject({ code: 'TAMPERED' })
  })
})

test('the other fields of a stored commit', async () => {
  const { world, ada, tampered } = await stored()
  const [own, other] = [...ada.replica.feeds.values()]
  if (own === undefined || other === undefined) return expect.unreachable()
  const changes: readonly [string, (row: Mutable<CommitRow>) => void][] = [
    ['id', (row) => (row.id = new Uint8Array(32))],
    ['stamp', (row) => (row.stamp = parseStamp('0000000000000001'))],
    ['signature', (row) => (row.signature = row.signature === null ? null : new Uint8Array(64))],
    ['signature lost', (row) => (row.signature = null)],
    ['bodies cut', (row) => (row.bodies = row.bodies.slice(0, -1))],
    ['header cut', (row) => (row.header = row.header.slice(0, -1))],
    ['header gone', (row) => (row.header = new Uint8Array())],
  ]
  for (const [what, change] of changes) {
    tampered.commit = (row) => {
      if (row.feed === other.no) change(row)
    }
    await expectFound(world, tampered.store, `feed ${toHex(other.id)}`, what)
  }
  for (const [what, change] of [
    ['record', (row: Mutable<CommitRow>) => (row.record = 3)],
    ['at', (row: Mutable<CommitRow>) => (row.at = 5)],
    ['refused', (row: Mutable<CommitRow>) => (row.refused = 'CONFLICT')],
    ['pending', (row: Mutable<CommitRow>) => (row.record = null)],
  ] as const) {
    tampered.commit = (row) => {
      if (row.feed === other.no) change(row)
    }
    await expectFound(world, tampered.store, /record \d+|entry 0/, what)
  }
})

test('a feed rewritten whole by somebody who holds the keys of the data but not of the device', async () => {
  const { world, ada, tampered, inner } = await stored('open')
  const other = [...ada.replica.feeds.values()][1]
  const [row] = other === undefined ? [] : await inner.commits(other.no, 0, 1)
  if (other === undefined || row === undefined) return expect.unreachable()
  const header = decodeHeader(row.header)
  const bodies = row.bodies.slice()
  flip(bodies, bodies.length - 1)
  const forged = encodeHeader({ ...header, root: bodiesRoot(splitBodies(header, bodies)) })
  const place = { database: world.id, feed: other.id, seq: 0, previous: new Uint8Array(32) }
  const id = commitId(place, forged)
  const thief = world.env.random(32)
  const signature = primitives.ed25519.sign(thief, feedHeadMessage(place, id))
  for (const [what, publicKey, mark] of [
    ['unsigned', other.publicKey, null],
    ['signed by another', primitives.ed25519.publicKey(thief), signature],
  ] as const) {
    await inner.write({ feeds: [{ ...other, head: id, publicKey }] })
    tampered.commit = (commit) => {
      if (commit.feed === other.no) Object.assign(commit, { header: forged, bodies, id, signature: mark })
    }
    await expectFound(world, tampered.store, `feed ${toHex(other.id)}`, what)
  }
})

test('rows derived from the log: heads, entries, index rows, snapshots, receipts, feeds, counters', async () => {
  const places: readonly [string, (of: Awaited<ReturnType<typeof stored>>) => Promise<Batch>, RegExp | 'tag'][] = [
    [
      'head',
      async ({ inner }) => {
        const [row] = await inner.documentsByNo([2 ** 32 + 1])
        return row === null || row === undefined
          ? {}
          : { documents: [{ ...row, state: (row.state ?? '').replace('70', '71') }] }
      },
      'tag',
    ],
    [
      'head that is no head',
      async ({ inner }) => {
        const [row] = await inner.documentsByNo([2 ** 32 + 1])
        return row === null || row === undefined ? {} : { documents: [{ ...row, state: '[1]' }] }
      },
      'tag',
    ],
    [
      'head lost',
      async ({ inner }) => {
        const [row] = await inner.documentsByNo([2 ** 32 + 1])
        return row === null || row === undefined ? {} : { documents: [{ ...row, state: null }] }
      },
      'tag',
    ],
    [
      'entry lost with its version',
      async ({ inner }) => {
        const [row] = await inner.entries(2 ** 32 + 1, { from: 30, to: 99, limit: 1 })
        return row === undefined ? {} : { entriesRemoved: [row] }
      },
      'tag',
    ],
    [
      'entry ov',
      async ({ inner }) => {
        const [row] = await inner.entries(2 ** 32 + 1, { from: 30, to: 99, limit: 1 })
        return row === undefined ? {} : { entries: [{ ...row, ov: row.ov + 1 }] }
      },
      'tag',
    ],
    [
      'entry cv',
      async ({ inner }) => {
        const [row] = await inner.entries(2 ** 32 + 1, { from: 30, to: 99, limit: 1 })
        return row === undefined ? {} : { entries: [{ ...row, cv: row.cv + 1 }] }
      },
      /collection people/,
    ],
    [
      'entry of another commit',
      async ({ inner }) => {
        const [row] = await inner.entries(2 ** 32 + 1, { from: 30, to: 99, limit: 1 })
        return row === undefined ? {} : { entries: [{ ...row, commit: row.commit + 1 }] }
      },
      'tag',
    ],
    [
      'entry doubled',
      async ({ inner }) => {
        const [row] = await inner.entries(2 ** 32 + 1, { from: 30, to: 99, limit: 1 })
        return row === undefined ? {} : { entries: [{ ...row, place: 90 }] }
      },
      'tag',
    ],
    [
      'snapshot',
      async ({ inner }) => {
        const row = await inner.snapshot(2 ** 32 + 1, 60)
        return row === null ? {} : { snapshots: [{ ...row, state: row.state.replace(/"n":\d+/, '"n":666') }] }
      },
      'tag',
    ],
    [
      'snapshot that is none',
      async ({ inner }) => {
        const row = await inner.snapshot(2 ** 32 + 1, 60)
        return row === null ? {} : { snapshots: [{ ...row, state: 'x' }] }
      },
      'tag',
    ],
    [
      'snapshot of a short document',
      async ({ inner }) => {
        const row = await inner.snapshot(2 ** 32 + 1, 60)
        return row === null ? {} : { snapshots: [{ ...row, document: 2 ** 32 + 3 }] }
      },
      /snapshots/,
    ],
    [
      'index row lost',
      async ({ inner }) => {
        const rows = await inner.scanIndex({
          index: 1,
          range: { from: null, to: null },
          reverse: true,
          after: null,
          limit: 1,
        })
        return { indexRowsRemoved: rows.map(({ key, id }) => ({ index: 1, key, id })) }
      },
      /index "n"|index rows/,
    ],
    [
      'index row added',
      async () => ({ indexRows: [{ index: 1, key: fromHex('00'), id: 'a', document: 2 ** 32 + 1 }] }),
      /index rows/,
    ],
    [
      'receipt signature',
      async () => ({ receiptSignatures: [{ record: 72, signature: new Uint8Array(64) }] }),
      /record 72/,
    ],
    [
      'feed head',
      async ({ ada }) => ({
        feeds: [...ada.replica.feeds.values()].map((feed) => ({ ...feed, head: new Uint8Array(32) })),
      }),
      /feed [0-9a-f]{32}: its head/,
    ],
    [
      'feed length',
      async ({ ada }) => ({
        feeds: [...ada.replica.feeds.values()].map((feed) => ({ ...feed, length: feed.length + 1 })),
      }),
      /feed [0-9a-f]{32}: commits/,
    ],
    [
      'feed shorter',
      async ({ ada }) => ({
        feeds: [...ada.replica.feeds.values()].map((feed) => ({ ...feed, length: feed.length - 1 })),
      }),
      /feed|record/,
    ],
    [
      'feed recorded less far',
      async ({ ada }) => ({
        feeds: [...ada.replica.feeds.values()].map((feed) => ({ ...feed, recorded: feed.recorded - 1 })),
      }),
      /feed [0-9a-f]{32}: \d+ of its commits are recorded/,
    ],
    [
      'feed key',
      async ({ ada }) => ({
        feeds: [...ada.replica.feeds.values()].map((feed) => ({ ...feed, publicKey: new Uint8Array(32) })),
      }),
      /feed [0-9a-f]{32}/,
    ],
    ['another database', async () => ({ values: new Map([['database', new Uint8Array(16)]]) }), /TAMPERED/],
    ['state lost', async () => ({ values: new Map([['state', null]]) }), /TAMPERED/],
    ['state of a later format', async () => ({ values: new Map([['state', fromHex('8102')]]) }), /UNSUPPORTED_VERSION/],
  ]
  for (const [what, change, where] of places) {
    const made = await stored()
    const batch = await change(made)
    expect([what, Object.keys(batch)]).not.toEqual([what, []])
    await made.inner.write(batch)
    await expectFound(made.world, made.tampered.store, where === 'tag' ? `document ${made.tag}` : where, what)
  }
})

test('a flipped byte of the state value is found or harmless', async () => {
  const { world, inner, tampered } = await stored()
  const state = (await inner.value('state')) ?? new Uint8Array()
  const missed: number[] = []
  for (let at = 0; at < state.length; at++) {
    const changed = state.slice()
    flip(changed, at)
    await inner.write({ values: new Map([['state', changed]]) })
    try {
      const { database } = await reopened(world, tampered.store)
      if ((await database.verify()).ok) missed.push(at)
    } catch (error) {
      if (!isVarveError(error)) throw error
    }
  }
  expect(missed).toEqual([])
})
