/** Parts of commits' bodies, read so that a large commit is neither copied whole for one part nor read for each. */

import { emptyBytes, type Store } from 'varve/engine'
import { bytesOrNullAt } from './cells.ts'
import type { Connection } from './connection.ts'

type Part = Parameters<Store['bodies']>[0][number]

/** The span of a commit's bodies that covers all parts asked of it. */
interface Span {
  start: number
  end: number
  bytes: Uint8Array | null
}

export function readBodies(connection: Connection, parts: readonly Part[]): readonly Uint8Array[] {
  const spans = new Map<number, Span>()
  for (const { commit, offset, size } of parts) {
    const span = spans.get(commit)
    if (span === undefined) spans.set(commit, { start: offset, end: offset + size, bytes: null })
    else {
      span.start = Math.min(span.start, offset)
      span.end = Math.max(span.end, offset + size)
    }
  }
  const query = connection.query(`SELECT CAST(substr(bodies, ?, ?) AS BLOB) FROM payloads WHERE no = ?`)
  return parts.map(({ commit, offset, size }) => {
    const span = spans.get(commit) ?? { start: offset, end: offset + size, bytes: null }
    if (span.bytes === null) {
      const row = query.first([span.start + 1, span.end - span.start, commit])
      // To SQLite a part of nothing is null.
      span.bytes = row === undefined ? emptyBytes : (bytesOrNullAt(row, 0) ?? emptyBytes)
    }
    return span.bytes.slice(offset - span.start, offset - span.start + size)
  })
}
