/** PouchDB in the comparison: LevelDB at both ends, its own server on Express, an index on `due`. */

import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import express from 'express'
import expressPouchDb from 'express-pouchdb'
import Pouch from 'pouchdb'
import find from 'pouchdb-find'
import type { Task } from '../data.ts'
import { slices } from '../files.ts'
import { asNumber, asText } from '../json.ts'
import { batch, pageSize, type Client, type System } from './system.ts'

Pouch.plugin(find)

const first = 'task-00000000'

export const pouchdb: System = {
  persistent: true,
  serve: async (dir) => {
    mkdirSync(dir, { recursive: true })
    const app = express()
    const served = Pouch.defaults({ prefix: `${dir}/`, adapter: 'leveldb' })
    const options = { inMemoryConfig: true, logPath: join(dir, 'log.txt'), mode: 'minimumForPouchDB' }
    app.use('/', expressPouchDb(served, options))
    const server = createServer(app)
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return { address: `http://127.0.0.1:${port}/tasks`, close: () => server.closeAllConnections() }
  },
  request: async () => '',
  open: async (dir, { address }) => {
    const database = new Pouch(dir, { adapter: 'leveldb' })
    await database.createIndex({ index: { fields: ['due'] } })
    return new PouchClient(database, address)
  },
}

class PouchClient implements Client {
  readonly #database: Pouch
  readonly #address: string
  readonly #ids: string[] = []
  #live: ReturnType<Pouch['sync']> | null = null

  constructor(database: Pouch, address: string) {
    this.#database = database
    this.#address = address
  }

  async create(tasks: readonly Task[]): Promise<void> {
    for (const part of slices(tasks, batch)) {
      const docs = part.map((task, i) => ({ _id: `task-${String(this.#ids.length + i).padStart(8, '0')}`, ...task }))
      for (const { _id } of docs) this.#ids.push(_id)
      await this.#database.bulkDocs(docs)
    }
  }

  async update(): Promise<void> {
    for (const keys of slices(this.#ids, batch)) {
      const { rows } = await this.#database.allDocs({ keys, include_docs: true })
      await this.#database.bulkDocs(rows.map(({ doc }) => ({ ...doc, priority: asNumber(doc?.['priority']) + 1 })))
    }
  }

  invite(): string {
    return ''
  }

  upload(): Promise<void> {
    return this.#connect()
  }

  async download(count: number): Promise<void> {
    await this.#connect()
    const { rows } = await this.#database.allDocs({ startkey: 'task-', endkey: 'task-~', include_docs: false })
    if (rows.length !== count) throw new Error(`${rows.length} of ${count} documents are readable`)
  }

  async change(title: string): Promise<void> {
    await this.#database.put({ ...(await this.#database.get(first)), title })
  }

  watch(listener: (title: string) => void): void {
    this.#database
      .changes({ since: 'now', live: true, include_docs: true, doc_ids: [first] })
      .on('change', ({ doc }) => {
        listener(asText(doc?.['title']))
      })
  }

  async query(): Promise<readonly string[]> {
    const { docs } = await this.#database.find({
      selector: { due: { $gt: null }, done: false, priority: { $gte: 3 } },
      sort: ['due'],
      limit: pageSize,
    })
    return docs.map((doc) => asText(doc['title']))
  }

  async sum(): Promise<number> {
    const { rows } = await this.#database.allDocs({ startkey: 'task-', endkey: 'task-~', include_docs: true })
    return rows.reduce((sum, { doc }) => sum + asNumber(doc?.['priority']), 0)
  }

  async close(): Promise<void> {
    this.#live?.cancel()
    await this.#database.close()
  }

  /** Resolves when both sides have what the other had; from then on changes go both ways at once. */
  async #connect(): Promise<void> {
    await this.#database.sync(this.#address, { batch_size: batch })
    this.#live = this.#database.sync(this.#address, { live: true })
  }
}
