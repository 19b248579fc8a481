/** Automerge in the comparison: one document of maps, its changes appended to a file. */

import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Automerge from '@automerge/automerge'
import type { Task } from '../data.ts'
import { slices } from '../files.ts'
import { batch, type Peer } from './peer.ts'

interface Tasks {
  tasks: Record<string, { -readonly [Name in keyof Task]: Task[Name] }>
}

export async function automergePeer(dir: string): Promise<Peer> {
  mkdirSync(dir, { recursive: true })
  const file = join(dir, 'tasks.automerge')
  let doc = Automerge.from<{ tasks: Tasks['tasks'] }>({ tasks: {} })
  const save = (): void => {
    appendFileSync(file, Automerge.saveIncremental(doc))
  }
  save()
  return {
    async create(all) {
      let no = 0
      for (const part of slices(all, batch)) {
        doc = Automerge.change(doc, (draft) => {
          for (const task of part) draft.tasks[`task-${no++}`] = { ...task, tags: [...task.tags] }
        })
        save()
      }
    },
    async update() {
      for (const part of slices(Object.keys(doc.tasks), batch)) {
        doc = Automerge.change(doc, (draft) => {
          for (const id of part) {
            const task = draft.tasks[id]
            if (task !== undefined) task.done = true
          }
        })
        save()
      }
    },
    async countDone() {
      const read = Automerge.load<{ tasks: Tasks['tasks'] }>(readFileSync(file))
      return Object.values(read.tasks).filter(({ done }) => done).length
    },
    close: async () => undefined,
  }
}
