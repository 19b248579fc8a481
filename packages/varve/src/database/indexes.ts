/** Declared indexes: made on first use, built over existing documents page by page. */

import { decodeHead, documentOf } from '../document/head.ts'
import { checkName } from '../encoding/id.ts'
import { splitPath } from '../encoding/path.ts'
import { indexKeys } from '../query/order-key.ts'
import { firstDocument } from '../store/rows.ts'
import type { CollectionState, IndexState } from '../replica/state.ts'
import type { Space } from './space.ts'

const pageDocuments = 500

/** Makes sure these paths are indexed and ready; existing ones cost nothing. */
export async function ensureIndexes(space: Space, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    splitPath(checkName(path, 'index'))
    const existing = space.replica.collection(space.tag)?.indexes.find((index) => index.path === path)
    if (existing?.ready === true) continue
    await build(space, await declare(space, path))
  }
}

function declare(space: Space, path: string): Promise<IndexState> {
  return space.replica.update((set) => {
    const collection = set.collectionByTag(space.tag, space.name)
    const known = collection.indexes.find((index) => index.path === path)
    if (known !== undefined) return Promise.resolve(known)
    const numbers = set.state.collections.flatMap((each) => each.indexes.map((index) => index.no))
    const made = { no: Math.max(0, ...numbers) + 1, path, ready: false, multikey: false }
    set.setCollection({ ...collection, indexes: [...collection.indexes, made] })
    return Promise.resolve(made)
  })
}

/** Writes between two pages keep the index themselves, so nothing is missed. */
async function build(space: Space, index: IndexState): Promise<void> {
  const { replica } = space
  let after = firstDocument(replica.collection(space.tag)?.no ?? 0)
  for (;;) {
    const last = await replica.update(async (set) => {
      const rows = await replica.store.scan(replica.collection(space.tag)?.no ?? 0, after, pageDocuments)
      for (const row of rows) {
        const head = row.state === null ? null : decodeHead(row.state)
        if (head?.state.status !== 'live') continue
        const keys = indexKeys(index.path, documentOf(head))
        if (keys.length > 1) set.markMultikey(index.no)
        for (const key of keys) set.indexRows.push({ index: index.no, key, id: head.state.id, document: row.no })
      }
      return rows.at(-1)?.no ?? null
    })
    if (last === null) break
    after = last
  }
  await replica.update((set) => {
    const collection = set.collectionByTag(space.tag, space.name)
    set.setCollection({ ...collection, indexes: readied(collection, index.no) })
    return Promise.resolve()
  })
}

function readied(collection: CollectionState, no: number): readonly IndexState[] {
  return collection.indexes.map((index) => (index.no === no ? { ...index, ready: true } : index))
}
