/** Documents that share values a unique index should keep apart, found in its rows. */

import { decodeHead, documentOf } from '../document/head.ts'
import { equalBytes } from '../encoding/bytes.ts'
import type { JsonValue } from '../encoding/json.ts'
import { wholeRange } from '../query/order-key.ts'
import { uniqueValues, type UniqueValue } from '../query/unique-values.ts'
import type { IndexState } from '../replica/state.ts'
import type { IndexHit, IndexPosition, Store } from '../store/store.ts'

/** Documents with the same values under the paths of one unique index. */
export interface Duplicate {
  readonly paths: readonly string[]
  /** One for each path; missing is null. */
  readonly values: readonly JsonValue[]
  /** At least two, ascending. */
  readonly ids: readonly string[]
}

const pageRows = 1_000

/** Reads the rows of the indexes once; only rows that share a key are looked at. */
export async function duplicatesIn(store: Store, indexes: readonly IndexState[]): Promise<readonly Duplicate[]> {
  const found: Duplicate[] = []
  for (const index of indexes) {
    let group: IndexHit[] = []
    for await (const hit of rowsOf(store, index)) {
      const [first] = group
      if (first !== undefined && !equalBytes(first.key, hit.key)) {
        found.push(...sharing(index, group))
        group = []
      }
      group.push(hit)
    }
    found.push(...sharing(index, group))
  }
  return found
}

async function* rowsOf(store: Store, index: IndexState): AsyncGenerator<IndexHit> {
  let after: IndexPosition | null = null
  for (;;) {
    const hits: readonly IndexHit[] = await store.scanIndex({
      index: index.no,
      range: wholeRange,
      reverse: false,
      after,
      limit: pageRows,
    })
    yield* hits
    const last = hits.at(-1)
    if (last === undefined || hits.length < pageRows) return
    after = { key: last.key, id: last.id }
  }
}

/** Equal keys mean equal values unless they were cut off, so the values decide. */
function sharing({ paths }: IndexState, group: readonly IndexHit[]): readonly Duplicate[] {
  if (group.length < 2) return []
  const owners = new Map<string, { readonly value: UniqueValue; readonly ids: string[] }>()
  for (const { key, state } of group) {
    const head = state === null ? null : decodeHead(state)
    if (head?.state.status !== 'live') continue
    for (const value of uniqueValues(paths, documentOf(head))) {
      if (!equalBytes(value.key, key)) continue
      const known = owners.get(value.name)
      if (known === undefined) owners.set(value.name, { value, ids: [head.state.id] })
      else known.ids.push(head.state.id)
    }
  }
  return [...owners.values()].flatMap(({ value: { values }, ids }) => (ids.length > 1 ? [{ paths, values, ids }] : []))
}
