/** Random batches over a small world, so that keys meet often; for comparing two adapters. */

import fc from 'fast-check'
import {
  firstDocument,
  isVarveError,
  makeStamp,
  parseSearch,
  type Batch,
  type Store,
  type StoreProvider,
} from 'varve/engine'
import { answersOf, type Extent } from './snapshot.ts'
import { sampleBytes, sampleTag } from './sample.ts'

const small = fc.nat({ max: 5 })
const bytes = (maximum: number) => fc.uint8Array({ maxLength: maximum }).map((value) => new Uint8Array(value))
const text = fc.oneof(fc.string({ maxLength: 6 }), fc.string({ unit: 'binary', maxLength: 4 }), fc.constant('a\0b'))
const document = fc.tuple(fc.nat({ max: 1 }), small).map(([collection, n]) => firstDocument(collection) + n)
const signature = fc.option(fc.constant(sampleBytes(64)))
const verdict = {
  record: fc.option(small),
  at: fc.option(small),
  refused: fc.option(fc.constantFrom('FORBIDDEN', 'CONFLICT')),
}
const entryKey = { document, place: small, index: fc.nat({ max: 1 }) }
const indexKey = { index: fc.nat({ max: 2 }), key: bytes(2), id: text }
const locked = fc.record({ key: fc.constantFrom('aa', 'ab'), document })

function list<T>(of: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> {
  return fc.array(of, { maxLength: 6 })
}

function named(value: fc.Arbitrary<Uint8Array | null>): fc.Arbitrary<ReadonlyMap<string, Uint8Array | null>> {
  return list(fc.tuple(fc.constantFrom('a', 'ab', 'b', '\uffee', '\u{10000}'), value)).map((pairs) => new Map(pairs))
}

/** Few words, so that they meet; one is no ASCII and one begins another. */
const words = fc.array(fc.constantFrom('a', 'ab', 'b', 'é', '東'), { maxLength: 4 }).map((tokens) => tokens.join(' '))

/** Numbers count up in the engine, which keeps times in order; here they follow from the record too. */
const receipt = fc.record({ record: fc.nat({ max: 30 }), commit: small, bytes: bytes(4), signature })

export const arbitraryBatch: fc.Arbitrary<Batch> = fc.record(
  {
    values: named(fc.option(bytes(4))),
    feeds: list(
      fc.record({
        no: small,
        id: bytes(2),
        publicKey: bytes(2),
        length: small,
        head: bytes(2),
        listed: small,
        recorded: small,
      }),
    ),
    commits: list(
      fc.record({
        no: fc.nat({ max: 40 }),
        feed: fc.nat({ max: 2 }),
        seq: fc.nat({ max: 20 }),
        stamp: fc.nat({ max: 1e6 }).map((ms) => makeStamp(ms, 0)),
        id: bytes(3),
        header: bytes(4),
        bodies: bytes(40),
        signature,
        ...verdict,
      }),
    ),
    commitSignatures: list(fc.record({ commit: fc.nat({ max: 40 }), signature: fc.constant(sampleBytes(64, 2)) })),
    verdicts: list(fc.record({ commit: fc.nat({ max: 40 }), ...verdict })),
    bodiesDropped: list(fc.record({ from: fc.nat({ max: 40 }), to: fc.nat({ max: 41 }) })),
    receipts: list(receipt.map((row) => ({ ...row, at: Math.floor(row.record / 3) }))),
    receiptSignatures: list(fc.record({ record: fc.nat({ max: 30 }), signature: fc.constant(sampleBytes(64, 3)) })),
    documents: list(
      fc.record({
        no: document,
        tag: fc.oneof({ weight: 9, arbitrary: document }, small).map(sampleTag),
        state: fc.option(text),
        changed: small,
      }),
    ),
    entriesRemoved: list(fc.record(entryKey)),
    entries: list(fc.record({ ...entryKey, commit: small, ov: small, cv: small })),
    snapshotsRemoved: list(fc.record({ document, place: small })),
    snapshots: list(fc.record({ document, place: small, state: text })),
    indexesCleared: list(fc.nat({ max: 40 })),
    indexRowsRemoved: list(fc.record(indexKey)),
    indexRows: list(fc.record({ ...indexKey, document })),
    searchesCleared: list(fc.nat({ max: 9 })),
    searchRowsRemoved: list(fc.record({ search: fc.nat({ max: 1 }), document })),
    searchRows: list(fc.record({ search: fc.nat({ max: 1 }), document, fields: fc.tuple(words, words) })),
    dependencies: list(fc.record({ feed: small, on: small, seq: small, seen: small })),
    touches: list(fc.record({ position: small, document })),
    lockedRemoved: list(locked),
    locked: list(locked),
    expect: named(fc.option(bytes(1))),
  },
  { requiredKeys: [] },
)

const extent: Extent = { feeds: [0, 1, 2, 3, 4, 5], collections: [0, 1], indexes: [0, 1, 2], keys: ['aa', 'ab'] }

/** Applies the batches, each outcome noted, some at once and with restarts between; returns all that can be told. */
export async function historyOf(
  provider: StoreProvider,
  name: string,
  turns: readonly (readonly Batch[])[],
): Promise<readonly unknown[]> {
  const history: unknown[] = []
  for (const batches of turns) {
    const store = await provider.open(name, { pageKey: null })
    const outcomes = await Promise.allSettled(batches.map((batch) => store.write(batch)))
    history.push(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'written' : codeOf(outcome.reason))))
    history.push(await answersOf(store, extent), await probesOf(store, batches))
    await store.close()
  }
  return history
}

/** Reads with the keys of the batches themselves as bounds. */
async function probesOf(store: Store, batches: readonly Batch[]): Promise<readonly unknown[]> {
  const rows = batches.flatMap((batch) => batch.indexRows ?? [])
  const heads = batches.flatMap((batch) => batch.commits ?? [])
  const scans = rows.flatMap((after, i) => {
    const range = { from: rows[i - 1]?.key ?? null, to: rows[i + 1]?.key ?? null }
    return [false, true].map((reverse) => store.scanIndex({ index: after.index, range, reverse, after, limit: 3 }))
  })
  return Promise.all([
    ...scans,
    store.bodies(heads.map(({ no, seq }) => ({ commit: no, offset: seq, size: 7 }))),
    store.commitHeads(heads.map(({ seq }) => seq)),
    store.documents(batches.flatMap((batch) => batch.documents ?? []).map(({ tag }) => tag)),
    ...[0, 1, 4, 9].map((at) => store.recordAt(at)),
    ...[0, 2, 5].flatMap((below) => [0, 1].map((n) => store.snapshot(firstDocument(1) + n, below))),
    ...[0, 2, 5].map((from) => store.entries(firstDocument(1), { from, to: 5, reverse: true, limit: 2 })),
    ...[0, 2, 5].map((seq) => store.seen(1, 2, seq)),
    store.values('a'),
    ...['a', 'a*', '"a b"', 'a -b', '"b a*"', '東 -"é é"'].map((asked) => foundBy(store, asked)),
  ])
}

/** Scores are left out: they may tell how often documents changed. */
async function foundBy(store: Store, asked: string): Promise<readonly number[]> {
  const scan = { search: 1, terms: parseSearch(asked), after: null, limit: 100 }
  const [stored, ranked] = await Promise.all([null, [2, 1]].map((weights) => store.search({ ...scan, weights })))
  const found = (stored ?? []).map(({ document: no }) => no)
  const same = (ranked ?? []).map(({ document: no }) => no).toSorted((one, other) => one - other)
  if (found.join() !== same.join()) throw new Error(`ranked hits differ: ${found.join()} and ${same.join()}`)
  return found
}

function codeOf(error: unknown): string {
  return isVarveError(error) ? error.code : String(error)
}
