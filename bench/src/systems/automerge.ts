/** Automerge in the comparison: one document of maps in automerge-repo, files at both ends, its own WebSocket server. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isValidAutomergeUrl, Repo, type DocHandle } from '@automerge/automerge-repo'
import { WebSocketClientAdapter, WebSocketServerAdapter } from '@automerge/automerge-repo-network-websocket'
import { NodeFSStorageAdapter } from '@automerge/automerge-repo-storage-nodefs'
import { WebSocketServer } from 'ws'
import type { Task } from '../data.ts'
import { slices } from '../files.ts'
import { portOf } from './port.ts'
import { batch, firstByDue, type Client, type Link, type System } from './system.ts'

type Draft = { -readonly [Name in keyof Task]: Task[Name] }

interface Tasks {
  tasks: Record<string, Draft>
}

const first = 'task-0'

export const automerge: System = {
  persistent: true,
  serve: async (dir) => {
    mkdirSync(dir, { recursive: true })
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 })
    const repo = new Repo({
      network: [new WebSocketServerAdapter(sockets)],
      storage: new NodeFSStorageAdapter(dir),
      sharePolicy: async () => false,
    })
    return {
      address: `ws://127.0.0.1:${await portOf(sockets)}`,
      close: async () => {
        await repo.flush()
        sockets.close()
      },
    }
  },
  request: async () => '',
  open: async (dir, link) => AutomergeClient.open(dir, link),
}

class AutomergeClient implements Client {
  readonly #repo: Repo
  readonly #address: string
  readonly #url: string
  #handle: DocHandle<Tasks> | null

  private constructor(repo: Repo, address: string, url: string, handle: DocHandle<Tasks> | null) {
    this.#repo = repo
    this.#address = address
    this.#url = url
    this.#handle = handle
  }

  static async open(dir: string, { address, invitation }: Link): Promise<AutomergeClient> {
    mkdirSync(dir, { recursive: true })
    const repo = new Repo({ storage: new NodeFSStorageAdapter(dir) })
    const file = join(dir, 'url')
    const known = existsSync(file) ? readFileSync(file, 'utf8') : ''
    if (invitation !== '') return new AutomergeClient(repo, address, invitation, null)
    const handle = isValidAutomergeUrl(known) ? await repo.find<Tasks>(known) : repo.create<Tasks>({ tasks: {} })
    writeFileSync(file, handle.url)
    return new AutomergeClient(repo, address, handle.url, handle)
  }

  async create(tasks: readonly Task[]): Promise<void> {
    let no = 0
    for (const part of slices(tasks, batch)) {
      this.#doc.change((draft) => {
        for (const task of part) draft.tasks[`task-${no++}`] = { ...task, tags: [...task.tags] }
      })
      await this.#repo.flush()
    }
  }

  async update(): Promise<void> {
    for (const part of slices(Object.keys(this.#doc.doc().tasks), batch)) {
      this.#doc.change((draft) => {
        for (const id of part) {
          const task = draft.tasks[id]
          if (task !== undefined) task.priority++
        }
      })
      await this.#repo.flush()
    }
  }

  invite(): string {
    return this.#url
  }

  async upload(): Promise<void> {
    const server = await this.#connect()
    // The server's storage has an id, by which clients hear how far it is.
    const same = (): boolean => this.#doc.getSyncInfo(server)?.lastHeads.join() === this.#doc.heads().join()
    while (!same()) await turn()
  }

  async download(count: number): Promise<void> {
    await this.#connect()
    if (!isValidAutomergeUrl(this.#url)) throw new Error('The invitation is no URL of Automerge')
    const handle = await this.#repo.find<Tasks>(this.#url)
    while (Object.keys(handle.doc().tasks).length < count) await turn()
    this.#handle = handle
    await this.#repo.flush()
  }

  async change(title: string): Promise<void> {
    this.#doc.change((draft) => {
      const task = draft.tasks[first]
      if (task !== undefined) task.title = title
    })
  }

  watch(listener: (title: string) => void): void {
    this.#doc.on('change', ({ doc }) => {
      listener(doc.tasks[first]?.title ?? '')
    })
  }

  async query(): Promise<readonly string[]> {
    return firstByDue(Object.values(this.#doc.doc().tasks))
  }

  async sum(): Promise<number> {
    return Object.values(this.#doc.doc().tasks).reduce((sum, { priority }) => sum + priority, 0)
  }

  async close(): Promise<void> {
    await this.#repo.flush()
    await this.#repo.shutdown()
  }

  get #doc(): DocHandle<Tasks> {
    if (this.#handle === null) throw new Error('The document is not here yet')
    return this.#handle
  }

  /** The id of the server's storage. */
  #connect(): Promise<string> {
    return new Promise((resolve) => {
      this.#repo.networkSubsystem.on('peer', ({ peerMetadata }) => {
        resolve(peerMetadata.storageId ?? '')
      })
      this.#repo.networkSubsystem.addNetworkAdapter(new WebSocketClientAdapter(this.#address))
    })
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 1)
  })
}
