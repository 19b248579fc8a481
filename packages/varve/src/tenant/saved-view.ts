/** Saving a view in a store of its own, and loading it again. */

import type { Env } from '../env/env.ts'
import { takingTurns } from '../env/pause.ts'
import { isVarveError } from '../errors.ts'
import type { Database } from '../database/database.ts'
import type { TenantHome } from '../home/home.ts'
import type { Placed } from '../view/category.ts'
import type { ParsedView } from '../view/definition.ts'
import type { Store } from '../store/store.ts'
import { bucketOf, buckets, decodeBucket, decodeSavedHead, encodeBucket, encodeSavedHead } from '../view/saved.ts'
import { ViewTree } from '../view/tree.ts'
import type { ViewState } from './view.ts'
import { withSavedStore } from './view-home.ts'

const headName = 'view'
const bucketPrefix = 'rows/'

/** Writes all buckets, or those that `changed`, with the head in one write. */
export function saveView(
  home: TenantHome,
  { tree, cursors }: ViewState,
  changed: ReadonlySet<number> | null,
): Promise<void> {
  return withSavedStore(home, tree.view.name, true, async (store) => {
    if (store === null) return
    // Another view of this name may have been saved meanwhile.
    const replaced = (await definitionIn(store)) !== tree.view.text
    const values = await encodeParts(home.env, tree, replaced ? null : changed)
    values.set(headName, encodeSavedHead({ definition: tree.view.text, cursors: [...cursors.values()] }))
    await store.write({ values })
  })
}

async function definitionIn(store: Store): Promise<string | null> {
  const head = await store.value(headName)
  try {
    return head === null ? null : decodeSavedHead(head).definition
  } catch (error) {
    if (!isVarveError(error)) throw error
    // What cannot be read is replaced as a whole.
    return null
  }
}

async function encodeParts(
  env: Env,
  tree: ViewTree,
  changed: ReadonlySet<number> | null,
): Promise<Map<string, Uint8Array>> {
  const parts = new Map<number, Placed[]>()
  for (let bucket = 0; bucket < buckets; bucket++) if (changed?.has(bucket) !== false) parts.set(bucket, [])
  for (const placed of tree.all()) parts.get(bucketOf(placed))?.push(placed)
  const values = new Map<string, Uint8Array>()
  const turn = takingTurns(env)
  for (const [bucket, documents] of parts) {
    values.set(`${bucketPrefix}${bucket}`, encodeBucket(documents))
    await turn()
  }
  return values
}

/** The saved state; null when there is none, or none that fits the definition and can be read. */
export async function loadView(
  home: TenantHome,
  view: ParsedView,
  databases: readonly Database[],
): Promise<ViewState | null> {
  try {
    return await withSavedStore(home, view.name, false, (store) => readState(home.env, store, view, databases))
  } catch (error) {
    if (!isVarveError(error)) throw error
    home.env.log('warn', 'a saved view cannot be used and is built anew', { view: view.name, code: error.code })
    return null
  }
}

async function readState(
  env: Env,
  store: Store | null,
  view: ParsedView,
  databases: readonly Database[],
): Promise<ViewState | null> {
  const head = (await store?.value(headName)) ?? null
  if (store === null || head === null) return null
  const { definition, cursors } = decodeSavedHead(head)
  if (definition !== view.text || cursors.length !== databases.length) return null
  const tree = new ViewTree(view)
  const turn = takingTurns(env)
  for (const bytes of (await store.values(bucketPrefix)).values()) {
    for (const placed of decodeBucket(bytes, view)) tree.add(placed)
    await turn()
  }
  return { tree, cursors: new Map(databases.map((database, i) => [database, cursors[i] ?? ''])) }
}
