/** Reads of the log that are more than a statement with its columns. */

import { emptyBytes, type Store } from 'varve/engine'
import { bytesAt, numberAt } from './cells.ts'
import { foundBy } from './columns.ts'
import type { Row, Statement } from './pipeline.ts'
import { numbers } from './values.ts'

type Part = Parameters<Store['bodies']>[0][number]

/** The bytes of each commit that cover all parts asked of it. */
interface Span {
  readonly start: number
  readonly end: number
}

/** Each commit once: a large one is neither sent whole for one part nor again for each. */
export function bodiesStatement(s: string, store: number, parts: readonly Part[]): Statement {
  const spans = [...spansOf(parts)]
  const text = `SELECT f.no, k.start, substr(f.bodies, k.start::integer + 1, k.size::integer)
    FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS k(no, start, size),
      ${foundBy(`${s}.commits`, ['no'], 'r.no, r.bodies')}`
  const values = [
    numbers(spans.map(([no]) => no)),
    numbers(spans.map(([, { start }]) => start)),
    numbers(spans.map(([, { start, end }]) => end - start)),
  ]
  return { text, values: [String(store), ...values] }
}

export function partsOf(rows: readonly Row[], parts: readonly Part[]): readonly Uint8Array[] {
  const found = new Map(rows.map((row) => [numberAt(row, 0), { start: numberAt(row, 1), bytes: bytesAt(row, 2) }]))
  return parts.map(({ commit, offset, size }) => {
    const span = found.get(commit)
    return span === undefined ? emptyBytes.slice() : span.bytes.slice(offset - span.start, offset - span.start + size)
  })
}

function spansOf(parts: readonly Part[]): ReadonlyMap<number, Span> {
  const spans = new Map<number, Span>()
  for (const { commit, offset, size } of parts) {
    const { start, end } = spans.get(commit) ?? { start: offset, end: offset }
    spans.set(commit, { start: Math.min(start, offset), end: Math.max(end, offset + size) })
  }
  return spans
}

/** Trusted time never decreases along the record: the place is found by halving, in one statement. */
export function recordAtStatement(s: string, store: number, at: number): Statement {
  const text = `WITH RECURSIVE halves(low, high, found) AS (
      SELECT min(record) - 1, max(record), NULL::bigint FROM ${s}.receipts WHERE store = $1::integer
      UNION ALL
      SELECT CASE WHEN b.at > $2::bigint THEN low ELSE middle END,
        CASE WHEN b.at > $2::bigint THEN b.record - 1 ELSE high END,
        CASE WHEN b.at <= $2::bigint THEN b.record ELSE found END
      FROM halves, LATERAL (SELECT (low + high + 1) / 2 AS middle) m LEFT JOIN LATERAL (
        SELECT record, at FROM ${s}.receipts r
        WHERE r.store = $1::integer AND r.record <= middle AND r.record > low ORDER BY record DESC LIMIT 1) b ON true
      WHERE low < high)
    SELECT max(found) FROM halves`
  return { text, values: [String(store), String(Math.min(Math.floor(at), Number.MAX_SAFE_INTEGER))] }
}
