/** The counting sequence of views against a sorted array. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ranked, type Measure } from '../src/view/ranked.ts'

interface Item {
  readonly key: number
  rows: number
}

const join = (parts: Iterable<Measure>): Measure => {
  let rows = 0
  for (const part of parts) rows += part.rows
  return { rows, sums: [] }
}

function ranked(): Ranked<Item> {
  return new Ranked<Item>({
    compare: (a, b) => a.key - b.key,
    measure: ({ rows }) => ({ rows, sums: [] }),
    join,
  })
}

const step = fc.record({
  act: fc.constantFrom('insert', 'insert', 'insert', 'remove', 'touch'),
  key: fc.nat(400),
  rows: fc.integer({ min: 1, max: 5 }),
})

function check(tree: Ranked<Item>, model: readonly Item[]): void {
  expect(tree.size).toBe(model.length)
  expect(tree.measure.rows).toBe(model.reduce((sum, { rows }) => sum + rows, 0))
  let before = 0
  for (const [i, item] of model.entries()) {
    expect(tree.at(i)).toBe(item)
    expect(tree.rank(({ key }) => key - item.key)).toBe(i)
    expect(tree.rowsBefore(i)).toBe(before)
    expect(tree.atRow(before)).toEqual({ index: i, before })
    expect(tree.atRow(before + item.rows - 1)).toEqual({ index: i, before })
    before += item.rows
  }
  expect(tree.rowsBefore(model.length)).toBe(before)
  expect(tree.atRow(before)).toEqual({ index: model.length, before })
  expect(tree.at(model.length)).toBeUndefined()
  expect(tree.find(({ key }) => key - 1000)).toBeUndefined()
}

test('it holds, counts and finds what a sorted array does, after any insertions and removals', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const tree = ranked()
      let model: Item[] = []
      for (const [i, { act, key, rows }] of steps.entries()) {
        const known = model.find((item) => item.key === key)
        if (act === 'insert' && known === undefined) {
          const item = { key, rows }
          tree.insert(item)
          model = [...model, item].toSorted((a, b) => a.key - b.key)
        } else if (act === 'remove') {
          tree.remove({ key, rows })
          model = model.filter((item) => item.key !== key)
        } else if (act === 'touch' && known !== undefined) {
          known.rows = rows
          tree.touch(known)
        }
        if (i % 40 === 0) expect(tree.measure.rows).toBe(model.reduce((sum, item) => sum + item.rows, 0))
      }
      check(tree, model)
      for (const item of model) tree.remove(item)
      check(tree, [])
    }),
    { numRuns: 150 },
  )
})

test('thousands of items in any order come out in order', () => {
  const tree = ranked()
  const count = 5000
  const items = Array.from({ length: count }, (_, i) => ({ key: (i * 2671) % count, rows: 1 }))
  for (const item of items) tree.insert(item)
  for (const item of items) if (item.key % 3 !== 0) tree.remove(item)
  const left = Array.from({ length: tree.size }, (_, i) => tree.at(i)?.key)
  expect(left).toEqual(Array.from({ length: Math.ceil(count / 3) }, (_, i) => i * 3))
})
