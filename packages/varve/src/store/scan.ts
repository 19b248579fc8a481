/** What an index scan's range, direction and continuation mean together, as one pair of bounds. */

import { compareBytes, concat, emptyBytes, utf8 } from '../encoding/bytes.ts'
import type { IndexScan } from './store.ts'

/** The key of an index row, with `id` as UTF-8 because ids order by their bytes. */
export interface IndexKey {
  readonly index: number
  readonly key: Uint8Array
  readonly id: Uint8Array
}

export function compareIndexKeys(a: IndexKey, b: IndexKey): number {
  return a.index - b.index || compareBytes(a.key, b.key) || compareBytes(a.id, b.id)
}

/** The rows of a scan are those with `from` ≤ (index, key, id) < `to`. */
export function indexBounds({ index, range, reverse, after }: IndexScan): {
  readonly from: IndexKey
  readonly to: IndexKey
} {
  const open = { key: emptyBytes, id: emptyBytes }
  const from = { index, key: range.from ?? emptyBytes, id: emptyBytes }
  const to = range.to === null ? { index: index + 1, ...open } : { index, key: range.to, id: emptyBytes }
  if (after === null) return { from, to }
  const id = utf8(after.id)
  if (reverse) {
    const before = { index, key: after.key, id }
    return { from, to: compareIndexKeys(before, to) < 0 ? before : to }
  }
  // The least byte string above an id is the id and a zero byte.
  const next = { index, key: after.key, id: concat(id, new Uint8Array(1)) }
  return { from: compareIndexKeys(next, from) > 0 ? next : from, to }
}
