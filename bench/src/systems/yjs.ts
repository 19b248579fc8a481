/** Yjs in the comparison: one document, a map of maps, y-leveldb at the devices, Hocuspocus between them. */

import { mkdirSync, readFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { Server } from '@hocuspocus/server'
import { WebSocket } from 'ws'
import { LeveldbPersistence } from 'y-leveldb'
import * as Y from 'yjs'
import type { Task } from '../data.ts'
import { slices } from '../files.ts'
import { asNumber, asText } from '../json.ts'
import { batch, firstByDue, type Client, type System } from './system.ts'

const name = 'tasks'

export const yjs: System = {
  persistent: true,
  serve: async (dir) => {
    mkdirSync(dir, { recursive: true })
    const file = join(dir, 'document')
    const server = new Server({
      address: '127.0.0.1',
      port: 0,
      quiet: true,
      stopOnSignals: false,
      onLoadDocument: async ({ document }) => {
        if (existsSync(file)) Y.applyUpdate(document, readFileSync(file))
      },
      onStoreDocument: async ({ document }) => {
        writeFileSync(file, Y.encodeStateAsUpdate(document))
      },
    })
    await server.listen()
    return { address: `ws://127.0.0.1:${server.address.port}`, close: () => server.destroy() }
  },
  request: async () => '',
  open: async (dir, { address }) => {
    const store = new LeveldbPersistence(dir)
    return new YjsClient(store, await store.getYDoc(name), address)
  },
}

class YjsClient implements Client {
  readonly #store: LeveldbPersistence
  readonly #doc: Y.Doc
  readonly #tasks: Y.Map<Y.Map<unknown>>
  readonly #address: string
  readonly #stored: Promise<unknown>[] = []
  #provider: HocuspocusProvider | null = null

  constructor(store: LeveldbPersistence, doc: Y.Doc, address: string) {
    this.#store = store
    this.#doc = doc
    this.#tasks = doc.getMap<Y.Map<unknown>>(name)
    this.#address = address
    doc.on('update', (update: Uint8Array) => {
      this.#stored.push(store.storeUpdate(name, update))
    })
  }

  async create(tasks: readonly Task[]): Promise<void> {
    let no = 0
    for (const part of slices(tasks, batch)) {
      this.#doc.transact(() => {
        for (const task of part) this.#tasks.set(`task-${no++}`, new Y.Map(Object.entries(task)))
      })
      await this.#settled()
    }
  }

  async update(): Promise<void> {
    for (const part of slices([...this.#tasks.values()], batch)) {
      this.#doc.transact(() => {
        for (const task of part) task.set('priority', asNumber(task.get('priority')) + 1)
      })
      await this.#settled()
    }
  }

  invite(): string {
    return ''
  }

  async upload(): Promise<void> {
    const provider = this.#connect()
    while (!provider.isSynced || provider.hasUnsyncedChanges) await turn()
  }

  async download(count: number): Promise<void> {
    this.#connect()
    while (this.#tasks.size < count) await turn()
    await this.#settled()
  }

  async change(title: string): Promise<void> {
    this.#tasks.get('task-0')?.set('title', title)
    await this.#settled()
  }

  watch(listener: (title: string) => void): void {
    this.#tasks.get('task-0')?.observe(() => {
      listener(asText(this.#tasks.get('task-0')?.get('title')))
    })
  }

  async query(): Promise<readonly string[]> {
    return firstByDue([...this.#tasks.values()].map(taskOf))
  }

  async sum(): Promise<number> {
    return [...this.#tasks.values()].reduce((sum, task) => sum + asNumber(task.get('priority')), 0)
  }

  async close(): Promise<void> {
    this.#provider?.destroy()
    await this.#settled()
    await this.#store.destroy()
  }

  #connect(): HocuspocusProvider {
    const websocketProvider = new HocuspocusProviderWebsocket({ url: this.#address, WebSocketPolyfill: WebSocket })
    this.#provider = new HocuspocusProvider({ websocketProvider, name, document: this.#doc, token: '' })
    this.#provider.attach()
    return this.#provider
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#stored.splice(0))
  }
}

function taskOf(map: Y.Map<unknown>): Task {
  return {
    type: asText(map.get('type')),
    title: asText(map.get('title')),
    done: map.get('done') === true,
    priority: asNumber(map.get('priority')),
    due: asText(map.get('due')),
    tags: [],
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
