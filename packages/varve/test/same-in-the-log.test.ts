/** What is answered is what the log says: commits at their limits, words beside the data, and awkward names. */

import { describe, expect, test } from 'vitest'
import { createTenant, limits, memory } from '../src/index.ts'
import { coded, worldFrom } from './keys-world.ts'

async function database() {
  const tenant = await createTenant({ name: 'acme', user: 'ada', store: memory(), env: worldFrom(1) })
  return tenant.database('crm')
}

const count = limits.commitTables + 20

describe('the collections of one commit', () => {
  test('more than fit, written at once, are divided over commits', async () => {
    const crm = await database()
    const names = Array.from({ length: count }, (_, i) => `c${i}`)
    await Promise.all(names.map((name, n) => crm.collection<{ n: number }>(name).create({ n }, { id: 'a' })))
    for (const [n, name] of names.entries()) expect(await crm.collection(name).getVersion('a', 0)).toMatchObject({ n })
    expect((await crm.verify()).problems).toEqual([])
  })
  test('more than fit in one transaction are refused', async () => {
    const crm = await database()
    const write = (collections: number) =>
      crm.transact(async (tx) => {
        for (let n = 0; n < collections; n++) await tx.collection<{ n: number }>(`c${n}`).create({ n }, { id: 'a' })
      })
    await expect(write(limits.commitTables + 1)).rejects.toThrow(coded('TOO_LARGE'))
    expect(await crm.stats()).toMatchObject({ commits: 0 })
    await write(limits.commitTables)
    expect((await crm.verify()).problems).toEqual([])
  })
})

test('more bytes than one commit may have are refused', async () => {
  const crm = await database()
  const docs = crm.collection<{ text: string }>('docs')
  const big = { text: 'x'.repeat(7 * 1024 * 1024) }
  await expect(docs.createMany(Array.from({ length: 5 }, () => big))).rejects.toThrow(coded('TOO_LARGE'))
  expect(await crm.stats()).toMatchObject({ commits: 0 })
  await docs.createMany(Array.from({ length: 4 }, () => big))
  expect((await crm.verify()).problems).toEqual([])
})

describe('words beside the data', () => {
  test.each([
    ['a function id', { functionId: '\ud800' }],
    ['an empty function id', { functionId: '' }],
  ])('%s that cannot be stored is refused', async (_name, options) => {
    const docs = (await database()).collection<{ a: number }>('docs')
    await docs.create({ a: 1 }, { id: 'a' })
    await expect(docs.enrich('a', { a: 2 }, options)).rejects.toThrow(coded('INVALID'))
    await expect(docs.upsert(['a'], { a: 3 }, options)).rejects.toThrow(coded('INVALID'))
  })
  test.each([
    { id: '\ud800', collection: 'c' },
    { id: 'a', collection: '' },
    { id: 'a', collection: 'c', system: '\udc00' },
  ])('an origin that cannot be stored is refused: %j', async (origin) => {
    const docs = (await database()).collection<{ a: number }>('docs')
    await expect(docs.create({ a: 1 }, { origin })).rejects.toThrow(coded('INVALID'))
  })
  test('names with _ below the top, and a byte order mark, are the same in the log', async () => {
    const crm = await database()
    const docs = crm.collection<object>('docs')
    await docs.create({ text: '\ufeffx' }, { id: 'a' })
    await docs.patch('a', { c: { _d: 1 }, '\ufeffname': '\ufeff' })
    await docs.patch('a', { $push: { list: { _e: 1 } } })
    const { _system, ...data } = (await docs.getVersion('a', 2)) ?? { _system: null }
    expect(data).toEqual({ id: 'a', text: '\ufeffx', c: { _d: 1 }, '\ufeffname': '\ufeff', list: [{ _e: 1 }] })
    expect((await crm.verify()).problems).toEqual([])
  })
})
