/** The connections of one tenant: opening them, and telling all of what concerns each. */

import { fromHex, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { FetchLike } from '../platform/fetch.ts'
import type { Replica } from '../replica/replica.ts'
import { SyncDriver } from '../sync/driver.ts'
import { createConnector } from '../sync/transports/connect.ts'
import type { Connector, Transport } from '../sync/transports/transport.ts'
import { Connection } from './connection.ts'
import { spent } from './errors.ts'
import { replicaOf, type Database } from '../database/database.ts'
import { nodeKey, type TenantHost } from './host.ts'
import type { TenantHome } from '../home/home.ts'
import type { Keyring } from '../home/keyring.ts'
import { Company } from './company.ts'
import { openPresence, sealPresence } from './presence.ts'
import { syncOver } from './sync-over.ts'
import type { SyncReport } from '../database/types.ts'
import { collectionTag } from '../log/tag.ts'

export interface ConnectOptions {
  /** Public key of the node in hex, as its operator gives it; else the first node that answers is remembered. */
  readonly node?: string
  /** Collections, by name, whose changes overtake all others, in every database. */
  readonly urgent?: readonly string[]
  /** Opens transports in another way than the platform does. */
  readonly connector?: Connector
  /** Makes requests for attachments in another way than the platform does. */
  readonly fetch?: FetchLike
}

export interface ConnectionsParts {
  readonly host: TenantHost
  readonly home: TenantHome
  readonly keys: Keyring
  /** Ids in hex of the databases that are open here, the directory's included. */
  readonly open: () => readonly string[]
}

export class Connections {
  readonly #parts: ConnectionsParts
  readonly #all = new Set<Connection>()
  readonly #served = new Set<SyncDriver>()
  /** Who has texts open here. */
  readonly company = new Company((replica, key, state) => this.#tell(replica, key, state))

  constructor(parts: ConnectionsParts) {
    this.#parts = parts
  }

  /** Connects to a node by its URL, or over a transport that is open already. */
  connect(to: string | Transport, options: ConnectOptions): Connection {
    const { host, home } = this.#parts
    const url = typeof to === 'string' ? to : null
    const given = options.node === undefined ? null : nodeKey(options.node)
    const connector = options.connector ?? createConnector({ env: host.env })
    let used = false
    const connection: Connection = new Connection({
      host,
      url,
      dial: (signal) => {
        if (typeof to === 'string') return connector(to, { signal })
        if (used) return Promise.reject(spent())
        used = true
        return Promise.resolve(to)
      },
      databases: () => Promise.resolve([host.directory, ...this.#parts.open().map((id) => fromHex(id))]),
      urgent: ({ context }) => (options.urgent ?? []).map((name) => collectionTag(context.tagKey, name)),
      node: async () => given ?? (url === null ? null : await home.value(nodeName(url))),
      rememberNode: (publicKey) => (url === null ? Promise.resolve() : home.saveValue(nodeName(url), publicKey)),
      isChosenOffline: async () => url !== null && (await isChosenOffline(home, url)),
      chooseOffline: (offline) =>
        url === null ? Promise.resolve() : home.saveValue(offlineName(url), offline ? utf8('offline') : null),
      openPresence: (database, device, body) =>
        openPresence((id) => this.#parts.keys.versionById(id), { database, device }, body),
      hear: (database, state) => this.company.hear(database, state),
      onClosed: () => this.#all.delete(connection),
    })
    this.#all.add(connection)
    return connection
  }

  /**
   * Serves a peer of the same tenant that connects to this device: it gets what it lacks of the databases that are
   * open here, and gives what it has. Resolves when the connection ends; rejects with why, unless it was closed.
   */
  accept(transport: Transport): Promise<void> {
    const { host } = this.#parts
    return new Promise((resolve, reject) => {
      const stop = host.onStanding((device) => {
        driver.judge(device)
      })
      const driver: SyncDriver = new SyncDriver({
        role: 'acceptor',
        transport,
        host,
        on: (event) => {
          if (event.event !== 'closed') return
          stop()
          this.#served.delete(driver)
          if (event.error === null) resolve()
          else reject(event.error)
        },
      })
      this.#served.add(driver)
    })
  }

  /** Syncs one database once over a transport. */
  once(transport: Transport, replica: Replica, signal?: AbortSignal): Promise<SyncReport> {
    return syncOver(this.#parts.host, replica, transport, signal)
  }

  /** A database was opened on this device: it is synced from now on. */
  opened(database: Uint8Array): void {
    for (const connection of this.#all) connection.add(database)
  }

  /** Another recorder was appointed. */
  appointed(): void {
    for (const connection of this.#all) connection.appointed()
    for (const driver of this.#served) driver.appointed()
  }

  /** Tells the members who have this database open what this device does; nothing is stored. */
  presence(database: Database, state: unknown): void {
    const replica = replicaOf(database)
    this.#tell(replica, replica.context.defaultKey, state)
  }

  #tell({ context }: Replica, keyName: string, state: unknown): void {
    const { host, keys } = this.#parts
    const key = keys.versions(keyName).at(-1)
    if (key === undefined) throw new VarveError('KEY_MISSING', `The keyring holds no key "${keyName}": import it`)
    const place = { database: context.id, device: host.device.publicKey }
    const body = sealPresence(key, place, state, host.env)
    for (const connection of this.#all) connection.sendPresence(context.id, body)
  }

  async close(): Promise<void> {
    for (const driver of this.#served) driver.stop(null)
    await Promise.all([...this.#all].map((connection) => connection.close()))
  }
}

/** Whether the user disconnected from this URL and has not reconnected. */
export async function isChosenOffline(home: TenantHome, url: string): Promise<boolean> {
  return (await home.value(offlineName(url))) !== null
}

function nodeName(url: string): string {
  return `node/${url}`
}

function offlineName(url: string): string {
  return `offline/${url}`
}
