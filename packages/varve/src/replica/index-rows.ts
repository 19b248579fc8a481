/** Which index rows a write adds and removes: the keys of a document before and after it. */

import { compareBytes } from '../encoding/bytes.ts'
import { documentOf, withoutSealed, type Head } from '../document/head.ts'
import type { JsonObject } from '../encoding/json.ts'
import { keysOf } from '../query/index-keys.ts'
import type { IndexRow } from '../store/rows.ts'
import type { IndexState } from './state.ts'

/** Rows to add and to remove, in one write. */
export interface IndexChanges {
  readonly added: IndexRow[]
  readonly removed: IndexRow[]
}

/** Paths of an index under which a document has several keys. */
export interface Several {
  readonly index: number
  readonly several: readonly boolean[]
}

/** Collects the changes of one document in `rows`; deleted documents have no rows. */
export function changeIndexRows(
  indexes: readonly IndexState[],
  document: { readonly no: number; readonly before: Head; readonly head: Head },
  rows: IndexChanges,
): readonly Several[] {
  // A receipt changes `_system` alone.
  const concerned = document.before.state === document.head.state ? indexes.filter(readsSystem) : indexes
  if (concerned.length === 0) return []
  const view = concerned.some(readsSystem) ? documentOf : attributesOf
  const before = document.before.state.status === 'live' ? view(document.before) : null
  const after = document.head.state.status === 'live' ? view(document.head) : null
  const found: Several[] = []
  for (const { no: index, paths } of concerned) {
    const old = before === null ? [] : keysOf(paths, before).keys
    const fresh = after === null ? null : keysOf(paths, after)
    if (fresh !== null && fresh.several.includes(true)) found.push({ index, several: fresh.several })
    const keys = fresh?.keys ?? []
    const row = { index, document: document.no }
    for (const key of without(old, keys)) rows.removed.push({ ...row, key, id: document.before.state.id })
    for (const key of without(keys, old)) rows.added.push({ ...row, key, id: document.head.state.id })
  }
  return found
}

/** The document without `_system`, which costs more to make than most keys. */
function attributesOf(head: Head): JsonObject {
  const { state } = head.state.sealed === true ? withoutSealed(head) : head
  return { ...state.data, id: state.id }
}

function readsSystem({ paths }: IndexState): boolean {
  return paths.some((path) => path.startsWith('_system'))
}

/** The keys of the first list that are not in the second; both ascend. */
function without(keys: readonly Uint8Array[], others: readonly Uint8Array[]): readonly Uint8Array[] {
  let j = 0
  return keys.filter((key) => {
    let order = 1
    for (; j < others.length; j++) {
      const other = others[j]
      order = other === undefined ? 1 : compareBytes(key, other)
      if (order <= 0) break
    }
    return j === others.length || order !== 0
  })
}
