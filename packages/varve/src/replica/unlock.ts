/** Keys that arrive or go: the documents under them are folded again, and appear or disappear. */

import { absentHead } from '../document/head.ts'
import { finishDocuments } from './finish.ts'
import { refoldMarked } from './refold.ts'
import type { Replica } from './replica.ts'
import { holdsSealed } from './sealed.ts'
import type { WorkingSet } from './working.ts'

const pageDocuments = 500

/** Folds again what was locked by this key (id in hex) or format, page by page, each page one write; what stays locked is entered again. */
export async function keyArrived(replica: Replica, key: string): Promise<void> {
  let after = 0
  for (;;) {
    const from = after
    const last = await replica.update(async (set) => {
      const documents = await replica.store.locked(key, from, pageDocuments)
      for (const document of documents) set.lockedRemoved.push({ key, document })
      await refoldAll(replica, set, documents, new Set([key]))
      return documents.at(-1)
    })
    if (last === undefined) return
    after = last
  }
}

/**
 * Folds again every document that has an entry under a key, whose versions (ids in hex) are no longer held.
 * Reads all heads, because nothing but the log says which keys a readable document needs.
 */
export async function keyRemoved(replica: Replica, name: string, ids: readonly string[]): Promise<void> {
  for (const { no } of replica.state.collections) {
    let after = no * 0x1_0000_0000
    for (;;) {
      const last = await replica.update(async (set) => {
        const rows = await replica.store.scan(no, after, pageDocuments)
        await refoldAll(
          replica,
          set,
          rows.map((row) => row.no),
          new Set(ids),
        )
        return rows.at(-1)?.no ?? null
      })
      if (last === null) break
      after = last
    }
  }
  replica.context.env.log('info', 'documents under a removed key are locked', { key: name })
}

async function refoldAll(
  replica: Replica,
  set: WorkingSet,
  documents: readonly number[],
  keys: ReadonlySet<string>,
): Promise<void> {
  set.keysChanged = true
  for (const document of await set.loadByNo(documents)) {
    document.refold = true
    document.head = { ...absentHead, recorded: document.before.recorded, pending: document.before.pending }
    set.snapshotsRemoved.push({ document: document.no, place: 0 })
  }
  await refoldMarked(
    { store: replica.store, reader: replica.reader, compare: replica.compare, ignoreSnapshots: true },
    set,
  )
  // What is sealed inside a document folds alike with its key and without.
  for (const document of set.documents) document.revealed = holdsSealed(document.head, keys)
  finishDocuments(set)
}
