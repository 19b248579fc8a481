/** Varve in the comparison: a sealed database on disk. */

import { systemEnv, createTenant } from 'varve'
import { sqlite } from '@varve/stores/sqlite'
import type { Task } from '../data.ts'
import { timed } from '../measure.ts'
import { slices } from '../files.ts'
import { batch, type Peer } from './peer.ts'

async function open(dir: string) {
  const tenant = await createTenant({ name: 'bench', user: 'ada', store: sqlite({ dir }), env: systemEnv() })
  const database = await tenant.database('bench')
  return { tenant, tasks: database.collection<Task>('tasks') }
}

export async function varvePeer(dir: string): Promise<Peer> {
  const { tenant, tasks } = await open(dir)
  const ids: string[] = []
  return {
    async create(all) {
      for (const part of slices(all, batch)) for (const { id } of await tasks.createMany(part)) ids.push(id)
    },
    async update() {
      for (const part of slices(ids, batch)) await Promise.all(part.map((id) => tasks.patch(id, { done: true })))
    },
    countDone: () => tasks.find({ done: true }).count(),
    close: () => tenant.close(),
  }
}

/** Milliseconds of creating them one by one, each awaited. */
export async function varveSingles(dir: string, all: readonly Task[]): Promise<number> {
  const { tenant, tasks } = await open(dir)
  const ms = await timed(async () => {
    for (const task of all) await tasks.create(task)
  })
  await tenant.close()
  return ms
}
