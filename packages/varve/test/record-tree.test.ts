/** The tree over a replica's record: roots and proofs at every border, caches used, lost, damaged and forged, and real databases. */

import { beforeAll, describe, expect, test } from 'vitest'
import { replicaOf } from '../src/database/database.ts'
import { withMode } from '../src/log/database-id.ts'
import { concat, toHex } from '../src/encoding/bytes.ts'
import { verifyCheckpoint } from '../src/log/checkpoint.ts'
import { verifyProof } from '../src/log/proof.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../src/log/tree.ts'
import type { ReplicaContext } from '../src/replica/context.ts'
import type { Replica } from '../src/replica/replica.ts'
import { RecordTree, recordTree } from '../src/replica/tree.ts'
import { decorate } from '../src/store/decorate.ts'
import { readOnly } from '../src/store/read-only.ts'
import type { ReceiptRow } from '../src/store/rows.ts'
import type { Store } from '../src/store/store.ts'
import { coded, threeCopies } from './engine-world.ts'
import {
  commitOf,
  growTo,
  keptOpen,
  leavesOf,
  newStore,
  openOn,
  readerContext,
  receiptOf,
  recorderContext,
} from './record-world.ts'
import { ReferenceTree } from './tree-reference.ts'

/** One full tile above the receipts and a part of the next: every kind of border. */
const long = 66_100
const reference = new ReferenceTree(leavesOf(long))
const rootAt = (size: number): string => toHex(reference.hash(0, size))

let context: ReplicaContext
/** Holds a record of `long` receipts. */
let store: Store

beforeAll(async () => {
  context = await recorderContext()
  store = keptOpen(await newStore())
  await growTo(await openOn(context, store), long)
})

async function removeCaches(): Promise<void> {
  const names = [...(await store.values('tree')).keys()]
  await store.write({ values: new Map(names.map((name) => [name, null])) })
}

/** The store with receipts seen, and changed, on their way out. */
function watched(inner: Store, change: (row: ReceiptRow) => ReceiptRow = (row) => row) {
  let read = 0
  const watching: Store = {
    ...decorate(inner, (_, call) => call()),
    receipts: async (from, limit) => {
      const rows = await inner.receipts(from, limit)
      read += rows.length
      return rows.map(change)
    },
  }
  return { store: watching, read: () => read }
}

/** Proofs around every border of tiles hold against the reference. */
async function expectProofs(tree: RecordTree): Promise<void> {
  const borders = [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_791, 65_792, 66_047, 66_048, long]
  for (const size of borders) {
    const root = reference.hash(0, size)
    expect([size, toHex(await tree.root(size))]).toEqual([size, toHex(root)])
    for (const index of [0, 1, 255, 256, 300, 65_535, 65_536, size - 1].filter((each) => each < size)) {
      const leaf = leafHash(commitOf('a', index), receiptOf(index))
      const path = await tree.inclusion(index, size)
      expect([index, size, path.map(toHex)]).toEqual([index, size, reference.path(index, 0, size).map(toHex)])
      expect(verifyInclusion({ leaf, index, size, root }, path)).toBe(true)
    }
    for (const from of borders.filter((each) => each <= size)) {
      const path = await tree.consistency(from, size)
      expect([from, size, path.map(toHex)]).toEqual([from, size, reference.proof(from, size).map(toHex)])
      const first = { size: from, root: reference.hash(0, from) }
      expect(verifyConsistency(first, { size, root }, path)).toBe(true)
    }
  }
}

describe('a long record', () => {
  test('has the root and the proofs of RFC 6962 at every border', async () => {
    await removeCaches()
    const replica = await openOn(context, store)
    await expectProofs(recordTree(replica))
  })

  test('is read once: what is cached spares a new process the rest', async () => {
    await removeCaches()
    const cold = watched(store)
    expect(toHex(await new RecordTree(await openOn(context, cold.store)).root())).toBe(rootAt(long))
    expect(cold.read()).toBe(long)
    expect([...(await store.values('tree')).keys()]).toEqual(['tree', 'tree/1/0'])

    const warm = watched(store)
    const tree = new RecordTree(await openOn(context, warm.store))
    expect(toHex(await tree.root())).toBe(rootAt(long))
    expect(warm.read()).toBe(long % 256)
    expect(toHex(await tree.root(65_536))).toBe(rootAt(65_536))
    expect(warm.read()).toBe(long % 256)
    await tree.inclusion(70, long)
    expect(warm.read()).toBe((long % 256) + 256)
    await expectProofs(tree)
  })

  test('a damaged or lost tile is made again, and repaired', async () => {
    await new RecordTree(await openOn(context, store)).root()
    const right = await store.value('tree/1/0')
    for (const wrong of [
      null,
      new Uint8Array(),
      new Uint8Array(8192),
      right?.map((byte, i) => (i === 4000 ? byte ^ 1 : byte)),
    ]) {
      await store.write({ values: new Map([['tree/1/0', wrong ?? null]]) })
      const tree = new RecordTree(await openOn(context, store))
      expect(toHex(await tree.root())).toBe(rootAt(long))
      expect((await tree.inclusion(300, long)).map(toHex)).toEqual(reference.path(300, 0, long).map(toHex))
      expect(await store.value('tree/1/0')).toEqual(right)
    }
  })

  test('a changed receipt is not proven, and never hashed into a root', async () => {
    await new RecordTree(await openOn(context, store)).root()
    const bent = (at: number) =>
      watched(store, (row) => (row.record === at ? { ...row, bytes: receiptOf(at + 1) } : row)).store
    const cached = new RecordTree(await openOn(context, bent(300)))
    expect(toHex(await cached.root())).toBe(rootAt(long))
    await expect(cached.inclusion(301, long)).rejects.toThrow(coded('TAMPERED'))
    await expect(new RecordTree(await openOn(context, bent(long - 1))).root()).rejects.toThrow(coded('TAMPERED'))
    await removeCaches()
    await expect(new RecordTree(await openOn(context, bent(300))).root()).rejects.toThrow(coded('TAMPERED'))
    await removeCaches()
  })
})

describe('the cache', () => {
  const size = 600
  const expected = rootAt(size)

  async function filled(): Promise<{ readonly store: Store; readonly replica: Replica }> {
    const small = keptOpen(await newStore())
    const replica = await growTo(await openOn(context, small), size)
    await recordTree(replica).root()
    return { store: small, replica }
  }

  test('any changed byte of the edge makes it count for nothing', async () => {
    const { store: small } = await filled()
    const right = (await small.value('tree')) ?? new Uint8Array()
    const tree = async () => new RecordTree(await openOn(context, small))
    for (let at = 0; at <= right.length; at += 3) {
      const bent = at === right.length ? right.subarray(1) : right.map((byte, i) => (i === at ? byte ^ 4 : byte))
      await small.write({ values: new Map([['tree', bent]]) })
      expect([at, toHex(await (await tree()).root())]).toEqual([at, expected])
      expect(await small.value('tree')).toEqual(right)
    }
  })

  test('of another device, or of another database, does not count', async () => {
    const { store: small } = await filled()
    const watching = watched(small)
    const reader = new RecordTree(await openOn(readerContext(context), watching.store))
    expect(toHex(await reader.root())).toBe(expected)
    expect(watching.read()).toBe(size)
    const edge = await small.value('tree')
    const other = { ...context, id: withMode(new Uint8Array(16), context.mode) }
    const strange = watched(await newStore())
    await strange.store.write({ values: new Map([['tree', edge]]) })
    const replica = await growTo(await openOn(other, strange.store), size)
    expect(toHex(await new RecordTree(replica).root())).toBe(expected)
    expect(strange.read()).toBe(size)
  })

  test('of another branch of the record does not count', async () => {
    const { store: small } = await filled()
    const edge = await small.value('tree')
    const fork = await growTo(await openOn(context), 100)
    await growTo(fork, size + 100, 'b')
    await fork.store.write({ values: new Map([['tree', edge]]) })
    const branch = new ReferenceTree(leavesOf(size + 100, 100))
    expect(toHex(await recordTree(fork).root())).toBe(toHex(branch.hash(0, size + 100)))
    const shorter = await growTo(await openOn(context), 100)
    await shorter.store.write({ values: new Map([['tree', edge]]) })
    expect(toHex(await recordTree(shorter).root())).toBe(rootAt(100))
  })

  test('a store that takes no writes does without', async () => {
    const { store: small } = await filled()
    await small.write({ values: new Map([['tree', null]]) })
    const lines: string[] = []
    const env = { ...context.env, log: (level: string, message: string) => void lines.push(`${level} ${message}`) }
    const tree = new RecordTree(await openOn({ ...context, env }, readOnly(small)))
    expect(toHex(await tree.root())).toBe(expected)
    expect(await small.value('tree')).toBe(null)
    expect(lines).toEqual(['warn the tree of a record was not cached'])
  })

  test('is not written while no block of 256 is full', async () => {
    const replica = await growTo(await openOn(context), 255)
    await recordTree(replica).root()
    expect((await replica.store.values('tree')).size).toBe(0)
  })
})

describe('a growing record', () => {
  test('is hashed as far as it is new', async () => {
    const watching = watched(await newStore())
    const replica = await openOn(context, watching.store)
    for (const size of [0, 1, 2, 3, 64, 65, 255, 256, 257, 300, 512, 1000]) {
      await growTo(replica, size)
      expect([size, toHex(await recordTree(replica).root())]).toEqual([size, rootAt(size)])
      expect(watching.read()).toBe(size)
    }
  })

  test('answers many who ask at once, while it grows', async () => {
    const replica = await openOn(context)
    const tree = recordTree(replica)
    const growing = growTo(replica, 700)
    const asked = Array.from({ length: 20 }, () => tree.root(0))
    await growing
    const roots = await Promise.all([...asked, tree.root(700), tree.root(256), tree.root(), tree.root(699)])
    expect(roots.slice(20).map(toHex)).toEqual([700, 256, 700, 699].map(rootAt))
    const paths = await Promise.all([tree.inclusion(5, 700), tree.consistency(300, 700), tree.inclusion(699, 700)])
    const right = [reference.path(5, 0, 700), reference.proof(300, 700), reference.path(699, 0, 700)]
    expect(paths.map((path) => path.map(toHex))).toEqual(right.map((path) => path.map(toHex)))
  })

  test('does not speak of what is not there', async () => {
    const tree = recordTree(await growTo(await openOn(context), 10))
    await expect(tree.root(11)).rejects.toThrow(coded('INVALID', { size: 11, record: 10 }))
    await expect(tree.inclusion(10, 10)).rejects.toThrow(coded('INVALID'))
    await expect(tree.inclusion(0, 11)).rejects.toThrow(coded('INVALID'))
    await expect(tree.consistency(3, 11)).rejects.toThrow(coded('INVALID'))
    await expect(tree.root(-1)).rejects.toThrow(coded('INVALID'))
    await expect(tree.root(2 ** 60)).rejects.toThrow(coded('INVALID'))
  })
})

describe('a real database', () => {
  test('the recorder signs, and everybody proves', async () => {
    const { a, b } = await threeCopies('sealed')
    const people = a.collection<{ name: string }>('people')
    for (let i = 0; i < 20; i++) await people.create({ name: `person ${i}` }, { id: `p${i}` })
    await b.sync(a)
    const [recorder, member] = [replicaOf(a), replicaOf(b)]
    const { publicKey } = recorder.context.device
    const log = { database: recorder.context.id, recorder: publicKey }

    const checkpoint = await recordTree(recorder).checkpoint()
    const { size, root } = verifyCheckpoint(checkpoint, log)
    expect(size).toBe(recorder.state.record.length)
    expect(toHex(await recordTree(member).root())).toBe(toHex(root))
    await expect(recordTree(member).checkpoint()).rejects.toThrow(coded('FORBIDDEN'))

    const rows = await member.store.receipts(0, size)
    const heads = await member.store.commitHeads(rows.map(({ commit }) => commit))
    const plain = new ReferenceTree(rows.map((row, i) => concat(heads[i]?.id ?? row.bytes, row.bytes)))
    expect(toHex(plain.hash(0, size))).toBe(toHex(root))
    for (const [i, row] of rows.entries()) {
      const proof = await recordTree(member).prove(i, checkpoint, publicKey)
      expect(verifyProof(proof, log)).toMatchObject({ record: i, commit: heads[i]?.id, receipt: { at: row.at } })
    }
    await expect(recordTree(member).prove(size, checkpoint, publicKey)).rejects.toThrow(coded('INVALID'))
  })

  test('a proof is not made under the checkpoint of another record', async () => {
    const replica = await growTo(await openOn(context), 10)
    const fork = await growTo(await openOn(context), 10, 'b')
    const { publicKey } = context.device
    const checkpoint = await recordTree(fork).checkpoint()
    await expect(recordTree(replica).prove(3, checkpoint, publicKey)).rejects.toThrow(coded('TAMPERED'))
    const longer = await recordTree(await growTo(await openOn(context), 11)).checkpoint()
    await expect(recordTree(replica).prove(3, longer, publicKey)).rejects.toThrow(coded('INVALID'))
  })
})
