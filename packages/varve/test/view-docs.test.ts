/** The examples of docs/views.md: each stands here word by word, and runs. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createTenant, memory, openView, type JsonObject, type ViewDefinition, type ViewRow } from '../src/index.ts'
import { afterTest, found, tickingEnv } from './engine-world.ts'

test('defining, reading, paging, navigating, following, saving, exporting', async () => {
  const { tenant } = await found()
  const invoices = (await tenant.database('crm')).collection<JsonObject>('invoices')
  await invoices.createMany([
    { id: 'anna', customer: 'Anna', country: 'de', issued: '2026-02-01', amount: 300, owner: 'bob' },
    { id: 'bert', customer: 'Bert', country: 'de', issued: '2025-11-30', amount: 150 },
    { id: 'cleo', customer: 'Cleo', country: 'at', issued: '2026-01-15', amount: 120 },
    { id: 'dora', customer: 'Dora', country: 'at', issued: '2026-01-16', amount: 80, paid: true },
  ])
  const definition: ViewDefinition = {
    name: 'open invoices',
    sources: [{ database: 'crm', collection: 'invoices', filter: { paid: { $ne: true } } }],
    categories: [
      { name: 'country', value: 'country' },
      { name: 'year', value: { year: 'issued' }, order: 'desc' },
    ],
    sort: [{ value: 'amount', order: 'desc' }],
    columns: [
      { name: 'customer', value: 'customer' },
      { name: 'amount', value: 'amount', totals: ['sum', 'average', 'count', 'min', 'max'] },
    ],
  }
  const view = await tenant.view(definition)

  const lines: string[] = []
  for (const row of view.rows()) {
    const path = JSON.stringify(row.path)
    if (row.kind === 'category') lines.push(`${row.position} ${path} ${row.totals.columns['amount']?.sum ?? 0}`)
    else lines.push(`${row.position} ${path} ${row.id} ${JSON.stringify(row.values)}`)
  }
  expect(readGuide()).toContain(`\`\`\`\n${lines.join('\n')}\n\`\`\``)

  const page = view.rows({ limit: 3 })
  const more = view.rows({ after: page.at(-1)?.key ?? '', limit: 3 })
  const back = view.rows({ after: more[0]?.key ?? '', limit: 3, direction: 'backward' })
  expect(more[0]?.position).toBe('2')
  expect(back).toEqual(page)

  const navigator = view.navigator()
  navigator.collapseAll()
  navigator.expand(['de'])
  const shown = navigator.rows().map(({ position }) => position)
  navigator.gotoCategory(['d'], { prefix: true })
  const below = navigator.next()
  expect(shown).toEqual(['1', '2', '2.1', '2.2'])
  expect(below?.position).toBe('2.1')

  let drawn: readonly ViewRow[] = []
  const redraw = (rows: readonly ViewRow[]): void => {
    drawn = rows
  }
  const stop = view.subscribe(() => redraw(view.rows({ limit: 50 })))
  await invoices.patch('anna', { paid: true })
  await view.refresh()
  stop()
  expect(drawn).toHaveLength(6)
  await invoices.patch('anna', { paid: false })

  await view.save()
  const again = await tenant.view(definition)
  expect(again.rows()).toEqual(view.rows())

  const own = await tenant.view(definition, {
    visible: ({ database }, doc) => database === 'crm' && doc['owner'] === 'bob',
  })
  expect(own.totals.documents).toBe(1)

  const then = await tenant.view(definition, { asOf: '2026-01-01T00:00:00Z' })
  expect(then.totals.documents).toBe(0)

  const csv = view.toCsv()
  const workbook = await view.toXlsx()
  expect(csv).toContain('at,2026,Cleo,120')
  expect(workbook.length).toBeGreaterThan(1000)
})

test('several tenants', async () => {
  const tenants = await Promise.all(
    ['acme', 'globex'].map((name) => createTenant({ name, user: 'ada', store: memory(), env: tickingEnv() })),
  )
  for (const tenant of tenants) {
    afterTest(() => tenant.close())
    const customers = (await tenant.database('crm')).collection<JsonObject>('customers')
    await customers.create({ id: 'c', name: `${tenant.name} customer`, city: 'Bonn' })
  }
  const [acme, globex] = tenants
  if (acme === undefined || globex === undefined) throw new Error('two tenants were made')
  const all = await openView([acme, globex], {
    name: 'all customers',
    sources: [
      { tenant: 'acme', database: 'crm', collection: 'customers', origin: 'Acme' },
      { tenant: 'globex', database: 'crm', collection: 'customers', origin: 'Globex' },
    ],
    categories: [{ value: 'city' }],
    columns: [{ name: 'name', value: 'name' }],
  })
  expect(all.category(['Bonn'])?.totals.documents).toBe(2)
})

test('every example of the guide is one of these', () => {
  const plain = (text: string): string => text.replace(/^\s+/gm, '')
  const here = plain(readFileSync(import.meta.filename, 'utf8'))
  const examples = [...readGuide().matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example = '']) => plain(example))
  expect(examples.length).toBeGreaterThan(8)
  expect(examples.filter((example) => !here.includes(example))).toEqual([])
})

function readGuide(): string {
  return readFileSync(join(import.meta.dirname, '../../../docs/views.md'), 'utf8')
}
