/** Jazz in the comparison: `cojson` with a map for each document in one group, sealed, SQLite at both ends, its own server. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getSqliteStorage, LocalNode, type CoList, type CoMap, type SqliteDriver } from 'cojson'
import { NapiCrypto } from 'cojson/crypto/NapiCrypto'
import { createWebSocketPeer } from 'cojson-transport-ws'
import Database from 'libsql'
import { WebSocket, WebSocketServer } from 'ws'
import type { Task } from '../data.ts'
import { slices } from '../files.ts'
import { asNumber, asText } from '../json.ts'
import { portOf } from './port.ts'
import { batch, firstByDue, type Client, type Link, type System } from './system.ts'

interface Account {
  readonly account: string
  readonly secret: string
  readonly list: string
}

export const jazz: System = {
  persistent: true,
  serve: async (dir) => {
    const crypto = await NapiCrypto.create()
    const secret = crypto.newRandomAgentSecret()
    const node = new LocalNode(secret, crypto.newRandomSessionID(crypto.getAgentID(secret)), crypto)
    node.setStorage(getSqliteStorage(driver(dir)))
    node.enableGarbageCollector?.()
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 2 ** 27 })
    let clients = 0
    sockets.on('connection', (websocket) => {
      const id = `client-${clients++}`
      node.syncManager.addPeer(createWebSocketPeer({ id, role: 'client', websocket, expectPings: false }))
    })
    return {
      address: `ws://127.0.0.1:${await portOf(sockets)}`,
      close: async () => {
        sockets.close()
        await node.gracefulShutdown()
      },
    }
  },
  request: async () => '',
  open: (dir, link) => JazzClient.open(dir, link),
}

class JazzClient implements Client {
  readonly #node: LocalNode
  readonly #address: string
  readonly #account: Account
  #list: CoList | null
  #tasks: CoMap[] = []

  private constructor(node: LocalNode, address: string, account: Account, list: CoList | null) {
    this.#node = node
    this.#address = address
    this.#account = account
    this.#list = list
  }

  static async open(dir: string, { address, invitation }: Link): Promise<JazzClient> {
    const storage = getSqliteStorage(driver(dir))
    const crypto = await NapiCrypto.create()
    const file = join(dir, 'account.json')
    if (invitation === '' && !existsSync(file)) {
      const made = await LocalNode.withNewlyCreatedAccount({ crypto, storage, creationProps: { name: 'ada' } })
      const list = made.node.createGroup().createList([], null, 'private')
      const account = { account: made.accountID, secret: made.accountSecret, list: list.id }
      writeFileSync(file, JSON.stringify(account))
      return new JazzClient(made.node, address, account, list)
    }
    const account = accountOf(invitation === '' ? readFileSync(file, 'utf8') : invitation)
    const node = await LocalNode.withLoadedAccount({
      crypto,
      storage,
      accountID: account.account,
      accountSecret: account.secret,
      sessionID: undefined,
      peers: invitation === '' ? [] : [peer(address)],
    })
    const client = new JazzClient(node, address, account, null)
    if (invitation === '') await client.#load()
    return client
  }

  async create(tasks: readonly Task[]): Promise<void> {
    const list = this.#open
    for (const part of slices(tasks, batch)) {
      const made = part.map((task) => list.group.createMap({ ...task, tags: [...task.tags] }, null, 'private'))
      list.appendItems(
        made.map(({ id }) => id),
        undefined,
        'private',
      )
      this.#tasks.push(...made)
      await this.#node.syncManager.waitForStorageSync(list.id)
    }
  }

  async update(): Promise<void> {
    for (const part of slices(this.#tasks, batch)) {
      for (const task of part) task.set('priority', asNumber(task.get('priority')) + 1, 'private')
      await Promise.all(part.map(({ id }) => this.#node.syncManager.waitForStorageSync(id)))
    }
  }

  /** A second device of the same account. */
  invite(): string {
    return JSON.stringify(this.#account)
  }

  async upload(): Promise<void> {
    this.#node.syncManager.addPeer(peer(this.#address))
    await this.#node.syncManager.waitForAllCoValuesSync(600_000)
  }

  async download(count: number): Promise<void> {
    await this.#load()
    while (this.#tasks.length < count) {
      await new Promise((resolve) => {
        setTimeout(resolve, 1)
      })
      await this.#load()
    }
  }

  async change(title: string): Promise<void> {
    this.#tasks[0]?.set('title', title, 'private')
  }

  watch(listener: (title: string) => void): void {
    const task = this.#tasks[0]
    const before = task?.get('title')
    task?.subscribe((latest) => {
      const title = latest.get('title')
      if (title !== before) listener(asText(title))
    })
  }

  async query(): Promise<readonly string[]> {
    return firstByDue(this.#tasks.map(taskOf))
  }

  async sum(): Promise<number> {
    return this.#tasks.reduce((sum, task) => sum + asNumber(task.get('priority')), 0)
  }

  async close(): Promise<void> {
    await this.#node.gracefulShutdown()
  }

  get #open(): CoList {
    if (this.#list === null) throw new Error('The list is not here yet')
    return this.#list
  }

  async #load(): Promise<void> {
    const list = await this.#node.load<CoList>(this.#account.list)
    if (list === 'unavailable') throw new Error('The list cannot be loaded')
    this.#list = list
    this.#tasks = await Promise.all(
      list.asArray().map(async (id) => {
        const task = await this.#node.load<CoMap>(asText(id))
        if (task === 'unavailable') throw new Error('A document cannot be loaded')
        return task
      }),
    )
  }
}

function peer(address: string) {
  const websocket = new WebSocket(address, { maxPayload: 2 ** 27 })
  return createWebSocketPeer({ id: 'server', role: 'server', websocket, expectPings: false })
}

function accountOf(text: string): Account {
  const value: unknown = JSON.parse(text)
  if (
    typeof value !== 'object' ||
    value === null ||
    !('account' in value) ||
    !('secret' in value) ||
    !('list' in value)
  )
    throw new TypeError('An account expected')
  return { account: asText(value.account), secret: asText(value.secret), list: asText(value.list) }
}

function taskOf(map: CoMap): Task {
  return {
    type: asText(map.get('type')),
    title: asText(map.get('title')),
    done: map.get('done') === true,
    priority: asNumber(map.get('priority')),
    due: asText(map.get('due')),
    tags: [],
  }
}

/** SQLite as its authors test it, with prepared statements kept. */
function driver(dir: string): SqliteDriver {
  mkdirSync(dir, { recursive: true })
  const database = new Database(join(dir, 'jazz.sqlite'))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  const statements = new Map<string, Database.Statement>()
  const statement = (sql: string): Database.Statement => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const made = database.prepare(sql)
    statements.set(sql, made)
    return made
  }
  return {
    run: (sql, values) => {
      statement(sql).run(values)
    },
    get: (sql, values) => statement(sql).get(values),
    query: (sql, values) => statement(sql).all(values),
    transaction: (work) => {
      statement('BEGIN').run([])
      try {
        work()
        statement('COMMIT').run([])
      } catch (error) {
        statement('ROLLBACK').run([])
        throw error
      }
    },
    closeDb: () => {
      database.close()
    },
  }
}
