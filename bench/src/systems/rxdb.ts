/** RxDB in the comparison: storage in memory, the only free one in Node, and its own WebSocket replication. */

import { createRxDatabase, type RxCollection, type RxDatabase } from 'rxdb'
import {
  replicateWithWebsocketServer,
  startWebsocketServer,
  type Replication,
} from 'rxdb/plugins/replication-websocket'
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory'
import type { Task } from '../data.ts'
import { slices } from '../files.ts'
import { portOf } from './port.ts'
import { batch, pageSize, type Client, type System } from './system.ts'

type Stored = Task & { readonly id: string }

const first = 'task-0'
const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: {
    id: { type: 'string', maxLength: 100 },
    type: { type: 'string' },
    title: { type: 'string' },
    done: { type: 'boolean' },
    priority: { type: 'number' },
    due: { type: 'string', maxLength: 30 },
    tags: { type: 'array', items: { type: 'string' } },
  },
  required: ['id', 'due'],
  indexes: ['due'],
} as const

export const rxdb: System = {
  persistent: false,
  serve: async () => {
    const { database } = await opened('server')
    const state = await startWebsocketServer({ database, host: '127.0.0.1', port: 0 })
    return { address: `ws://127.0.0.1:${await portOf(state.server)}`, close: () => state.close() }
  },
  request: async () => '',
  open: async (_, { address }) => {
    const { database, tasks } = await opened('client')
    return new RxClient(database, tasks, address)
  },
}

async function opened(name: string): Promise<{ readonly database: RxDatabase; readonly tasks: RxCollection<Stored> }> {
  const database = await createRxDatabase({ name, storage: getRxStorageMemory(), multiInstance: false })
  const { tasks } = await database.addCollections<Stored, 'tasks'>({ tasks: { schema } })
  return { database, tasks }
}

class RxClient implements Client {
  readonly #database: RxDatabase
  readonly #tasks: RxCollection<Stored>
  readonly #address: string
  #replication: Replication | null = null

  constructor(database: RxDatabase, tasks: RxCollection<Stored>, address: string) {
    this.#database = database
    this.#tasks = tasks
    this.#address = address
  }

  async create(tasks: readonly Task[]): Promise<void> {
    let no = 0
    for (const part of slices(tasks, batch))
      await this.#tasks.bulkInsert(part.map((task) => ({ id: `task-${no++}`, ...task })))
  }

  async update(): Promise<void> {
    const all = await this.#tasks.find().exec()
    for (const part of slices(all, batch))
      await this.#tasks.bulkUpsert(
        part.map((doc) => {
          const data = doc.toMutableJSON()
          return { ...data, priority: data.priority + 1 }
        }),
      )
  }

  invite(): string {
    return ''
  }

  upload(): Promise<void> {
    return this.#connect()
  }

  async download(count: number): Promise<void> {
    await this.#connect()
    const readable = await this.#tasks.count().exec()
    if (readable !== count) throw new Error(`${readable} of ${count} documents are readable`)
  }

  async change(title: string): Promise<void> {
    const doc = await this.#tasks.findOne(first).exec()
    await doc?.incrementalPatch({ title })
  }

  watch(listener: (title: string) => void): void {
    let skipped = false
    this.#tasks.findOne(first).$.subscribe((doc) => {
      if (skipped && doc !== null) listener(doc.title)
      skipped = true
    })
  }

  async query(): Promise<readonly string[]> {
    const found = await this.#tasks
      .find({ selector: { done: false, priority: { $gte: 3 } }, sort: [{ due: 'asc' }], limit: pageSize })
      .exec()
    return found.map(({ title }) => title)
  }

  async sum(): Promise<number> {
    return (await this.#tasks.find().exec()).reduce((sum, { priority }) => sum + priority, 0)
  }

  async close(): Promise<void> {
    await this.#replication?.cancel()
    await this.#database.close()
  }

  async #connect(): Promise<void> {
    this.#replication = await replicateWithWebsocketServer({
      replicationIdentifier: 'tasks',
      collection: this.#tasks,
      url: this.#address,
      batchSize: batch,
      live: true,
    })
    await this.#replication.awaitInSync()
  }
}
