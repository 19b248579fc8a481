/** TinyBase in the comparison: a mergeable store saved in a file at each end, and its own WebSocket server. */

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createMergeableStore, type MergeableStore } from 'tinybase/mergeable-store'
import { createFilePersister, type FilePersister } from 'tinybase/persisters/persister-file'
import { createQueries, type Queries } from 'tinybase/queries'
import { createWsSynchronizer, type Synchronizer } from 'tinybase/synchronizers/synchronizer-ws-client'
import { createWsServer } from 'tinybase/synchronizers/synchronizer-ws-server'
import { WebSocket, WebSocketServer } from 'ws'
import type { Task } from '../data.ts'
import { slices } from '../files.ts'
import { asNumber, asText } from '../json.ts'
import { portOf } from './port.ts'
import { batch, pageSize, type Client, type System } from './system.ts'

const table = 'tasks'
const first = 'task-00000000'
const wanted = 'wanted'
const idle = 0
/** Message of its protocol: an answer. */
const response = 0
/** Its default of one second is little for 10,000 documents at once. */
const patienceSeconds = 30

export const tinybase: System = {
  persistent: true,
  serve: async (dir) => {
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    const server = createWsServer(sockets, () => persisterIn(dir))
    return { address: `ws://127.0.0.1:${await portOf(sockets)}/tasks`, close: () => server.destroy() }
  },
  request: async () => '',
  open: async (dir, { address }) => {
    const persister = persisterIn(dir)
    await persister.load()
    await persister.startAutoSave()
    return new TinyClient(persister, address)
  },
}

function persisterIn(dir: string): FilePersister {
  mkdirSync(dir, { recursive: true })
  return createFilePersister(createMergeableStore(), join(dir, 'store.json'))
}

class TinyClient implements Client {
  readonly #persister: FilePersister
  readonly #store: MergeableStore
  readonly #queries: Queries
  readonly #address: string
  #synchronizer: Synchronizer | null = null
  /** Hashes of the content that the server answered last. */
  #answered: unknown = null

  constructor(persister: FilePersister, address: string) {
    this.#persister = persister
    this.#store = persister.getStore()
    this.#queries = createQueries(this.#store)
    this.#address = address
  }

  async create(tasks: readonly Task[]): Promise<void> {
    let no = 0
    for (const part of slices(tasks, batch)) {
      this.#store.transaction(() => {
        for (const task of part) this.#store.setRow(table, `task-${String(no++).padStart(8, '0')}`, { ...task })
      })
      await this.#stored()
    }
  }

  async update(): Promise<void> {
    for (const part of slices(this.#store.getRowIds(table), batch)) {
      this.#store.transaction(() => {
        for (const id of part) this.#store.setCell(table, id, 'priority', this.#priority(id) + 1)
      })
      await this.#stored()
    }
  }

  invite(): string {
    return ''
  }

  async upload(): Promise<void> {
    const synchronizer = await this.#connect()
    const own = (): string => JSON.stringify(this.#store.getMergeableContentHashes())
    // It does not say when the server has everything: then both have the same hashes.
    while (JSON.stringify(this.#answered) !== own()) await synchronizer.load()
  }

  async download(count: number): Promise<void> {
    await this.#connect()
    while (this.#store.getRowCount(table) < count) await turn()
    await this.#stored()
  }

  async change(title: string): Promise<void> {
    this.#store.setCell(table, first, 'title', title)
    await this.#stored()
  }

  watch(listener: (title: string) => void): void {
    this.#store.addCellListener(table, first, 'title', () => {
      listener(asText(this.#store.getCell(table, first, 'title')))
    })
  }

  async query(): Promise<readonly string[]> {
    if (!this.#queries.hasQuery(wanted))
      this.#queries.setQueryDefinition(wanted, table, (query) => {
        query.select('title')
        query.select('due')
        query.where('done', false)
        query.where((cell) => asNumber(cell('priority')) >= 3)
      })
    return this.#queries
      .getResultSortedRowIds(wanted, 'due', false, 0, pageSize)
      .map((id) => asText(this.#queries.getResultCell(wanted, id, 'title')))
  }

  async sum(): Promise<number> {
    return this.#store.getRowIds(table).reduce((sum, id) => sum + this.#priority(id), 0)
  }

  async close(): Promise<void> {
    await this.#synchronizer?.destroy()
    await this.#stored()
    await this.#persister.destroy()
  }

  #priority(id: string): number {
    return asNumber(this.#store.getCell(table, id, 'priority'))
  }

  async #connect(): Promise<Synchronizer> {
    this.#synchronizer = await createWsSynchronizer(
      this.#store,
      new WebSocket(this.#address),
      patienceSeconds,
      undefined,
      (_from, _request, message, body) => {
        if (message === response) this.#answered = body
      },
    )
    await this.#synchronizer.startSync()
    return this.#synchronizer
  }

  /** It saves by itself after each transaction. */
  async #stored(): Promise<void> {
    while (this.#persister.getStatus() !== idle) await turn()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
