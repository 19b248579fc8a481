/** Single rows of a batch travel as one statement, and nothing of their order is lost that matters. */

import { describe, expect, test } from 'vitest'
import { bytes, whole } from '../src/postgres/columns.ts'
import { Merger, rowInsert, type RowInsert } from '../src/postgres/merge.ts'
import { insertTable, putTable } from '../src/postgres/tables.ts'

interface Numbered {
  readonly no: number
  readonly head: Uint8Array
}

const columns = [whole<Numbered>('no', ({ no }) => no), bytes<Numbered>('head', ({ head }) => head)]

function row(list: string, no: number): RowInsert {
  return rowInsert(insertTable(list, columns), { no, head: Uint8Array.of(no) })
}

const other = { text: 'DELETE FROM "s".feeds WHERE store = $1', values: ['7'] }
const textsOf = (made: Parameters<Merger['statements']>[0]): readonly string[] =>
  new Merger('"s"', '7').statements(made).map(({ text }) => text.replaceAll(/\s+/g, ' ').trim())

describe('single rows of a batch', () => {
  test('of several tables are one statement, whose values are counted through', () => {
    const [made, ...more] = new Merger('"s"', '7').statements([
      rowInsert(putTable('feeds', 1, columns), { no: 1, head: Uint8Array.of(1) }),
      row('commits', 2),
    ])
    expect(more).toEqual([])
    expect(made?.text.replaceAll(/\s+/g, ' ')).toBe(
      'WITH row_0 AS (INSERT INTO "s".feeds (store, no, head) VALUES ($1::integer, $2::bigint, $3::bytea) ON CONFLICT (store, no) DO UPDATE SET head = excluded.head) ' +
        'INSERT INTO "s".commits (store, no, head) VALUES ($1::integer, $4::bigint, $5::bytea) ',
    )
    expect(made?.values).toEqual(['7', '1', Buffer.of(1), '2', Buffer.of(2)])
  })

  test('of one table stay statements of their own, in their order', () => {
    expect(textsOf([row('documents', 1), row('documents', 2)])).toHaveLength(2)
  })

  test('stay on their side of what comes between them', () => {
    expect(textsOf([row('feeds', 1), other, row('commits', 2)])[1]).toBe(other.text)
  })

  test('are copied, so that changing the batch afterwards changes nothing', () => {
    const head = Uint8Array.of(1)
    const given = rowInsert(insertTable('feeds', [bytes<Numbered>('head', (one) => one.head)]), { no: 1, head })
    const [made] = new Merger('"s"', '7').statements([given])
    head[0] = 9
    expect(made?.values[1]).toEqual(Buffer.of(1))
  })
})
