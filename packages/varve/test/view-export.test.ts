/** Views as CSV and XLSX. */

import { unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import { limits, type ViewDefinition } from '../src/index.ts'
import { found, type Data } from './engine-world.ts'

const definition: ViewDefinition = {
  name: 'Costs: [2026]',
  sources: [{ database: 'crm', collection: 'costs', origin: 'books' }],
  categories: [
    { value: 'account', separator: '/', name: 'account' },
    { value: 'year', name: 'year' },
  ],
  columns: [
    { name: 'text', value: 'text' },
    { name: 'amount', value: 'amount', totals: ['sum', 'max'] },
    { name: 'more', value: 'more' },
  ],
}

async function costs() {
  const { tenant } = await found()
  const database = await tenant.database('crm')
  await database.collection<Data>('costs').createMany([
    { id: 'a', account: 'home/heat', year: 2026, text: 'oil, "good"', amount: 10.5, more: ['x', 1] },
    { id: 'b', account: 'home', year: 2026, text: '=1+1', amount: -2, more: { deep: [1] } },
    { id: 'c', account: 'home', text: 'two\nlines', amount: null, more: true },
  ])
  return tenant.view(definition)
}

test('CSV has a head, a line for each category with its totals, one for each document, and one for all', async () => {
  const view = await costs()
  expect(view.toCsv().split('\r\n')).toEqual([
    'account,year,text,amount,more,id,origin,documents,amount sum,amount max',
    'home,,,,,,,3,8.5,10.5',
    'home/heat,,,,,,,1,10.5,10.5',
    'home/heat,2026,,,,,,1,10.5,10.5',
    'home/heat,2026,"oil, ""good""",10.5,"x, 1",a,books,,,',
    'home,,,,,,,1,0,',
    'home,,"two\nlines",,true,c,books,,,',
    'home,2026,,,,,,1,-2,-2',
    `home,2026,'=1+1,-2,"{""deep"":[1]}",b,books,,,`,
    ',,,,,,,3,8.5,10.5',
    '',
  ])
  const plain = view.toCsv({ totals: false, formulas: 'keep' }).split('\r\n')
  expect(plain[0]).toBe('account,year,text,amount,more,id,origin')
  expect(plain).toHaveLength(5)
  expect(plain[3]).toContain(',=1+1,')
})

test('XLSX is a workbook whose numbers are numbers and whose text is text', async () => {
  const view = await costs()
  const parts = unzipSync(await view.toXlsx())
  const read = (name: string): string => new TextDecoder().decode(parts[name])
  const sheet = read('xl/worksheets/sheet1.xml')
  expect(sheet.match(/<row /g)).toHaveLength(10)
  expect(sheet).toContain('<v>10.5</v>')
  expect(sheet).toContain('<c r="E7" t="b"><v>1</v></c>')
  expect(sheet).not.toContain('<f>')
  expect(read('xl/sharedStrings.xml')).toContain('=1+1')
  expect(read('xl/workbook.xml')).toContain('name="Costs   2026"')
})

test('text longer than a cell of a spreadsheet is cut there', async () => {
  const { tenant } = await found()
  const docs = (await tenant.database('crm')).collection<Data>('costs')
  await docs.create({ text: 'x'.repeat(40_000) })
  const view = await tenant.view({ ...definition, name: "'" })
  const parts = unzipSync(await view.toXlsx())
  const text = new TextDecoder().decode(parts['xl/sharedStrings.xml'])
  expect(/x+/.exec(text.slice(text.indexOf('xx')))?.[0]).toHaveLength(32_767)
  expect(new TextDecoder().decode(parts['xl/workbook.xml'])).toContain('name="view"')
  expect(limits.spreadsheetRows).toBe(1_048_576)
})
