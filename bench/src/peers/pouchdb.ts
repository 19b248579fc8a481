/** PouchDB in the comparison: bulkDocs into LevelDB, updates by reading and writing in bulk. */

import Pouch from 'pouchdb'
import { slices } from '../files.ts'
import { batch, type Peer } from './peer.ts'

export async function pouchdbPeer(dir: string): Promise<Peer> {
  const database = new Pouch(dir, { adapter: 'leveldb' })
  const ids: string[] = []
  return {
    async create(all) {
      for (const part of slices(all, batch)) {
        const docs = part.map((task, i) => ({ _id: `task-${String(ids.length + i).padStart(8, '0')}`, ...task }))
        for (const { _id } of docs) ids.push(_id)
        await database.bulkDocs(docs)
      }
    },
    async update() {
      for (const keys of slices(ids, batch)) {
        const { rows } = await database.allDocs({ keys, include_docs: true })
        await database.bulkDocs(rows.map(({ doc }) => ({ ...doc, done: true })))
      }
    },
    async countDone() {
      const { rows } = await database.allDocs({ include_docs: true })
      return rows.filter(({ doc }) => doc?.['done'] === true).length
    },
    close: () => database.close(),
  }
}
