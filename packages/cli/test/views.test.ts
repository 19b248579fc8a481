/** Views and counters on the command line: trees with totals, exports, rules and what they count. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inside, json, temporaryFolder, varve } from './world.ts'

const bills = [
  { id: 'a', who: 'Anna', land: 'de', year: 2026, amount: 300 },
  { id: 'b', who: 'Bert', land: 'de', year: 2025, amount: 150.5 },
  { id: 'c', who: 'Cleo', land: 'at', year: 2026, amount: 1200 },
]

const definition = {
  name: 'bills',
  sources: [{ database: 'main', collection: 'bills' }],
  categories: [
    { name: 'land', value: 'land' },
    { name: 'year', value: 'year', order: 'desc' },
  ],
  columns: [
    { name: 'who', value: 'who' },
    { name: 'amount', value: 'amount', totals: ['sum'] },
  ],
}

async function billsTenant(): Promise<readonly string[]> {
  const at = ['--data', join(temporaryFolder(), 'data')]
  await json(inside(['init', 'acme', '--user', 'ada', '--no-passphrase', '--json', ...at]))
  const input = bills.map((each) => `${JSON.stringify(each)}\n`).join('')
  await json(inside(['import', 'bills', '--json', ...at], { input }))
  return at
}

function file(value: unknown): string {
  const path = join(temporaryFolder(), 'file.json')
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}

describe('view', () => {
  test('a tree of categories and documents with values and totals', async () => {
    const at = await billsTenant()
    expect(await varve(['view', file(definition), ...at])).toEqual({
      code: 0,
      err: '8 rows of 3 documents\n',
      out: [
        'land / year  who   amount  documents  amount sum',
        '▾ at                               1       1,200',
        '  ▾ 2026                           1       1,200',
        '    c        Cleo   1,200',
        '▾ de                               2       450.5',
        '  ▾ 2026                           1         300',
        '    a        Anna     300',
        '  ▾ 2025                           1       150.5',
        '    b        Bert   150.5',
        'all                                3     1,650.5',
        '',
      ].join('\n'),
    })
  })

  test('categories alone, only some levels, a page', async () => {
    const at = await billsTenant()
    const view = ['view', file(definition), ...at]
    const lines = async (...flags: string[]): Promise<readonly string[]> => {
      const { out } = await inside([...view, ...flags])
      return out.split('\n').slice(1, -2)
    }
    expect(await lines('--level', '1')).toEqual([
      '▸ at                 1       1,200',
      '▸ de                 2       450.5',
    ])
    expect(await lines('--collapse')).toEqual([
      '▾ at                 1       1,200',
      '  ▸ 2026             1       1,200',
      '▾ de                 2       450.5',
      '  ▸ 2026             1         300',
      '  ▸ 2025             1       150.5',
    ])
    expect(await lines('--collapse', '--from', '3', '--limit', '1')).toEqual(['  ▸ 2026             1         300'])
    expect((await lines('--from', '1', '--limit', '2')).map((line) => line.trim().split(/\s+/)[0])).toEqual(['▾', 'c'])
    expect((await inside([...view, '--limit', '2'])).err).toBe('2 of 8 rows of 3 documents\n')
    expect(await lines('--level', '0')).toEqual([])
  })

  test('documents that stand beside categories are not shown with --collapse', async () => {
    const at = await billsTenant()
    await inside(['create', 'bills', String.raw`{"land":"de\\north","amount":1}`, '--id', 'd', ...at])
    const nested = { ...definition, categories: [{ name: 'land', value: 'land', separator: '\\' }] }
    const shown = await json(inside(['view', file(nested), '--collapse', '--json', ...at]))
    expect(shown).toMatchObject({
      count: 3,
      rows: [
        { path: ['at'], expanded: false },
        { path: ['de'], expanded: true },
        { path: ['de', 'north'], expanded: false },
      ],
    })
  })

  test('JSON has the rows as the API gives them', async () => {
    const at = await billsTenant()
    expect(await json(varve(['view', file(definition), '--limit', '3', '--json', ...at]))).toEqual({
      name: 'bills',
      totals: { documents: 3, columns: { amount: { sum: 1650.5 } } },
      count: 8,
      rows: [
        expect.objectContaining({ kind: 'category', path: ['at'], children: 1, descendants: 2 }),
        expect.objectContaining({ kind: 'category', path: ['at', 2026] }),
        expect.objectContaining({ kind: 'document', id: 'c', values: { who: 'Cleo', amount: 1200 } }),
      ],
    })
  })

  test('CSV and a workbook', async () => {
    const at = await billsTenant()
    const { out } = await inside(['view', '-', '--csv', ...at], { input: JSON.stringify(definition) })
    expect(out.split('\r\n').slice(0, 4)).toEqual([
      'land,year,who,amount,id,origin,documents,amount sum',
      'at,,,,,,1,1200',
      'at,2026,,,,,1,1200',
      'at,2026,Cleo,1200,c,acme/main/bills,,',
    ])
    const book = join(temporaryFolder(), 'bills.xlsx')
    expect(await varve(['view', file(definition), '--xlsx', book, ...at])).toEqual({
      code: 0,
      err: '',
      out: `Wrote ${book}.\n`,
    })
    expect(readFileSync(book).subarray(0, 2).toString('latin1')).toBe('PK')
  })

  test('as of a time, and saved for the next time', async () => {
    const at = await billsTenant()
    const doc = JSON.stringify(await json(inside(['get', 'bills', 'a', '--json', ...at])))
    const [, then = ''] = /"updatedAt":"([^"]+)"/.exec(doc) ?? []
    expect((await inside(['view', file(definition), '--save', ...at])).err).toBe('8 rows of 3 documents\n')
    await inside(['delete', 'bills', 'c', ...at])
    expect((await inside(['view', file(definition), '--save', ...at])).err).toBe('5 rows of 2 documents\n')
    const past = await inside(['view', file(definition), '--as-of', then, '--level', '1', ...at])
    expect(past.out).toContain('▸ at                 1       1,200\n')
  })

  test('several sources say where a document is from, and long text leaves room for numbers', async () => {
    const at = await billsTenant()
    await inside(['create', 'notes', JSON.stringify({ who: 'x'.repeat(200), amount: 5 }), '--id', 'n', ...at])
    const two = {
      name: 'both',
      sources: [
        { database: 'main', collection: 'bills' },
        { database: 'main', collection: 'notes', origin: 'Notes' },
      ],
      columns: definition.columns,
    }
    const { out } = await inside(['view', file(two), ...at], { columns: 90 })
    const note = out.split('\n').find((line) => line.startsWith('n ')) ?? ''
    expect(note).toMatch(/^n +x{29}… +5 +Notes$/)
    expect(out).toContain('acme/main/bills')
  })

  test.each([
    [definition, ['--csv', '--limit', '1'], 2, '--csv and --xlsx give the whole view'],
    [definition, ['--csv', '--xlsx', 'x'], 2, 'Give one of --json, --csv and --xlsx'],
    [definition, ['--xlsx', '/nowhere/x.xlsx'], 1, 'The file /nowhere/x.xlsx cannot be written'],
    [definition, ['--as-of', '2026-01-01', '--save'], 1, '(UNSUPPORTED)'],
    ['{"name":', [], 2, 'is not JSON'],
    ['[]', [], 2, 'must be a JSON object with "name" and "sources"'],
    [{ ...definition, sources: [{ database: 'crm', collection: 'x' }] }, [], 1, '(NOT_FOUND)'],
    [{ ...definition, columns: [{ name: 'x', value: { plus: [1] } }] }, [], 1, 'columns[0].value'],
  ])('%j %j is refused', async (value, flags, code, words) => {
    const done = await inside(['view', file(value), ...flags, ...(await billsTenant())])
    expect({ code: done.code, out: done.out, lines: done.err.split('\n').length }).toEqual({ code, out: '', lines: 2 })
    expect(done.err).toContain(words)
  })

  test('a file that is not there', async () => {
    const { code, err } = await inside(['view', 'absent.json'])
    expect([code, err]).toEqual([
      2,
      'varve: The file absent.json cannot be read: check its name and permissions (INVALID)\n',
    ])
  })
})

describe('counters', () => {
  const rules = [
    {
      name: 'large',
      on: ['CREATE'],
      when: { amount: { $gte: 200 } },
      countUnique: ['land'],
      measure: { path: 'amount', stats: ['sum', 'median'] },
    },
    { name: 'changes', on: ['UPDATE', 'DELETE'], buckets: { month: 12 } },
  ]

  test('totals by collection', async () => {
    const at = await billsTenant()
    await inside(['delete', 'bills', 'a', ...at])
    const one = await varve(['counters', ...at])
    expect(one).toMatchObject({ code: 0, err: '' })
    expect(one.out).toMatch(/^collection +created +updated +deleted +last\nbills +3 +0 +1 +\d{4}-\S+Z\n$/)
    await inside(['create', 'notes', '{}', ...at])
    expect((await inside(['counters', ...at])).out).toMatch(/\nbills +3 +0 +1 .*\nnotes +1 +0 +0 .*\nall +4 +0 +1 /)
    expect(await json(inside(['counters', '--record', '0', '--json', ...at]))).toMatchObject({ created: 3, deleted: 0 })
  })

  test('rules from a file stay, and count what is written later', async () => {
    const at = await billsTenant()
    const first = await varve(['counters', 'bills', '--rules', file(rules), ...at])
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out.split('\n').slice(3)).toEqual([
      'large: CREATE, when {"amount":{"$gte":200}}',
      '       created  distinct land  sum amount  median amount',
      '  all        2              2       1,500            750',
      '',
      'changes: UPDATE, DELETE',
      '       updated  deleted',
      '  all        0        0',
      '',
    ])
    await inside(['patch', 'bills', 'a', '{"amount":1}', ...at])
    const { out } = await inside(['counters', ...at])
    expect(out).toMatch(/\n {2}all +1 +0\n {2}\d{4}-\d\d +1 +0\n$/)
    expect(await json(varve(['counters', 'bills', '--json', ...at]))).toMatchObject({
      _id: expect.stringContaining('|db:main|coll:bills'),
      created: 3,
      updated: 1,
      deleted: 0,
      rules: {
        large: { created: 2, unique: { land: 2 }, measure: { amount: { count: 2, sum: 1500, median: 750 } } },
        changes: { updated: 1, deleted: 0, buckets: { month: [{ updated: 1 }] } },
      },
    })
    expect(await json(inside(['counters', '--rules', file([]), '--json', ...at]))).toMatchObject({ rules: {} })
  })

  test.each([
    [rules, ['nothing'], 1, 'There is no collection "nothing"'],
    [rules, ['--at', '2026-01-01', '--pending'], 2, 'Give one of --at, --record and --pending'],
    [rules, ['--record', '9'], 1, '(NOT_FOUND)'],
    [rules, ['--at', 'yesterday'], 1, '(INVALID)'],
    ['{', [], 2, 'is not JSON'],
    ['{}', [], 2, 'must hold a JSON list of rules'],
    [[{ name: 'a', when: { amount: { $above: 3 } } }], [], 1, 'rules[0].when.amount.$above'],
  ])('%j %j is refused', async (value, args, code, words) => {
    const done = await inside(['counters', ...args, '--rules', file(value), ...(await billsTenant())])
    expect({ code: done.code, out: done.out, lines: done.err.split('\n').length }).toEqual({ code, out: '', lines: 2 })
    expect(done.err).toContain(words)
  })
})
