/** An index scan as SQL: one statement per shape of bounds, so that every page starts where the last ended. */

import type { IndexScan } from 'varve/engine'
import { nameValue } from './cells.ts'
import type { Value } from './connection.ts'
import { hitColumns } from './decode-rows.ts'
import { limitValue } from './limit.ts'

export interface Statement {
  readonly sql: string
  readonly values: readonly Value[]
}

/** Only one lower and one upper bound ever reach SQLite: given two, it would start at the wrong one. */
export function indexScan({ index, range, reverse, after, limit }: IndexScan): Statement {
  const where = ['i.idx = ?']
  const values: Value[] = [index]
  const { from, to } = range
  if (after !== null && !reverse && (from === null || Buffer.compare(after.key, from) >= 0)) {
    where.push('(i.key, i.id) > (?, ?)')
    values.push(after.key, nameValue(after.id))
  } else if (from !== null) {
    where.push('i.key >= ?')
    values.push(from)
  }
  if (after !== null && reverse && (to === null || Buffer.compare(after.key, to) < 0)) {
    where.push('(i.key, i.id) < (?, ?)')
    values.push(after.key, nameValue(after.id))
  } else if (to !== null) {
    where.push('i.key < ?')
    values.push(to)
  }
  const order = reverse ? 'i.key DESC, i.id DESC' : 'i.key, i.id'
  values.push(limitValue(limit))
  return {
    sql: `SELECT ${hitColumns} FROM index_rows i LEFT JOIN documents d ON d.no = i.document
      WHERE ${where.join(' AND ')} ORDER BY ${order} LIMIT ?`,
    values,
  }
}
