/** Requirement tests of enrichment (A4), as a table of documents, parts and results. */

import { expect, test } from 'vitest'
import { coded, failure, found, gather, type Data } from './engine-world.ts'

const cases: readonly (readonly [string, Data, Data | readonly Data[], Data])[] = [
  ['objects merge deeply', { a: { x: 1, y: { z: 1 } } }, { a: { y: { w: 2 } } }, { a: { x: 1, y: { z: 1, w: 2 } } }],
  ['arrays unite without duplicates', { t: ['a', 'b'] }, { t: ['b', 'c', 'c'] }, { t: ['a', 'b', 'c'] }],
  ['deep equality decides for arrays inside arrays', { t: [[1], [2]] }, { t: [[2], [3]] }, { t: [[1], [2], [3]] }],
  [
    'objects in arrays match by id and merge',
    { t: [{ id: 1, a: 1 }, { id: 2 }] },
    { t: [{ id: 1, b: { c: 1 } }, { id: 3 }] },
    { t: [{ id: 1, a: 1, b: { c: 1 } }, { id: 2 }, { id: 3 }] },
  ],
  [
    'objects in arrays match by _id',
    { t: [{ _id: 'x', a: 1 }] },
    { t: [{ _id: 'x', a: 2 }] },
    { t: [{ _id: 'x', a: 2 }] },
  ],
  [
    'objects without ids match by equality',
    { t: [{ a: 1 }] },
    { t: [{ a: 1 }, { a: 2 }] },
    { t: [{ a: 1 }, { a: 2 }] },
  ],
  ['1 and "1" are different elements', { t: [1] }, { t: ['1', 1] }, { t: [1, '1'] }],
  ['null overrides', { a: { x: 1 }, t: [1], s: 1 }, { a: null, t: null, s: null }, { a: null, t: null, s: null }],
  ['a scalar into an array is added once', { t: ['a'] }, [{ t: 'b' }, { t: 'b' }], { t: ['a', 'b'] }],
  ['an object into an array is added once', { t: [{ id: 1 }] }, { t: { id: 1, a: 1 } }, { t: [{ id: 1, a: 1 }] }],
  ['other scalars are replaced', { a: 1, b: 'x', c: true }, { a: 0, b: '', c: false }, { a: 0, b: '', c: false }],
  ['a scalar gives way to an object', { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
  ['an object gives way to a scalar', { a: { b: 1 } }, { a: 1 }, { a: 1 }],
  ['a scalar gives way to an array', { a: 1 }, { a: [2, 2] }, { a: [2] }],
  ['new attributes are added', {}, { a: [1, 1], b: { c: null } }, { a: [1], b: { c: null } }],
  ['a list of parts applies in order', { n: 0 }, [{ n: 1 }, { n: 2, t: [1] }, { t: [2] }], { n: 2, t: [1, 2] }],
  ['constructor is an ordinary name', {}, { constructor: { name: 'x' } }, { constructor: { name: 'x' } }],
]

test.each(cases)('A4 enrich: %s', async (_, before, part, after) => {
  const { tenant } = await found()
  const docs = (await tenant.database('crm')).collection<Data>('things')
  const { id } = await docs.create(before)
  expect(await docs.enrich(id, part)).toMatchObject({ ov: 1, changed: true })
  const { _system, id: _id, ...data } = (await docs.get(id)) ?? { _system: null, id: null }
  expect(data).toEqual(after)
  expect(await gather(docs.history(id))).toHaveLength(2)
  expect(await docs.enrich(id, part)).toMatchObject({ ov: 1, changed: false })
})

test('A4 enrich ignores undefined, keeps each functionId once, refuses reserved names and ids', async () => {
  const { tenant } = await found()
  const docs = (await tenant.database('crm')).collection<Record<string, unknown>>('things')
  const { id } = await docs.create({ a: 1, o: { x: 1 } })
  await docs.enrich(id, { a: undefined, o: { x: undefined, y: 2 } }, { functionId: 'f' })
  expect(await docs.get(id)).toMatchObject({ a: 1, o: { x: 1, y: 2 }, _system: { functionIds: ['f'] } })
  expect(await docs.enrich(id, { a: undefined }, { functionId: 'f' })).toMatchObject({ changed: false })
  expect(await docs.enrich(id, {}, { functionId: 'g' })).toMatchObject({ changed: true })
  expect((await docs.get(id))?._system.functionIds).toEqual(['f', 'g'])
  expect(await failure(() => docs.enrich(id, { id: 'other' }))).toEqual(coded('INVALID'))
  expect(await failure(() => docs.enrich(id, { _x: 1 }))).toEqual(coded('RESERVED_NAME'))
  expect(await failure(() => docs.enrich(id, { t: [undefined] }))).toEqual(coded('INVALID'))
  expect((await docs.get(id))?._system.ov).toBe(2)
})
