/** Counts and sizes of a store, worked out by the server in one pass over its rows. */

import type { StoreStats } from 'varve/engine'
import type { Rows } from './rows.ts'

const bytesOf = (field: string): object => ({
  $cond: [{ $eq: [{ $type: field }, 'binData'] }, { $binarySize: field }, 0],
})

/** Of a text that stands in its row; what is in pieces counts with them. */
const textBytes = { $cond: [{ $eq: [{ $type: '$state' }, 'string'] }, { $strLenBytes: '$state' }, 0] }

export async function readStats(rows: Rows): Promise<StoreStats> {
  const table = { $substrBytes: ['$_id', rows.tableAt, 1] }
  const found = await rows.aggregate([
    { $match: rows.all() },
    {
      $group: {
        _id: { $cond: [{ $eq: [table, 'z'] }, { $substrBytes: ['$_id', rows.tableAt, 2] }, table] },
        count: { $sum: 1 },
        headers: { $sum: bytesOf('$header') },
        bodies: { $sum: bytesOf('$bodies') },
        states: { $sum: textBytes },
        pieces: { $sum: bytesOf('$piece') },
      },
    },
  ])
  const of = (name: string, figure: string): number => {
    const value: unknown = found.find(({ _id }) => _id === name)?.[figure]
    return typeof value === 'number' ? value : 0
  }
  return {
    commits: of('c', 'count'),
    receipts: of('r', 'count'),
    documents: of('d', 'count'),
    entries: of('e', 'count'),
    snapshots: of('s', 'count'),
    indexRows: of('i', 'count'),
    headerBytes: of('c', 'headers'),
    bodyBytes: of('b', 'bodies'),
    stateBytes: of('d', 'states') + of('zd', 'pieces'),
    diskBytes: null,
  }
}
