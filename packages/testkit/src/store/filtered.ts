/** Store suite: scans with conditions, which may give too much and never too little. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  firstDocument,
  headFields,
  valueAt,
  whereHolds,
  type DocumentRow,
  type DocumentValues,
  type FilteredPage,
  type FilteredScan,
  type Store,
  type Where,
} from 'varve/engine'
import { arbitraryFieldWhere, arbitraryHead, arbitraryPlaces, arbitraryWhere } from './arbitrary-where.ts'
import { rejects, type Case } from './frame.ts'
import { documentRow, indexRow } from './sample.ts'

const everything: Where = { kind: 'and', of: [] }
const runs = 300

export function filterCases(check: Case): void {
  propertyCases(check)
  check('pages go on after one another, also empty ones, until nothing is left', async ({ store }) => {
    const wanted = [1, 2, 5000, 5001, 20_000, 0xffff_fffe]
    const other = [3, 4, 9000]
    const row = (n: number, found: boolean): DocumentRow => documentRow(n, { state: JSON.stringify([found ? 1 : 2]) })
    await store.write({ documents: [...wanted.map((n) => row(n, true)), ...other.map((n) => row(n, false))] })
    await store.write({ documents: [documentRow(6, { state: null }), documentRow(0, { no: firstDocument(2) })] })
    const where: Where = { kind: 'among', at: { field: 0, names: [] }, scalars: [1] }
    for (const limit of [1, 2, 3, 100]) {
      const found: readonly DocumentRow[] = await allOf(limit, (scan) => store.scanWhere({ ...scan, where }))
      assert.deepEqual(
        found,
        wanted.map((n) => row(n, true)),
      )
      const values: readonly DocumentValues[] = await allOf(limit, (scan) => store.scanValues({ ...scan, where }, []))
      assert.deepEqual(
        values.map(({ no }) => no),
        found.map(({ no }) => no),
      )
    }
    assert.deepEqual((await store.scanWhere({ collection: 1, after: 0, limit: 0, where })).rows, [])
    assert.deepEqual(await store.scanWhere({ collection: 3, after: 0, limit: 5, where }), { rows: [], next: null })
  })

  check('the example of the specification', async ({ store }) => {
    const states = ['[1,{"a":5}]', '[1,{"a":[1,[5]]}]', '[1,{"a":"5"}]', '[0,{"a":5}]']
    const rows = states.map((state, i) => documentRow(i + 1, { state }))
    await store.write({ documents: rows })
    const where: Where = {
      kind: 'and',
      of: [
        { kind: 'among', at: { field: 0, names: [] }, scalars: [1] },
        { kind: 'among', at: { field: 1, names: ['a'] }, scalars: [5] },
      ],
    }
    assert.deepEqual(
      states.map((state) => whereHolds(where, headFields(state))),
      [true, true, false, false],
    )
    const found = await numbersOf(store, where)
    assert.deepEqual(
      rows.slice(0, 2).filter(({ no }) => !found.includes(no)),
      [],
    )
    assert.ok(!found.includes(rows[3]?.no ?? 0))
  })

  largeCases(check)
}

function largeCases(check: Case): void {
  check('heads too large to travel with others come whole, in scans and with index rows', async ({ store }) => {
    const rows = [1, 2, 3].map((n) => documentRow(n, { state: JSON.stringify([n, 'é'.repeat(n === 2 ? 90_000 : 3)]) }))
    await store.write({ documents: rows, indexRows: rows.map(({ no }, i) => indexRow(1, [i], `d${i}`, no)) })
    assert.deepEqual(await allOf(2, (scan) => store.scanWhere({ ...scan, where: everything })), rows)
    const hits = await store.scanIndex({
      index: 1,
      range: { from: null, to: null },
      reverse: false,
      after: null,
      limit: 9,
    })
    assert.deepEqual(
      hits.map(({ state }) => state),
      rows.map(({ state }) => state),
    )
  })

  check('values are those of the head; a large head may come without', async ({ store }) => {
    const large = 'x'.repeat(200_000)
    const rows = [
      documentRow(1, { state: '[1,{"a":{"b":2},"c":[3]}]' }),
      documentRow(2, { state: JSON.stringify([large]) }),
    ]
    await store.write({ documents: rows })
    const places = [0, 1].flatMap((field) => [[], ['a'], ['a', 'b'], ['c'], ['d']].map((names) => ({ field, names })))
    const found = await allOf(9, (scan) => store.scanValues({ ...scan, where: everything }, places))
    const expected = rows.map(({ state }) => places.map((place) => valueAt(headFields(state ?? ''), place)))
    assert.deepEqual(found[0]?.values, expected[0])
    assert.ok(found[1]?.values === null || found[1]?.values?.[0] === large)
  })

  check('a head that is not JSON is an error', async ({ store }) => {
    await store.write({ documents: [documentRow(1, { state: '[1,' })] })
    const where: Where = { kind: 'among', at: { field: 0, names: [] }, scalars: [1] }
    const scan = { collection: 1, after: 0, limit: 9, where }
    await rejects(store.scanWhere(scan), 'TAMPERED')
    await rejects(store.scanValues(scan, [{ field: 0, names: [] }]), 'TAMPERED')
  })
}

function propertyCases(check: Case): void {
  check('no document is left out of which the condition is true', async ({ store }) => {
    const heads = await writeHeads(store)
    await fc.assert(
      fc.asyncProperty(arbitraryWhere, async (where) => {
        const found = new Set(await numbersOf(store, where))
        const wanted = [...heads].filter(([, fields]) => whereHolds(where, fields)).map(([no]) => no)
        assert.deepEqual(
          wanted.filter((no) => !found.has(no)),
          [],
        )
      }),
      { numRuns: runs },
    )
  })

  check('conditions on fields themselves are exact', async ({ store }) => {
    const heads = await writeHeads(store)
    await fc.assert(
      fc.asyncProperty(arbitraryFieldWhere, async (where) => {
        const wanted = [...heads].filter(([, fields]) => whereHolds(where, fields)).map(([no]) => no)
        assert.deepEqual(await numbersOf(store, where), wanted)
      }),
      { numRuns: runs },
    )
  })

  check('values are those of the heads, whatever their names', async ({ store }) => {
    const heads = await writeHeads(store)
    await fc.assert(
      fc.asyncProperty(arbitraryPlaces, async (places) => {
        const rows = await allOf(50, (scan) => store.scanValues({ ...scan, where: everything }, places))
        assert.equal(rows.length, heads.size)
        for (const { no, values } of rows) {
          const expected = places.map((place) => valueAt(heads.get(no) ?? [], place))
          if (values !== null) assert.deepEqual(values, expected)
        }
      }),
      { numRuns: runs },
    )
  })
}

type Heads = ReadonlyMap<number, ReturnType<typeof headFields>>

async function writeHeads(store: Store): Promise<Heads> {
  const heads = fc.sample(arbitraryHead, { numRuns: 120, seed: 4 })
  const rows = heads.map((head, i) => documentRow(i + 1, { state: JSON.stringify(head) }))
  await store.write({ documents: rows })
  return new Map(rows.map(({ no, state }) => [no, headFields(state ?? '')]))
}

async function numbersOf(store: Store, where: Where): Promise<readonly number[]> {
  const rows = await allOf(50, (scan) => store.scanWhere({ ...scan, where }))
  return rows.map(({ no }) => no)
}

/** Every row of collection 1; a store that never comes to an end fails. */
async function allOf<Row>(
  limit: number,
  page: (scan: Omit<FilteredScan, 'where'>) => Promise<FilteredPage<Row>>,
): Promise<readonly Row[]> {
  const found: Row[] = []
  for (let after: number | null = firstDocument(1), calls = 0; after !== null; calls++) {
    const { rows, next }: FilteredPage<Row> = await page({ collection: 1, after, limit })
    assert.ok(rows.length <= limit && (next === null || next >= after) && calls < 1000, 'the scan does not go on')
    found.push(...rows)
    after = next
  }
  return found
}
