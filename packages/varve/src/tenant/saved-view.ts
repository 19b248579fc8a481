/** Saving a view in a store of its own, and loading it again. */

import { isVarveError } from '../errors.ts'
import type { Database } from '../database/database.ts'
import type { TenantHome } from '../home/home.ts'
import type { Placed } from '../view/category.ts'
import type { ParsedView } from '../view/definition.ts'
import type { Store } from '../store/store.ts'
import { bucketOf, buckets, decodeBucket, decodeSavedHead, encodeBucket, encodeSavedHead } from '../view/saved.ts'
import { ViewTree } from '../view/tree.ts'
import type { ViewState } from './view.ts'
import { savedStore } from './view-home.ts'

const headName = 'view'
const bucketPrefix = 'rows/'

/** Writes all buckets, or those that `changed`, with the head in one write. */
export async function saveView(
  home: TenantHome,
  { tree, cursors }: ViewState,
  changed: ReadonlySet<number> | null,
): Promise<void> {
  const store = await savedStore(home, tree.view.name, true)
  if (store === null) return
  try {
    // Another view of this name may have been saved meanwhile.
    const replaced = (await definitionIn(store)) !== tree.view.text
    const values = encodeParts(tree, replaced ? null : changed)
    values.set(headName, encodeSavedHead({ definition: tree.view.text, cursors: [...cursors.values()] }))
    await store.write({ values })
  } finally {
    await store.close()
  }
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

function encodeParts(tree: ViewTree, changed: ReadonlySet<number> | null): Map<string, Uint8Array> {
  const parts = new Map<number, Placed[]>()
  for (let bucket = 0; bucket < buckets; bucket++) if (changed?.has(bucket) !== false) parts.set(bucket, [])
  for (const placed of tree.all()) parts.get(bucketOf(placed))?.push(placed)
  const values = new Map<string, Uint8Array>()
  for (const [bucket, documents] of parts) values.set(`${bucketPrefix}${bucket}`, encodeBucket(documents))
  return values
}

/** The saved state; null when there is none, or none that fits the definition. */
export async function loadView(
  home: TenantHome,
  view: ParsedView,
  databases: readonly Database[],
): Promise<ViewState | null> {
  const store = await savedStore(home, view.name, false)
  if (store === null) return null
  try {
    const head = await store.value(headName)
    if (head === null) return null
    const { definition, cursors } = decodeSavedHead(head)
    if (definition !== view.text || cursors.length !== databases.length) return null
    const tree = new ViewTree(view)
    for (const bytes of (await store.values(bucketPrefix)).values())
      for (const placed of decodeBucket(bytes, view)) tree.add(placed)
    return { tree, cursors: new Map(databases.map((database, i) => [database, cursors[i] ?? ''])) }
  } catch (error) {
    if (!isVarveError(error)) throw error
    home.env.log('warn', 'a saved view cannot be used and is built anew', { view: view.name, code: error.code })
    return null
  } finally {
    await store.close()
  }
}
