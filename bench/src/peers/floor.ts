/** The floor of Varve in the comparison: what its format cannot do without, for the same documents. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { slices } from '../files.ts'
import { engineLayout } from '../floor/layout.ts'
import { FloorStore } from '../floor/rows.ts'
import { Floor } from '../floor/work.ts'
import { batch, type Peer } from './peer.ts'

export async function floorPeer(dir: string): Promise<Peer> {
  const layout = await engineLayout(`${dir}-layout`)
  mkdirSync(dir, { recursive: true })
  const floor = new Floor(new FloorStore(join(dir, 'floor.sqlite'), layout))
  return {
    async create(all) {
      for (const part of slices(all, batch)) floor.create(part.map((task) => ({ ...task })))
    },
    async update() {
      for (const part of slices([...floor.ids], batch)) floor.patch(part, 'done', true)
    },
    countDone: async () => floor.store.all(`SELECT 1 FROM documents WHERE state LIKE '%"done":true%'`, []).length,
    close: async () => {
      floor.store.close()
    },
  }
}
