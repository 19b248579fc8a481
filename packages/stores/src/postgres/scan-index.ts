/** An index scan as SQL: one statement per shape of bounds, so that every page starts where the last ended. */

import type { IndexHit, IndexScan } from 'varve/engine'
import { bytesAt, nameAt, numberAt } from './cells.ts'
import { textOfCells } from './heads.ts'
import type { Row, Statement } from './pipeline.ts'
import { bytesValue, limitValue, nameValue, type Value } from './values.ts'

/** Only one lower and one upper bound ever reach PostgreSQL: given two, it would start at either. */
export function indexStatement(
  s: string,
  store: number,
  { index, range, reverse, after, limit }: IndexScan,
): Statement {
  const where = ['i.store = $1::integer', 'i.idx = $2::bigint']
  const values: Value[] = [String(store), String(index)]
  const bind = (value: Uint8Array): string => `$${values.push(bytesValue(value))}::bytea`
  const { from, to } = range
  if (after !== null && !reverse && (from === null || Buffer.compare(after.key, from) >= 0)) {
    where.push(`(i.key, i.id) > (${bind(after.key)}, ${bind(nameValue(after.id))})`)
  } else if (from !== null) where.push(`i.key >= ${bind(from)}`)
  if (after !== null && reverse && (to === null || Buffer.compare(after.key, to) < 0)) {
    where.push(`(i.key, i.id) < (${bind(after.key)}, ${bind(nameValue(after.id))})`)
  } else if (to !== null) where.push(`i.key < ${bind(to)}`)
  const order = reverse ? 'i.key DESC, i.id DESC' : 'i.key, i.id'
  values.push(limitValue(limit))
  const text = `SELECT i.key, i.id, i.document, d.state, d.state_bytes
    FROM ${s}.index_rows i LEFT JOIN ${s}.documents d ON d.store = i.store AND d.no = i.document
    WHERE ${where.join(' AND ')} ORDER BY ${order} LIMIT $${values.length}::bigint`
  return { text, values }
}

export function hitOf(row: Row): IndexHit {
  return { key: bytesAt(row, 0), id: nameAt(row, 1), document: numberAt(row, 2), state: textOfCells(row, 3) }
}
