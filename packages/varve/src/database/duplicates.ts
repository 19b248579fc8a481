/** Documents that share values a unique index should keep apart, found in its rows. */

import { decodeHead, documentOf } from '../document/head.ts'
import { takingTurns } from '../env/pause.ts'
import type { Replica } from '../replica/replica.ts'
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

/** Reads the rows of the indexes once; only rows that share a key are looked at, one after the other. */
export async function duplicatesIn(
  { store, context }: Pick<Replica, 'store' | 'context'>,
  indexes: readonly IndexState[],
): Promise<readonly Duplicate[]> {
  const found: Duplicate[] = []
  const turn = takingTurns(context.env)
  for (const index of indexes) {
    let first: IndexHit | null = null
    let owners: Owners = new Map()
    for await (const hit of rowsOf(store, index, turn)) {
      if (first === null || !equalBytes(first.key, hit.key)) {
        found.push(...shared(index, owners))
        owners = new Map()
        first = hit
        continue
      }
      if (owners.size === 0) own(index, first, owners)
      own(index, hit, owners)
    }
    found.push(...shared(index, owners))
  }
  return found
}

/** Of the rows with one key: documents by what they have. */
type Owners = Map<string, { readonly value: UniqueValue; readonly ids: string[] }>

async function* rowsOf(store: Store, index: IndexState, turn: () => Promise<void>): AsyncGenerator<IndexHit> {
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
    await turn()
  }
}

/** Equal keys mean equal values unless they were cut off, so the values decide. */
function own({ paths }: IndexState, { key, state }: IndexHit, owners: Owners): void {
  const head = state === null ? null : decodeHead(state)
  if (head?.state.status !== 'live') return
  for (const value of uniqueValues(paths, documentOf(head))) {
    if (!equalBytes(value.key, key)) continue
    const known = owners.get(value.name)
    if (known === undefined) owners.set(value.name, { value, ids: [head.state.id] })
    else known.ids.push(head.state.id)
  }
}

function shared({ paths }: IndexState, owners: Owners): readonly Duplicate[] {
  return [...owners.values()].flatMap(({ value: { values }, ids }) => (ids.length > 1 ? [{ paths, values, ids }] : []))
}
