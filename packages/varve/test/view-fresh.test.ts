/** What a view that follows reads of the store: nothing of what was just written, everything it fell behind by. */

import { expect, test } from 'vitest'
import type { ViewDefinition } from '../src/index.ts'
import { decorate, decorateStores, type StoreMethod } from '../src/store/decorate.ts'
import { memory } from '../src/store/memory.ts'
import { afterTest, found, joined, type Data } from './engine-world.ts'

const definition: ViewDefinition = {
  name: 'by kind',
  sources: [{ database: 'crm', collection: 'things' }],
  categories: [{ value: 'kind' }],
  columns: [{ name: 'n', value: 'n', totals: ['sum'] }],
}

const following = new Set<StoreMethod>(['commitsAfter', 'touches', 'documents', 'documentsByNo'])

/** Two devices of a tenant; the second has a view, and tells which reads its stores answered. */
async function followed() {
  const { tenant } = await found()
  const reads: StoreMethod[] = []
  const watched = decorateStores(memory(), (store) =>
    decorate(store, (method, call) => {
      if (following.has(method)) reads.push(method)
      return call()
    }),
  )
  const { tenant: other } = await joined(tenant, 'bob', { store: watched })
  afterTest(() => other.close())
  const [there, here] = [await tenant.database('crm'), await other.database('crm')]
  await here.sync(there)
  const view = await other.view(definition)
  return { there, here, view, reads, docs: here.collection<Data>('things') }
}

test('a write of its own device is taken over without reading it again', async () => {
  const { view, reads, docs } = await followed()
  const { id } = await docs.create({ kind: 'a', n: 1 })
  await view.refresh()
  reads.length = 0
  await docs.patch(id, { kind: 'b', n: 2 })
  await view.refresh()
  // The write itself loads the head.
  expect(reads.filter((method) => method !== 'documents')).toEqual([])
  expect(reads.length).toBeLessThanOrEqual(1)
  expect(view.category(['b'])?.totals.columns['n']).toEqual({ sum: 2 })
  expect(view.category(['a'])).toBeNull()
})

test('what arrives from others is taken over too, and what is deleted goes', async () => {
  const { there, here, view, docs } = await followed()
  await there.collection<Data>('things').create({ id: 'x', kind: 'a', n: 1 }, {})
  await docs.create({ id: 'y', kind: 'a', n: 2 }, {})
  await here.sync(there)
  await view.refresh()
  expect(view.category(['a'])?.totals.columns['n']).toEqual({ sum: 3 })
  await docs.delete('y')
  await view.refresh()
  expect(view.category(['a'])?.totals.documents).toBe(1)
})

test('after more changes than are kept in memory it reads them', async () => {
  const { view, reads, docs } = await followed()
  await docs.create({ kind: 'a', n: 0 })
  await view.refresh()
  reads.length = 0
  await docs.createMany(Array.from({ length: 1500 }, () => ({ kind: 'a', n: 1 })))
  await view.refresh()
  expect(reads).toContain('commitsAfter')
  expect(view.totals).toEqual({ documents: 1501, columns: { n: { sum: 1500 } } })
  await docs.create({ kind: 'a', n: 1 })
  await view.refresh()
  expect(view.totals.documents).toBe(1502)
})

test('a view that is closed keeps nothing and follows no more', async () => {
  const { view, docs } = await followed()
  view.close()
  await docs.create({ kind: 'a', n: 1 })
  expect(view.totals.documents).toBe(0)
  await expect(view.refresh()).rejects.toMatchObject({ code: 'CLOSED' })
})
