/** Push-down: what a store leaves out never matches, and queries over SQLite answer as the matcher does. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { absentHead, decodeHead, documentOf, encodeHead, type Head } from '../src/document/head.ts'
import type { JsonObject } from '../src/encoding/json.ts'
import { allOf, notAfter, possible, visible } from '../src/query/condition.ts'
import { parseFilter } from '../src/query/filter.ts'
import { matches } from '../src/query/matcher.ts'
import type { Predicate } from '../src/query/predicate.ts'
import { compareSortKeys, sortKey } from '../src/query/sort-key.ts'
import { parseSort } from '../src/query/sort.ts'
import { firstDocument } from '../src/store/rows.ts'
import type { Store } from '../src/store/store.ts'
import { headFields, whereHolds } from '../src/store/where-holds.ts'
import type { Where } from '../src/store/where.ts'
import { packageFilter, packageRecords, strangeDocument, strangeFilter } from './push-generators.ts'
import { attributes, filter } from './query-generators.ts'

/** Queries in all; a third each over generated, strange and real documents. */
const queries = Number(process.env['VARVE_PUSH_RUNS'] ?? 100_000)
const documentsPerStore = 24

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'varve-push-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

interface Stored {
  readonly no: number
  readonly doc: JsonObject
  readonly head: Head
  readonly state: string
}

/** Heads of which some are deleted, absent, or without versions. */
function stored(all: readonly JsonObject[], collection: number): readonly Stored[] {
  return all.map((data, i) => {
    const status = i % 9 === 7 ? 'deleted' : i % 9 === 8 ? 'absent' : 'live'
    const recorded = i % 11 === 10 ? 0 : 1
    const head = { ...absentHead, recorded, state: { ...absentHead.state, status, id: `a${i}`, data } as const }
    const state = encodeHead(head)
    return { no: firstDocument(collection) + i + 1, head, state, doc: documentOf(decodeHead(state)) }
  })
}

async function write(store: Store, rows: readonly Stored[]): Promise<void> {
  const tag = (no: number): Uint8Array => new Uint8Array(new Float64Array([no, 0]).buffer)
  await store.write({ documents: rows.map(({ no, state }) => ({ no, tag: tag(no), state, changed: 0 })) })
}

interface Told {
  matched: number
  left: number
}

/** Checks one query over the documents of a collection; counts what it says. */
async function check(store: Store, collection: number, rows: readonly Stored[], raw: unknown, told: Told) {
  const predicate = parseFilter(raw)
  const where = allOf([possible(predicate, false), visible(false)])
  const found = new Set<number>()
  for (let after: number | null = firstDocument(collection); after !== null;) {
    const page = await store.scanWhere({ collection, after, limit: 1000, where })
    for (const { no } of page.rows) found.add(no)
    after = page.next
  }
  for (const row of rows) {
    const wanted = isWanted(predicate, where, row)
    if (wanted) told.matched++
    if (!found.has(row.no)) told.left++
    if (wanted && !found.has(row.no)) expect.fail(`${JSON.stringify(raw)} left out ${row.state}`)
  }
}

/** Whether a query gives the document; the pure condition has to agree. */
function isWanted(predicate: Predicate, where: Where, { head, doc, state }: Stored): boolean {
  const seen = head.state.status === 'live' && head.recorded > 0
  const wanted = seen && matches(predicate, doc)
  if (wanted && !whereHolds(where, headFields(state))) expect.fail(`${JSON.stringify(where)} is false of ${state}`)
  return wanted
}

/** Many stretches of documents in one store, each with its share of the queries. */
async function agree(name: string, documents: fc.Arbitrary<JsonObject>, filters: fc.Arbitrary<unknown>): Promise<Told> {
  const told: Told = { matched: 0, left: 0 }
  const store = await sqlite({ dir }).open(name, { pageKey: null })
  const share = 400
  const seed = Math.floor(Math.random() * 2 ** 31)
  for (let collection = 1; collection * share <= queries / 3 + share; collection++) {
    const options = { seed: seed + collection, numRuns: documentsPerStore }
    const rows = stored(fc.sample(documents, options), collection)
    await write(store, rows)
    const asked = fc.sample(filters, { seed: seed + collection, numRuns: share })
    for (const raw of asked) await check(store, collection, rows, raw, told)
  }
  await store.close()
  return told
}

test.each([
  ['generated', attributes, filter],
  ['strange', strangeDocument, strangeFilter],
] as const)('%s documents: nothing that matches is left out, and much else is', async (name, documents, filters) => {
  const { matched, left } = await agree(name, documents, filters)
  expect(matched).toBeGreaterThan(queries / 3)
  expect(left).toBeGreaterThan(queries)
})

test('real documents: nothing that matches is left out, and much else is', async () => {
  const records = packageRecords()
  const { matched, left } = await agree('real', fc.constantFrom(...records), packageFilter(records))
  expect(matched).toBeGreaterThan(queries / 3)
  expect(left).toBeGreaterThan(queries)
})

test('what may still come before the last one kept is not left out', () => {
  const told: Told = { matched: 0, left: 0 }
  const documents = fc.oneof(attributes, strangeDocument)
  const fields = fc.tuple(fc.constantFrom('a', 'b', 'a.b', 'a.0', 'id'), fc.constantFrom<1 | -1>(1, -1))
  fc.assert(
    fc.property(fc.array(documents, { minLength: 2, maxLength: 12 }), fields, (all, [path, direction]) => {
      const [field] = parseSort({ [path]: direction })
      if (field === undefined) expect.fail('no sort')
      const rows = stored(all, 1)
      const key = sortKey(rows[0]?.doc ?? {}, field.segments, direction)
      const where = notAfter(field, key)
      for (const { doc, state } of where === null ? [] : rows) {
        const isKept = whereHolds(where ?? { kind: 'and', of: [] }, headFields(state))
        const may = compareSortKeys(sortKey(doc, field.segments, direction), key) * direction <= 0
        if (may) told.matched++
        if (!isKept) told.left++
        if (may && !isKept) expect.fail(`${path} ${direction} ${JSON.stringify(key)} left out ${state}`)
      }
    }),
    { numRuns: 20_000 },
  )
  expect(Math.min(told.matched, told.left)).toBeGreaterThan(20_000)
})
