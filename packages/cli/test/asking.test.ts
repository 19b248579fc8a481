/** Asking the data on the command line: totals of groups, CSV, search, indexes and how queries are answered. */

import { describe, expect, test } from 'vitest'
import { inside, json, temporaryFolder, varve } from './world.ts'
import { join } from 'node:path'

const goods = [
  { id: 'a', name: 'Red lamp', kind: 'lamp', price: 30, tags: ['red', 'new'], maker: { city: 'Paris' } },
  { id: 'b', name: 'Desk lamp', kind: 'lamp', price: 12.5, note: 'A lamp, "small",\nfor a desk' },
  { id: 'c', name: 'Desk', kind: 'table', price: 1200, maker: { city: 'Rome' }, formula: '=1+1' },
  { id: 'd', name: 'Something', price: null },
]

async function goodsTenant(): Promise<readonly string[]> {
  const at = ['--data', join(temporaryFolder(), 'data')]
  await json(inside(['init', 'acme', '--user', 'ada', '--no-passphrase', '--json', ...at]))
  const input = goods.map((each) => `${JSON.stringify(each)}\n`).join('')
  await json(inside(['import', 'goods', '--json', ...at], { input }))
  return at
}

describe('groups', () => {
  test('a table with totals to the right, sorted and cut by what is asked for', async () => {
    const at = await goodsTenant()
    const asked = ['find', 'goods', '--group', 'kind', '--count', '--sum', 'price', '--max', 'name', '--sort', '-count']
    expect(await varve([...asked, ...at])).toEqual({
      code: 0,
      err: '3 groups\n',
      out: [
        'kind    count  sum(price)  max(name)',
        'lamp        2        42.5  Red lamp',
        '(none)      1           0  Something',
        'table       1       1,200  Desk',
        '',
      ].join('\n'),
    })
    expect((await inside([...asked, '--limit', '1', ...at])).err).toBe('1 group of 3\n')
  })

  test('JSON has every group under its paths and totals', async () => {
    const at = await goodsTenant()
    const asked = ['find', 'goods', '--group', 'kind,maker.city', '--avg', 'price', '--min', 'price', '--json', ...at]
    expect(await json(varve(asked))).toEqual([
      { kind: null, 'maker.city': null, 'avg(price)': null, 'min(price)': null },
      { kind: 'lamp', 'maker.city': null, 'avg(price)': 12.5, 'min(price)': 12.5 },
      { kind: 'lamp', 'maker.city': 'Paris', 'avg(price)': 30, 'min(price)': 30 },
      { kind: 'table', 'maker.city': 'Rome', 'avg(price)': 1200, 'min(price)': 1200 },
    ])
  })

  test('groups without totals are counted, totals without groups are of everything', async () => {
    const at = await goodsTenant()
    const filter = ['--filter', '{"price":{"$gt":20}}']
    expect(await json(inside(['find', 'goods', '--group', 'kind', ...filter, '--json', ...at]))).toEqual([
      { kind: 'lamp', count: 1 },
      { kind: 'table', count: 1 },
    ])
    expect((await inside(['find', 'goods', '--sum', 'price', '--avg', 'price', ...at])).out).toBe(
      'sum(price)  avg(price)\n   1,242.5      414.17\n',
    )
  })

  test('as CSV', async () => {
    const at = await goodsTenant()
    const { out } = await inside(['find', 'goods', '--group', 'kind', '--sum', 'price', '--csv', ...at])
    expect(out).toBe('kind,sum(price)\r\n,0\r\nlamp,42.5\r\ntable,1200\r\n')
  })

  test('as of a record', async () => {
    const at = await goodsTenant()
    await inside(['patch', 'goods', 'a', '{"kind":"table"}', ...at])
    const asked = ['as-of', 'goods', '--group', 'kind', '--count', '--json', ...at]
    const lamps = [
      { kind: null, count: 1 },
      { kind: 'lamp', count: 2 },
      { kind: 'table', count: 1 },
    ]
    expect(await json(varve([...asked, '--record', '0']))).toEqual(lamps)
    expect(await json(inside([...asked, '--record', '1']))).not.toEqual(lamps)
    expect((await inside(['as-of', 'goods', '--record', '0', '--count', ...at])).out).toBe('4\n')
  })
})

describe('CSV', () => {
  test('all attributes that there are, lists with commas, objects as JSON, formulas made harmless', async () => {
    const at = await goodsTenant()
    const { code, out, err } = await varve(['find', 'goods', '--csv', ...at])
    expect([code, err]).toEqual([0, '4 documents\n'])
    expect(out).toBe(
      [
        'id,name,kind,price,tags,maker,note,formula',
        'a,Red lamp,lamp,30,"red, new","{""city"":""Paris""}",,',
        'b,Desk lamp,lamp,12.5,,,"A lamp, ""small"",\nfor a desk",',
        `c,Desk,table,1200,,"{""city"":""Rome""}",,'=1+1`,
        'd,Something,,,,,,',
        '',
      ].join('\r\n'),
    )
    const kept = await inside(['find', 'goods', '--csv', '--keep-formulas', '--select', 'formula', ...at])
    expect(kept.out).toBe('id,formula\r\na,\r\nb,\r\nc,=1+1\r\nd,\r\n')
  })

  test('selected paths are its columns', async () => {
    const at = await goodsTenant()
    const asked = ['--select', 'maker.city,price', '--sort', '-price', '--limit', '2', '--csv', ...at]
    expect((await inside(['find', 'goods', ...asked])).out).toBe('id,maker.city,price\r\nc,Rome,1200\r\na,Paris,30\r\n')
    const past = await inside(['as-of', 'goods', '--record', '0', ...asked])
    expect(past.out).toBe('id,maker.city,price\r\nc,Rome,1200\r\na,Paris,30\r\n')
  })

  test('a path goes into lists, and a dot in a name is written with a backslash', async () => {
    const at = await goodsTenant()
    await inside(['create', 'odd', '{"a.b":1,"list":[{"x":1},{"x":2},3]}', '--id', 'o', ...at])
    expect((await inside(['find', 'odd', '--select', String.raw`list.x,a\.b`, '--csv', ...at])).out).toBe(
      `id,list.x,${String.raw`a\.b`}\r\no,"1, 2",1\r\n`,
    )
  })
})

describe('count', () => {
  test('of everything, of a filter, of deleted ones too', async () => {
    const at = await goodsTenant()
    expect(await varve(['count', 'goods', ...at])).toEqual({ code: 0, err: '', out: '4\n' })
    await inside(['delete', 'goods', 'a', ...at])
    expect(await json(inside(['count', 'goods', '--filter', '{"kind":"lamp"}', '--json', ...at]))).toBe(1)
    expect((await inside(['count', 'goods', '--deleted', ...at])).out).toBe('4\n')
  })
})

describe('index and explain', () => {
  test('what is declared stays, and is listed', async () => {
    const at = await goodsTenant()
    expect((await inside(['index', 'goods', ...at])).out).toBe('No indexes.\n')
    expect(await json(inside(['index', 'goods', '--json', ...at]))).toEqual({
      indexes: [],
      search: null,
      duplicates: [],
    })
    const made = await varve(['index', 'goods', '--on', 'kind,price', '--search', 'name:2.5,note', ...at])
    expect(made).toEqual({
      code: 0,
      err: '',
      out: 'kind    on\nindex   kind, price\nsearch  name:2.5, note\n',
    })
    await inside(['index', 'goods', '--on', 'id', '--unique', ...at])
    expect(await json(varve(['index', 'goods', '--json', ...at]))).toEqual({
      indexes: [
        { paths: ['kind', 'price'], unique: false },
        { paths: ['id'], unique: true },
      ],
      search: { fields: { name: { weight: 2.5 }, note: { weight: 1 } } },
      duplicates: [],
    })
  })

  test('an index declared in one process answers in the next, which explain tells', async () => {
    const at = await goodsTenant()
    const asked = ['explain', 'goods', '--filter', '{"kind":"lamp"}', '--sort', '-price', ...at]
    expect((await inside(asked)).out).toMatch(
      /^index {2}none\nwhy {4}every document.*\norder {2}sorted after reading\n$/,
    )
    await inside(['index', 'goods', '--on', 'kind,price', ...at])
    expect(await varve(asked)).toEqual({
      code: 0,
      err: '',
      out: 'index  kind, price, read backwards\nwhy    equality on "kind"\norder  as it is read\n',
    })
    expect(await json(inside([...asked, '--json']))).toEqual({
      index: 'kind',
      paths: ['kind', 'price'],
      ids: null,
      ranges: 1,
      reverse: true,
      sorted: true,
      reason: 'equality on "kind"',
    })
    expect((await inside(['explain', 'goods', '--filter', '{"id":"a"}', ...at])).out).toContain('none, 1 id\n')
  })

  test('unique values that are there twice are named, and new ones refused', async () => {
    const at = await goodsTenant()
    const { out } = await inside(['index', 'goods', '--on', 'kind', '--unique', ...at])
    expect(out).toContain('kind    on\nunique  kind\n\n')
    expect(out).toContain('1 value should be unique and is not:\non    value  documents\nkind  lamp   a, b\n')
    const refused = await inside(['create', 'goods', '{"kind":"table"}', ...at])
    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('(EXISTS)') })
  })
})

describe('search', () => {
  async function searchable(): Promise<readonly string[]> {
    const at = await goodsTenant()
    await inside(['index', 'goods', '--search', 'name:3,note', ...at])
    return at
  }

  test('best first, each with the text in which it was found', async () => {
    const at = await searchable()
    const { code, out, err } = await varve(['search', 'goods', 'small', 'desk', ...at])
    expect([code, err]).toEqual([0, '1 document\n'])
    expect(out).toMatch(/^score +id +found in\n *[\d.]+ {2}b +note: A lamp, "small", for a desk\n$/)
    const excluded = await inside(['search', 'goods', 'lamp -desk', '--filter', '{"price":{"$gte":1}}', ...at])
    expect(excluded.out).toMatch(/ a +name: Red lamp\n$/)
    expect((await inside(['search', 'goods', 'des*', '--limit', '1', ...at])).err).toBe('1 of 2 documents\n')
    expect((await inside(['search', 'goods', 'nothing', ...at])).err).toBe('0 documents\n')
  })

  test('what was found is bold where that is understood, in a line that fits', async () => {
    const at = await searchable()
    const text = `${'before '.repeat(20)}needle ${'after '.repeat(20)}\u001b[31m`
    await inside(['create', 'goods', JSON.stringify({ note: text }), '--id', 'long', ...at])
    const { out } = await inside(['search', 'goods', 'needle', ...at], { bold: true, columns: 60 })
    const [, line = ''] = out.split('\n')
    expect(line).toContain('…')
    expect(line).toContain('\u001b[1mneedle\u001b[22m')
    const plain = line.replace('\u001b[1m', '').replace('\u001b[22m', '')
    expect(plain.length).toBeLessThanOrEqual(60)
    const whole = await inside(['search', 'goods', 'needle', ...at], { columns: 1000 })
    expect(whole.out).not.toContain('\u001b')
  })

  test('JSON as the API gives it, page by page, and CSV with the score', async () => {
    const at = await searchable()
    const asked = ['search', 'goods', 'lamp', '--limit', '1', '--select', 'name', '--json', ...at]
    const first = await json(varve(asked))
    expect(first).toMatchObject({
      items: [
        { doc: { name: expect.any(String) }, score: expect.any(Number), highlights: [{ path: 'name', start: 0 }] },
      ],
      next: expect.any(String),
    })
    const [, cursor = ''] = /"next":"([^"]+)"/.exec(JSON.stringify(first)) ?? []
    expect(await json(inside([...asked, '--after', cursor]))).toMatchObject({ items: [{}], next: null })
    const { out } = await inside(['search', 'goods', 'red', '--select', 'name', '--csv', ...at])
    expect(out).toMatch(/^score,id,name\r\n[\d.]+,a,Red lamp\r\n$/)
  })

  test('as it was recorded then', async () => {
    const at = await searchable()
    const doc = JSON.stringify(await json(inside(['get', 'goods', 'a', '--json', ...at])))
    const [, then = ''] = /"updatedAt":"([^"]+)"/.exec(doc) ?? []
    await inside(['patch', 'goods', 'a', '{"name":"Blue lamp"}', ...at])
    expect((await inside(['search', 'goods', 'red', ...at])).err).toBe('0 documents\n')
    expect((await inside(['search', 'goods', 'red', '--as-of', then, ...at])).out).toContain('name: Red lamp')
  })
})

describe('what goes wrong', () => {
  test.each([
    [['find', 'goods', '--group', 'kind,'], 2, 'comma-separated list without empty parts'],
    [
      ['find', 'goods', '--group', 'kind', '--sort', 'price'],
      2,
      'Groups have no "price" to be sorted by: choose from kind, count',
    ],
    [['find', 'goods', '--group', 'kind', '--select', 'name'], 2, '--select is of documents'],
    [['find', 'goods', '--group', 'a..b'], 1, 'by[0]'],
    [['find', 'goods', '--json', '--csv'], 2, 'Give --json or --csv, not both'],
    [['find', 'goods', '--keep-formulas'], 2, '--keep-formulas goes with --csv'],
    [['as-of', 'goods', 'a', '--record', '0', '--csv'], 2, '--csv is of a collection'],
    [['count', 'nothing'], 1, 'There is no collection "nothing" in the database "main": choose a collection of goods'],
    [['count', 'goods', '--filter', '{"price":{"$above":1}}'], 1, '$above'],
    [['index', 'goods', '--unique'], 2, 'name its paths with --on'],
    [['index', 'goods', '--search', 'name:much'], 2, 'The weight of "name" must be a number'],
    [['index', 'goods', '--search', 'name:0'], 1, 'search.fields.name.weight'],
    [['index', 'nothing', '--on', 'a'], 1, 'There is no collection "nothing"'],
    [['explain', 'nothing'], 1, 'There is no collection "nothing"'],
    [['search', 'goods', 'lamp'], 1, '"goods" has no search index: make one with varve index goods --search'],
    [['search', 'goods'], 2, "missing required argument 'words'"],
    [['search', 'goods', 'lamp', '--as-of', 'yesterday'], 1, ''],
  ])('varve %j', async (args, code, words) => {
    const done = await inside([...args, ...(await goodsTenant())])
    expect({ code: done.code, out: done.out, lines: done.err.split('\n').length }).toEqual({ code, out: '', lines: 2 })
    expect(done.err).toMatch(/^varve: /)
    expect(done.err).toContain(words)
    expect(done.err).not.toContain('defect')
  })
})
