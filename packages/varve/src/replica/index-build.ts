/** Making an index over the documents that are there, page by page, while writes go on. */

import { decodeHead, documentOf } from '../document/head.ts'
import { isVarveError } from '../errors.ts'
import { keysOf } from '../query/index-keys.ts'
import { firstDocument } from '../store/rows.ts'
import type { Replica } from './replica.ts'
import type { IndexState } from './state.ts'

const pageDocuments = 500

/** Writes between two pages keep the index themselves, so nothing is missed. */
export async function buildIndex(replica: Replica, collection: number, index: IndexState): Promise<void> {
  let after = firstDocument(collection)
  for (;;) {
    const last = await replica.update(async (set) => {
      const rows = await replica.store.scan(collection, after, pageDocuments)
      for (const row of rows) {
        const head = row.state === null ? null : decodeHead(row.state)
        if (head?.state.status !== 'live') continue
        const { keys, several } = keysOf(index.paths, documentOf(head))
        if (several.includes(true)) set.markMultikey(index.no, several)
        for (const key of keys) set.indexRows.push({ index: index.no, key, id: head.state.id, document: row.no })
      }
      return rows.at(-1)?.no ?? null
    })
    if (last === null) break
    after = last
  }
  await replica.update((set) => {
    const { indexes, ...rest } = set.collection(collection)
    const readied = indexes.map((each) => (each.no === index.no ? { ...each, ready: true } : each))
    set.setCollection({ ...rest, indexes: readied })
    return Promise.resolve()
  })
}

const building = new WeakMap<Replica, Promise<void>>()
const failed = new WeakSet<Replica>()

/** True while a unique index of an open database is not made yet, and may still be. */
export function hasUnbuilt(replica: Replica): boolean {
  if (replica.context.mode === 'sealed' || failed.has(replica)) return false
  return replica.state.collections.some(({ indexes }) => indexes.some(({ unique, ready }) => unique && !ready))
}

/**
 * Makes the unique indexes of an open database that are not made yet: declared by another device, or before a crash.
 * Where that fails, the log tells why, and it is tried again when the database is opened next.
 */
export function buildUnique(replica: Replica): Promise<void> {
  const known = building.get(replica)
  if (known !== undefined) return known
  if (!hasUnbuilt(replica)) return Promise.resolve()
  const started = buildAll(replica).finally(() => building.delete(replica))
  building.set(replica, started)
  return started
}

async function buildAll(replica: Replica): Promise<void> {
  try {
    while (hasUnbuilt(replica)) {
      for (const { no, indexes } of replica.state.collections)
        for (const index of indexes) if (index.unique && !index.ready) await buildIndex(replica, no, index)
    }
  } catch (error) {
    failed.add(replica)
    if (isVarveError(error, 'CLOSED')) return
    const { name, env } = replica.context
    env.log('error', 'a unique index could not be made', { database: name, error: String(error) })
  }
}
