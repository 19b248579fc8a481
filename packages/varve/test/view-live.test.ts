/** A view that follows two devices which write, sync, save, and hold or lack a key: always the one that is built. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Database, Tenant, View, ViewDefinition } from '../src/index.ts'
import { found, joined, type Data } from './engine-world.ts'

describe('while two devices write and sync', () => {
  const writes = fc.array(
    fc.record({
      side: fc.nat(1),
      act: fc.constantFrom(
        'create',
        'create',
        'patch',
        'patch',
        'delete',
        'sync',
        'look',
        'save',
        'secret',
        'key',
        'forget',
      ),
      id: fc.nat(6),
      tags: fc.array(fc.constantFrom('u', 'v', 'w\\x', 'w\\y', 'w'), { maxLength: 3 }),
      n: fc.integer({ min: -9, max: 9 }),
    }),
    { maxLength: 25 },
  )
  const definition: ViewDefinition = {
    name: 'tags',
    sources: [{ database: 'crm', collection: 'things', filter: { n: { $gte: -5 } } }],
    categories: [{ value: 'tags', separator: '\\' }, { value: { if: [{ gt: ['n', 0] }, 'n', { const: 'low' }] } }],
    sort: [{ value: 'n', order: 'desc' }],
    columns: [{ name: 'n', value: 'n', totals: ['sum', 'average', 'count', 'min', 'max'] }],
  }

  const act = async (database: Database, each: { act: string; id: number; tags: string[]; n: number }) => {
    const docs = database.collection<Data>('things')
    const id = `t${each.id}`
    if (each.act === 'secret')
      await docs.create({ id, tags: each.tags, n: each.n }, { key: 'secret' }).catch(() => undefined)
    if (each.act === 'create') await docs.create({ id, tags: each.tags, n: each.n }, {}).catch(() => undefined)
    if (each.act === 'patch') await docs.patch(id, { tags: each.tags, n: each.n }).catch(() => undefined)
    if (each.act === 'delete') await docs.delete(id).catch(() => undefined)
  }

  const same = async (tenant: Tenant, view: View): Promise<void> => {
    await view.refresh()
    const fresh = await tenant.view({ ...definition, name: 'fresh' })
    const rows = (each: View): unknown => each.rows()
    expect(rows(view)).toEqual(rows(fresh))
    expect(view.totals).toEqual(fresh.totals)
    fresh.close()
  }

  test('G1 the view that followed equals one that is built', async () => {
    await fc.assert(
      fc.asyncProperty(writes, async (steps) => {
        const { tenant } = await found()
        const { tenant: other } = await joined(tenant, 'bob')
        const databases = [await tenant.database('crm'), await other.database('crm')] as const
        await tenant.keys.create('secret')
        const key = await tenant.keys.export(['secret'], 'a password')
        await databases[1].sync(databases[0])
        const views = [await tenant.view(definition), await other.view(definition)] as const
        const tenants = [tenant, other] as const
        for (const each of steps) {
          const side = each.side === 0 ? 0 : 1
          if (each.act === 'sync') await databases[1].sync(databases[0])
          else if (each.act === 'look') await same(tenants[side], views[side])
          else if (each.act === 'save') await views[side].save()
          else if (each.act === 'key') await other.keys.import(key, 'a password')
          else if (each.act === 'forget') await other.keys.remove('secret').catch(() => undefined)
          else await act(databases[side], each)
        }
        await databases[1].sync(databases[0])
        for (const side of [0, 1] as const) {
          await same(tenants[side], views[side])
          await views[side].save()
          const loaded = await tenants[side].view(definition)
          expect(loaded.rows()).toEqual(views[side].rows())
        }
        await other.keys.import(key, 'a password')
        await views[1].refresh()
        const seen = (view: View): unknown => view.rows()
        expect(seen(views[1])).toEqual(seen(views[0]))
        await other.close()
        await tenant.close()
      }),
      { numRuns: 25 },
    )
  }, 60_000)
})
