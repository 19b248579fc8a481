/** View definitions from outside: every mistake is named with its place. */

import { expect, test } from 'vitest'
import { parseDefinition } from '../src/view/definition.ts'
import { coded, failure } from './engine-world.ts'

const source = { database: 'crm', collection: 'people' }
const base = { name: 'v', sources: [source] }

test('the smallest definition is a name and a source', () => {
  expect(parseDefinition(base)).toMatchObject({ name: 'v', categories: [], sort: [], columns: [] })
})

const cyclic: Record<string, unknown> = { a: 1 }
cyclic['b'] = cyclic

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'definition'],
  ['a list', [], 'definition'],
  ['a class', new Date(), 'definition'],
  ['an unknown key', { ...base, column: [] }, 'definition.column'],
  ['no name', { sources: [source] }, 'name'],
  ['a name that is reserved', { ...base, name: '_x' }, 'name'],
  ['no sources', { name: 'v' }, 'sources'],
  ['sources that are no list', { name: 'v', sources: source }, 'sources'],
  ['too many sources', { name: 'v', sources: Array.from({ length: 100 }, () => source) }, 'sources'],
  ['a source that is text', { name: 'v', sources: ['crm'] }, 'sources[0]'],
  ['a source without a database', { name: 'v', sources: [{ collection: 'x' }] }, 'sources[0].database'],
  ['a source without a collection', { name: 'v', sources: [source, { database: 'x' }] }, 'sources[1].collection'],
  ['an unknown key of a source', { name: 'v', sources: [{ ...source, where: {} }] }, 'sources[0].where'],
  ['a bad filter', { name: 'v', sources: [{ ...source, filter: { a: { $bad: 1 } } }] }, 'sources[0].filter'],
  ['a pattern that is no JSON', { name: 'v', sources: [{ ...source, filter: { a: /x/ } }] }, 'sources[0].filter'],
  ['a cyclic filter', { name: 'v', sources: [{ ...source, filter: { a: cyclic } }] }, 'sources[0].filter'],
  ['an origin that is no text', { name: 'v', sources: [{ ...source, origin: 1 }] }, 'sources[0].origin'],
  ['categories that are no list', { ...base, categories: 'a' }, 'categories'],
  ['a category without a value', { ...base, categories: [{ name: 'x' }] }, 'categories[0].value'],
  ['an order', { ...base, categories: [{ value: 'a', order: 'down' }] }, 'categories[0].order'],
  ['an empty separator', { ...base, categories: [{ value: 'a', separator: '' }] }, 'categories[0].separator'],
  [
    'two categories of one name',
    { ...base, categories: [{ value: 'a', name: 'category2' }, { value: 'b' }] },
    'categories[1].name',
  ],
  ['a bad sort', { ...base, sort: ['a', { value: { up: 1 } }] }, 'sort[0]'],
  ['a bad expression', { ...base, sort: [{ value: { up: 1 } }] }, 'sort[0].value.up'],
  ['a column without a name', { ...base, columns: [{ value: 'a' }] }, 'columns[0].name'],
  ['a column of the prototype', { ...base, columns: [{ name: '__proto__', value: 'a' }] }, 'columns[0].name'],
  [
    'two columns of one name',
    {
      ...base,
      columns: [
        { name: 'a', value: 'a' },
        { name: 'a', value: 'b' },
      ],
    },
    'columns[1].name',
  ],
  [
    'an unknown total',
    { ...base, columns: [{ name: 'a', value: 'a', totals: ['sum', 'median'] }] },
    'columns[0].totals[1]',
  ],
  ['a total that is text', { ...base, columns: [{ name: 'a', value: 'a', totals: 'sum' }] }, 'columns[0].totals'],
])('%s', async (_, definition, path) => {
  expect(await failure(() => parseDefinition(definition))).toEqual(coded('INVALID', { path }))
})

test('a filter that is changed later changes nothing', () => {
  const filter = { a: 1 }
  const parsed = parseDefinition({ name: 'v', sources: [{ ...source, filter }] })
  filter.a = 2
  expect(parsed.sources[0]?.filter).toEqual({ a: 1 })
})
