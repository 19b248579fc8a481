/** Yjs in the comparison: one document, a map of maps, every update stored by y-leveldb. */

import { LeveldbPersistence } from 'y-leveldb'
import * as Y from 'yjs'
import { slices } from '../files.ts'
import { batch, type Peer } from './peer.ts'

const name = 'tasks'

export async function yjsPeer(dir: string): Promise<Peer> {
  const store = new LeveldbPersistence(dir)
  const doc = new Y.Doc()
  const tasks = doc.getMap<Y.Map<unknown>>(name)
  const stored: Promise<unknown>[] = []
  doc.on('update', (update: Uint8Array) => {
    stored.push(store.storeUpdate(name, update))
  })
  const settled = async (): Promise<void> => {
    await Promise.all(stored.splice(0))
  }
  return {
    async create(all) {
      let no = 0
      for (const part of slices(all, batch)) {
        doc.transact(() => {
          for (const task of part) tasks.set(`task-${no++}`, new Y.Map(Object.entries(task)))
        })
        await settled()
      }
    },
    async update() {
      for (const part of slices([...tasks.values()], batch)) {
        doc.transact(() => {
          for (const task of part) task.set('done', true)
        })
        await settled()
      }
    },
    async countDone() {
      const read = await store.getYDoc(name)
      return [...read.getMap<Y.Map<unknown>>(name).values()].filter((task) => task.get('done') === true).length
    },
    close: () => store.destroy(),
  }
}
