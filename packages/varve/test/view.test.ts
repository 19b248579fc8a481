/** Requirement tests of views over real databases: G1 and G4. */

import { describe, expect, test } from 'vitest'
import {
  memory,
  openView,
  VarveError,
  type JsonValue,
  type StoreProvider,
  type ViewDefinition,
  type ViewRow,
} from '../src/index.ts'
import {
  coded,
  failure,
  found,
  joined,
  reopened,
  storeOf,
  temporaryDir,
  untyped,
  type Data,
  type StoreName,
} from './engine-world.ts'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { createTenant, openTenant, systemEnv } from '../src/index.ts'
import { fromUtf8 } from '../src/encoding/bytes.ts'
import { homeOf } from '../src/tenant/view-home.ts'

const invoices: ViewDefinition = {
  name: 'invoices',
  sources: [{ database: 'crm', collection: 'invoices', filter: { paid: { $ne: true } } }],
  categories: [{ value: 'country', name: 'country' }],
  sort: [{ value: 'amount', order: 'desc' }],
  columns: [
    { name: 'customer', value: 'customer' },
    { name: 'amount', value: 'amount', totals: ['sum', 'average', 'count', 'min', 'max'] },
  ],
}

async function crm(name: StoreName = 'memory') {
  const world = await found(await storeOf(name))
  const database = await world.tenant.database('crm')
  const docs = database.collection<Data>('invoices')
  await docs.createMany([
    { id: 'a', country: 'de', customer: 'Anna', amount: 10 },
    { id: 'b', country: 'de', customer: 'Bert', amount: 30 },
    { id: 'c', country: 'fr', customer: 'Cleo', amount: 5 },
    { id: 'd', country: 'fr', customer: 'Dora', amount: 7, paid: true },
  ])
  return { world, tenant: world.tenant, database, docs }
}

function textOf(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Positions with categories or ids. */
function outline(rows: readonly ViewRow[]): readonly string[] {
  return rows.map((row) => `${row.position} ${row.kind === 'category' ? textOf(row.value) : row.id}`)
}

describe.each(['memory', 'sqlite'] as const)('a view on %s', (store) => {
  test('G1 categories, order, values, totals and origin', async () => {
    const { tenant } = await crm(store)
    const view = await tenant.view(invoices)
    expect(outline(view.rows())).toEqual(['1 de', '1.1 b', '1.2 a', '2 fr', '2.1 c'])
    expect(view.category(['de'])?.totals).toEqual({
      documents: 2,
      columns: { amount: { sum: 40, average: 20, count: 2, min: 10, max: 30 } },
    })
    expect(view.totals).toEqual({
      documents: 3,
      columns: { amount: { sum: 45, average: 15, count: 3, min: 5, max: 30 } },
    })
    expect(view.rows()[1]).toMatchObject({
      kind: 'document',
      id: 'b',
      tenant: 'acme',
      tenantId: tenant.id,
      database: 'crm',
      collection: 'invoices',
      origin: null,
      level: 1,
      path: ['de'],
      values: { customer: 'Bert', amount: 30 },
    })
  })

  test('G1 it follows creates, moves, filters, deletes and revivals, and tells each change once', async () => {
    const { tenant, docs } = await crm(store)
    const view = await tenant.view(invoices)
    let told = 0
    view.subscribe(() => told++)
    const step = async (work: () => Promise<unknown>, rows: readonly string[], tells = 1): Promise<void> => {
      const before = told
      await work()
      await view.refresh()
      expect(outline(view.rows())).toEqual(rows)
      expect(told - before).toBe(tells)
    }
    await step(() => docs.patch('a', { country: 'fr' }), ['1 de', '1.1 b', '2 fr', '2.1 a', '2.2 c'])
    await step(() => docs.patch('b', { paid: true }), ['1 fr', '1.1 a', '1.2 c'])
    await step(() => docs.patch('c', { note: 'nothing the view shows' }), ['1 fr', '1.1 a', '1.2 c'], 0)
    await step(() => docs.delete('c'), ['1 fr', '1.1 a'])
    await step(() => docs.restore('c', { ov: 0 }), ['1 fr', '1.1 a', '1.2 c'])
    const many = Array.from({ length: 20 }, (_, i) => ({ id: `m${i}`, country: 'it', amount: i }))
    const before = told
    await docs.createMany(many)
    await view.refresh()
    expect(told - before).toBe(1)
    expect(view.category(['it'])?.totals.documents).toBe(20)
    view.close()
    for (const call of [() => view.refresh(), () => view.rebuild(), () => view.save()])
      await expect(call()).rejects.toEqual(coded('CLOSED'))
    await docs.create({ country: 'xx' })
    expect(view.category(['xx'])).toBeNull()
    expect(await failure(() => view.refresh())).toEqual(coded('CLOSED'))
  })

  test('G1 saved, it is loaded instead of built, catches up, and is built anew when the definition is another', async () => {
    const { world, tenant, docs } = await crm(store)
    const view = await tenant.view(invoices)
    await view.save()
    await docs.patch('a', { amount: 100 })
    await docs.delete('c')
    await view.save()
    await docs.create({ id: 'e', country: 'at', amount: 2 })
    const again = await reopened(world)
    const loaded = await again.tenant.view(invoices)
    expect(outline(loaded.rows())).toEqual(['1 at', '1.1 e', '2 de', '2.1 a', '2.2 b'])
    expect(loaded.totals.columns['amount']?.sum).toBe(132)
    const other = await again.tenant.view({ ...invoices, sort: [{ value: 'amount' }] })
    expect(outline(other.rows())).toEqual(['1 at', '1.1 e', '2 de', '2.1 b', '2.2 a'])
    await other.save()
    await loaded.save()
    const third = await reopened(again)
    expect(outline((await third.tenant.view(invoices)).rows())).toEqual(outline(loaded.rows()))
  })

  test('G4 as of a past time it shows what was then, and stays so', async () => {
    const { tenant, database, docs } = await crm(store)
    const before = await docs.get('a')
    await docs.patch('a', { country: 'es' })
    await docs.delete('b')
    const at = String(before?._system.insertedAt)
    const view = await tenant.view(invoices, { asOf: at })
    expect(outline(view.rows())).toEqual(['1 de', '1.1 b', '1.2 a', '2 fr', '2.1 c'])
    await docs.patch('c', { country: 'no' })
    await view.refresh()
    expect(view.category(['no'])).toBeNull()
    expect(await failure(() => view.save())).toEqual(coded('UNSUPPORTED'))
    expect(database.name).toBe('crm')
    expect(await failure(() => tenant.view(invoices, { asOf: 'yesterday' }))).toEqual(coded('INVALID'))
  })
})

describe('views over many databases', () => {
  test('G1 several collections, databases and tenants in one view, each row with its origin', async () => {
    const { tenant: one } = await crm()
    const { tenant: two, docs } = await crm()
    await (await one.database('old')).collection<Data>('bills').create({ id: 'x', country: 'de', amount: 1 })
    const definition: ViewDefinition = {
      ...invoices,
      sources: [
        { tenant: one.id, database: 'crm', collection: 'invoices', origin: 'first' },
        { tenant: one.id, database: 'old', collection: 'bills' },
        { tenant: two.id, database: 'crm', collection: 'invoices', origin: 'second' },
      ],
    }
    const view = await openView([one, two], definition)
    const de = view.rowsOf('a').map(({ origin, position }) => `${position} ${String(origin)}`)
    expect(de).toEqual(['1.3 first', '1.4 second'])
    expect(view.totals.columns['amount']?.sum).toBe(52 + 1 + 52)
    expect(view.rowsOf('x')[0]).toMatchObject({ database: 'old', collection: 'bills', origin: null })
    await docs.patch('a', { amount: 1000 })
    await view.refresh()
    expect(view.rowsOf('a', { origin: 'second' })[0]?.position).toBe('1.1')
    await view.save()
    const again = await openView([one, two], definition)
    expect(again.rows()).toEqual(view.rows())
    const named = { ...definition, sources: [{ tenant: 'acme', database: 'crm', collection: 'invoices' }] }
    expect(await failure(() => openView([one, two], named))).toEqual(coded('INVALID', { path: 'sources[0].tenant' }))
    expect(await failure(() => openView(one, invoices).then(() => openView([], invoices)))).toEqual(coded('INVALID'))
  })

  test('one source twice with other filters gives rows of its own', async () => {
    const { tenant, docs } = await crm()
    const source = { database: 'crm', collection: 'invoices' }
    const view = await tenant.view({
      name: 'both',
      sources: [
        { ...source, origin: 'all' },
        { ...source, origin: 'large', filter: { amount: { $gte: 10 } } },
      ],
    })
    expect(view.totals.documents).toBe(6)
    await docs.patch('a', { amount: 0 })
    await view.refresh()
    expect(view.rowsOf('a').map(({ origin }) => origin)).toEqual(['all'])
  })
})

describe('who sees what', () => {
  test('G1 what `visible` refuses is in no row and no total, and appears when it is built again', async () => {
    const { tenant, docs } = await crm()
    const barred = new Set(['a'])
    const view = await tenant.view(invoices, { visible: (_, doc) => !barred.has(doc.id) })
    expect(view.category(['de'])?.totals.columns['amount']?.sum).toBe(30)
    await docs.patch('a', { amount: 11 })
    await view.refresh()
    expect(view.rowsOf('a')).toEqual([])
    barred.clear()
    let told = 0
    view.subscribe(() => told++)
    const navigator = view.navigator()
    await view.rebuild()
    expect(told).toBe(1)
    expect(view.category(['de'])?.totals.columns['amount']?.sum).toBe(41)
    expect(navigator.gotoDocument('a')?.position).toBe('1.2')
    expect(await failure(() => view.save())).toEqual(coded('UNSUPPORTED'))
  })

  test('B2 documents under a key appear with it and go with it', async () => {
    const { tenant, database, docs } = await crm()
    await tenant.keys.create('secret')
    await docs.create({ id: 's', country: 'de', amount: 1000 }, { key: 'secret' })
    const { tenant: bob } = await joined(tenant, 'bob')
    const copy = await bob.database('crm')
    await copy.sync(database)
    const view = await bob.view(invoices)
    expect(view.rowsOf('s')).toEqual([])
    expect(view.totals.columns['amount']?.sum).toBe(45)
    let told = 0
    view.subscribe(() => told++)
    await bob.keys.import(await tenant.keys.export(['secret'], 'a password'), 'a password')
    await view.refresh()
    expect(view.rowsOf('s')[0]?.position).toBe('1.1')
    expect(told).toBe(1)
    await bob.keys.remove('secret')
    await view.refresh()
    expect(view.rowsOf('s')).toEqual([])
    expect(view.totals.columns['amount']?.sum).toBe(45)
  })

  test('B2 what a removed key protected is in no saved view any more', async () => {
    const world = await found(await storeOf('sqlite'))
    const docs = (await world.tenant.database('crm')).collection<Data>('invoices')
    await world.tenant.keys.create('secret')
    await docs.create({ id: 's', country: 'de', amount: 1000 }, { key: 'secret' })
    await docs.create({ id: 'a', country: 'de', amount: 1 })
    await (await world.tenant.view(invoices)).save()
    await world.tenant.keys.remove('secret')
    const known = await homeOf(world.tenant).value('view/invoices')
    const store = await homeOf(world.tenant).openStore(fromUtf8(known ?? new Uint8Array()))
    expect((await store.values('')).size).toBe(0)
    await store.close()
    const view = await world.tenant.view(invoices)
    expect(view.totals.columns['amount']?.sum).toBe(1)
    await view.save()
    expect(outline((await world.tenant.view(invoices)).rows())).toEqual(['1 de', '1.1 a'])
  })

  test('G1 views of one name are saved and opened at once, while keys go', async () => {
    const { tenant, docs } = await crm()
    await tenant.keys.create('secret')
    const view = await tenant.view(invoices)
    await view.save()
    await docs.patch('a', { amount: 11 })
    const [one, other] = await Promise.all([
      tenant.view(invoices),
      tenant.view(invoices),
      view.save(),
      tenant.keys.remove('secret'),
    ])
    expect(one.rows()).toEqual(view.rows())
    expect(other.rows()).toEqual(view.rows())
  })

  test('G1 a saved view whose store cannot be opened is built anew', async () => {
    let broken = false
    const store = memory()
    const failing: StoreProvider = {
      supports: store.supports,
      readFile: (name) => store.readFile(name),
      writeFile: (name, bytes) => store.writeFile(name, bytes),
      destroy: () => store.destroy(),
      open: (name, options) =>
        broken && name.startsWith('view-')
          ? Promise.reject(new VarveError('TAMPERED', 'damaged'))
          : store.open(name, options),
    }
    const { tenant } = await found(failing)
    await (await tenant.database('crm')).collection<Data>('invoices').create({ id: 'a', country: 'de', amount: 1 })
    await (await tenant.view(invoices)).save()
    broken = true
    expect(outline((await tenant.view(invoices)).rows())).toEqual(['1 de', '1.1 a'])
  })

  test('B2 a saved view is not readable on disk under a passphrase', async () => {
    const dir = await temporaryDir()
    const options = { store: sqlite({ dir }), passphrase: 'long enough', env: systemEnv({ passphraseWork: 1 }) }
    const tenant = await createTenant({ ...options, name: 'acme', user: 'ada' })
    await (await tenant.database('crm')).collection<Data>('invoices').create({ country: 'Ruritania', amount: 1 })
    await (await tenant.view({ ...invoices, name: 'Hentzau' })).save()
    await tenant.close()
    const files = await readdir(dir)
    expect(files.some((file) => file.startsWith('view-'))).toBe(true)
    for (const file of files) {
      const text = (await readFile(join(dir, file))).toString('latin1')
      expect(file + text).not.toMatch(/Ruritania|Hentzau/)
    }
    const again = await openTenant(options)
    const view = await again.view({ ...invoices, name: 'Hentzau' })
    expect(view.category(['Ruritania'])?.totals.documents).toBe(1)
    await again.wipe()
    expect((await readdir(dir)).filter((file) => file.endsWith('.sqlite'))).toEqual([])
  })
})

describe('bad input', () => {
  test('databases that are not there are named, and not made', async () => {
    const { tenant } = await crm()
    const definition = { ...invoices, sources: [...invoices.sources, { database: 'nothing', collection: 'x' }] }
    expect(await failure(() => tenant.view(definition))).toEqual(coded('NOT_FOUND', { path: 'sources[1].database' }))
    expect((await tenant.databases()).map(({ name }) => name)).not.toContain('nothing')
    expect(await failure(() => tenant.view(untyped({ name: 'x' })))).toEqual(coded('INVALID', { path: 'sources' }))
  })

  test('keys and ranges from elsewhere are refused', async () => {
    const { tenant } = await crm()
    const view = await tenant.view(invoices)
    for (const after of [
      '',
      'x',
      '[',
      '{}',
      '[1]',
      '[["a","b"]]',
      '[[0,1],1]',
      '[[0,"de"],[1],0]',
      '['.repeat(100_000),
    ])
      expect(await failure(() => view.rows({ after }))).toEqual(coded('INVALID'))
    for (const range of [{ from: -1 }, { limit: 1.5 }, { from: 0, after: '[[]]' }])
      expect(await failure(() => view.rows(range))).toEqual(coded('INVALID'))
    for (const position of ['', '0', '1.', 'a', '1.2.x'])
      expect(await failure(() => view.navigator().gotoPosition(position))).toEqual(coded('INVALID'))
    expect(await failure(() => view.navigator().expand(['nowhere']))).toEqual(coded('NOT_FOUND'))
    expect(await failure(() => view.navigator().expand([]))).toEqual(coded('NOT_FOUND'))
    expect(view.rows({ after: '[[0,"de",0,"x"],[1,2,3],7,"y"]' })).toHaveLength(4)
  })

  test('a listener that fails keeps nobody from hearing', async () => {
    const { tenant, docs } = await crm()
    const view = await tenant.view(invoices)
    let told = 0
    view.subscribe(() => {
      throw new Error('a listener')
    })
    view.subscribe(() => told++)
    await docs.patch('a', { amount: 3 })
    await view.refresh()
    expect(told).toBe(1)
  })
})
