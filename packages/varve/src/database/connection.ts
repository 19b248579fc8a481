/** The connection of a tenant to a node: one for all databases, kept up until it is closed. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { clockAgrees } from '../replica/reissue.ts'
import type { Replica } from '../replica/replica.ts'
import { SyncDriver } from '../sync/driver.ts'
import type { DriverEvent } from '../sync/driver-events.ts'
import type { Transport } from '../sync/transports/transport.ts'
import { backoffMs } from './backoff.ts'
import type { TenantHost } from './host.ts'
import { listRefused } from './refused.ts'
import { Listeners, type ConnectionEvents, type ConnectionStatus } from './listeners.ts'

export interface ConnectionParts {
  readonly host: TenantHost
  /** Where it leads, for the list of known nodes; null for a transport that was given. */
  readonly url: string | null
  /** Opens a transport; called again after each cut. */
  readonly dial: (signal: AbortSignal) => Promise<Transport>
  /** Ids of the databases to sync, the directory first. */
  readonly databases: () => Promise<readonly Uint8Array[]>
  /** Tags of the collections that overtake others. */
  readonly urgent: (replica: Replica) => readonly Uint8Array[]
  /** Key of the node at this URL, as it is known; null before the first contact. */
  readonly node: () => Promise<Uint8Array | null>
  readonly rememberNode: (publicKey: Uint8Array) => Promise<void>
  /** Whether the user chose to stay disconnected. */
  readonly isChosenOffline: () => Promise<boolean>
  readonly chooseOffline: (offline: boolean) => Promise<void>
  readonly openPresence: (database: Uint8Array, device: Uint8Array, body: Uint8Array) => unknown
  readonly onClosed: () => void
}

/** The node does not let this device in, or is not the one that was meant. */
const refusingCodes: ReadonlySet<string> = new Set(['FORBIDDEN', 'NOT_FOUND', 'TAMPERED', 'UNSUPPORTED_VERSION'])
/** After these trying again may help at once: the line was cut, or the node was busy or stopping. */
const passingCodes: ReadonlySet<string> = new Set(['OFFLINE', 'CLOSED', 'RATE_LIMITED'])
/** As many attempts as it takes to wait longest. */
const manyAttempts = 16

export class Connection {
  readonly #parts: ConnectionParts
  readonly #listeners = new Listeners()
  #status: ConnectionStatus = 'connecting'
  #session: SyncDriver | null = null
  #dialing: AbortController | null = null
  #attempt = 0
  #cancelRetry: () => void = () => undefined
  /** Databases that have been brought up to date since the connection was made, by id in hex. */
  readonly #current = new Set<string>()
  readonly #wanted = new Map<string, Uint8Array>()
  readonly #watched = new Map<string, () => void>()
  /** Record numbers of the last refusals that were told, by database. */
  readonly #refusedUpTo = new Map<string, number>()
  #lastError: VarveError | null = null
  #expected: Uint8Array | null = null
  #closed = false
  #chosenOffline = false

  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.#begin().catch((error: unknown) => {
      this.#lost(asError(error))
    })
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  get url(): string | null {
    return this.#parts.url
  }

  /** Why the last attempt ended, or what a peer reported; null while nothing went wrong. */
  get error(): VarveError | null {
    return this.#lastError
  }

  /** Commits of this device, in databases that are open here, that the recorder has not spoken of. */
  get pending(): number {
    let count = 0
    for (const replica of this.#replicas.values()) count += pendingOf(replica)
    return count
  }

  readonly #replicas = new Map<string, Replica>()

  /** Calls `fn` on every event of the kind; returns a function that stops it. */
  on<Kind extends keyof ConnectionEvents>(event: Kind, fn: (value: ConnectionEvents[Kind]) => void): () => void {
    return this.#listeners.on(event, fn)
  }

  /**
   * Resolves when all local commits are recorded and everything the node had when this was called is here. Rejects
   * with `CLOSED` when the connection is closed first, and with the node's reason when it refuses this device.
   */
  settled(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#reached(() => this.pending === 0, options.signal)
  }

  /** The same without waiting for the recorder: the node holds all that this device does, recorded or not. */
  delivered(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#reached(() => true, options.signal)
  }

  async #reached(isEnough: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      signal?.throwIfAborted()
      if (this.#closed) throw closedError()
      if (this.#status === 'refused') throw this.#lastError ?? closedError()
      const session = this.#session
      if (this.#status === 'live' && session !== null && (await session.barrier()) && isEnough()) return
      if (this.#session === session && this.#status === 'live' && isEnough()) continue
      await this.#listeners.next(signal)
    }
  }

  /** Disconnects until `reconnect` is called, also after restarts: nothing is tried meanwhile. */
  async disconnect(): Promise<void> {
    await this.#parts.chooseOffline(true)
    this.#chosenOffline = true
    this.#hangUp()
    this.#become('offline')
  }

  /** Ends a chosen disconnect, or tries again at once. */
  async reconnect(): Promise<void> {
    if (this.#closed) throw closedError()
    await this.#parts.chooseOffline(false)
    this.#chosenOffline = false
    this.#attempt = 0
    await this.#dial()
  }

  /** Syncs a database that was opened after the connection was made. */
  add(database: Uint8Array): void {
    const name = toHex(database)
    if (this.#wanted.has(name) || this.#closed) return
    this.#wanted.set(name, database)
    const session = this.#session
    if (session === null || (this.#status !== 'live' && this.#status !== 'catching-up')) return
    this.#become('catching-up')
    this.#open(session, database)
  }

  /** Tells the other members who have the database open where this one is; `body` is sealed already. */
  sendPresence(database: Uint8Array, body: Uint8Array): void {
    this.#session?.presence(database, this.#parts.host.device.publicKey, body)
  }

  /** Tells the node of new appointments. */
  appointed(): void {
    this.#session?.appointed()
  }

  /** Idempotent; what was stored stays, and goes on syncing at the next connection. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#hangUp()
    for (const stop of this.#watched.values()) stop()
    this.#watched.clear()
    this.#become('offline')
    this.#parts.onClosed()
    await Promise.resolve()
  }

  async #begin(): Promise<void> {
    this.#chosenOffline = await this.#parts.isChosenOffline()
    for (const database of await this.#parts.databases()) this.#wanted.set(toHex(database), database)
    if (this.#closed) return
    if (this.#chosenOffline) this.#become('offline')
    else await this.#dial()
  }

  /** One attempt at a time, whoever asks for it: the user, a timer or the beginning. */
  async #dial(): Promise<void> {
    if (this.#closed || this.#session !== null || this.#dialing !== null) return
    this.#cancelRetry()
    const dialing = new AbortController()
    this.#dialing = dialing
    this.#become('connecting')
    try {
      this.#expected = await this.#parts.node()
      const transport = await this.#parts.dial(dialing.signal)
      if (dialing.signal.aborted) {
        transport.close()
        return
      }
      this.#become('authenticating')
      this.#session = this.#start(transport)
    } catch (error) {
      const failed = asError(error)
      if (!dialing.signal.aborted) this.#lost(failed, failed.code === 'INVALID')
    } finally {
      if (this.#dialing === dialing) this.#dialing = null
    }
  }

  #start(transport: Transport): SyncDriver {
    const session: SyncDriver = new SyncDriver({
      role: 'initiator',
      transport,
      host: this.#parts.host,
      expects: (publicKey) => this.#refusesNode(publicKey),
      on: (event) => {
        this.#told(session, event)
      },
    })
    return session
  }

  /** The recorder is always welcome; another node must be the one that was here before. */
  #refusesNode(publicKey: Uint8Array): VarveError | null {
    const expected = this.#expected
    if (this.#parts.host.isRecorder(publicKey) || expected === null || equalBytes(expected, publicKey)) return null
    return new VarveError(
      'TAMPERED',
      `Another node answers at ${this.url ?? 'the other end'} than before: it has the key ${toHex(publicKey)}; ask who runs it`,
    )
  }

  #told(session: SyncDriver, event: DriverEvent): void {
    if (this.#session !== null && this.#session !== session) return
    switch (event.event) {
      case 'ready':
        this.#ready(session, event.publicKey)
        break
      case 'current':
        this.#upToDate(session, event.database)
        break
      case 'taken':
        this.#listeners.emit('progress', this.#progress(event))
        break
      case 'drained':
        break
      case 'presence':
        this.#listeners.emit('presence', {
          database: toHex(event.database),
          device: toHex(event.device),
          state: this.#parts.openPresence(event.database, event.device, event.body),
        })
        break
      case 'error':
        this.#lastError = event.error
        this.#listeners.emit('problem', event.error)
        if (event.database !== null) this.#troubled(session, event.database, event.error)
        break
      case 'closed':
        this.#session = null
        if (!this.#closed && !this.#chosenOffline) this.#lost(event.error)
        break
    }
  }

  /** A failing disk is tried on a new connection; what an error closed is opened again after a while. */
  #troubled(session: SyncDriver, database: Uint8Array, error: VarveError): void {
    const { env } = this.#parts.host
    if (error.code === 'STORE_FAILED') session.stop(error)
    if (this.#session !== session || session.has(database)) return
    this.#current.delete(toHex(database))
    if (this.#status === 'live') this.#become('catching-up')
    env.timer(
      () => {
        if (this.#session === session && !session.has(database)) this.#open(session, database)
      },
      backoffMs(manyAttempts, env),
    )
  }

  #progress(event: Extract<DriverEvent, { readonly event: 'taken' }>): ConnectionEvents['progress'] {
    const { commits, receipts } = event
    return { database: toHex(event.database), commits, receipts, pending: this.pending }
  }

  #ready(session: SyncDriver, publicKey: Uint8Array): void {
    this.#attempt = 0
    this.#lastError = null
    this.#current.clear()
    this.#become('catching-up')
    if (this.#expected === null) {
      this.#parts.rememberNode(publicKey).catch((error: unknown) => {
        session.stop(asError(error))
      })
    }
    this.#open(session, this.#parts.host.directory)
  }

  #upToDate(session: SyncDriver, database: Uint8Array): void {
    this.#current.add(toHex(database))
    if (equalBytes(database, this.#parts.host.directory)) {
      for (const wanted of this.#wanted.values()) if (!session.has(wanted)) this.#open(session, wanted)
    }
    const all = [...this.#wanted.keys()].every((name) => this.#current.has(name))
    if (all && this.#status === 'catching-up') this.#become('live')
    else this.#listeners.emit('changed', undefined)
  }

  #open(session: SyncDriver, database: Uint8Array): void {
    this.#watch(database)
      .then((replica) => session.open(database, this.#parts.urgent(replica)))
      .catch((error: unknown) => {
        session.stop(asError(error))
      })
  }

  /** Tells of verdicts on own commits as they come. */
  async #watch(database: Uint8Array): Promise<Replica> {
    const name = toHex(database)
    const replica = await this.#parts.host.replica(database, null)
    if (this.#watched.has(name)) return replica
    this.#replicas.set(name, replica)
    let before = pendingOf(replica)
    const stop = replica.onWrite(() => {
      const now = pendingOf(replica)
      if (now < before) this.#recorded(name, replica, before - now)
      before = now
      this.#listeners.emit('changed', undefined)
    })
    this.#watched.set(name, stop)
    return replica
  }

  #recorded(database: string, replica: Replica, commits: number): void {
    this.#listeners.emit('recorded', { database, commits, pending: this.pending })
    this.#tellRefused(database, replica).catch((error: unknown) => {
      if (!this.#closed) this.#listeners.emit('problem', asError(error))
    })
  }

  async #tellRefused(database: string, replica: Replica): Promise<void> {
    for (const refused of await listRefused(replica, this.#refusedUpTo.get(database))) {
      if (refused.record <= (this.#refusedUpTo.get(database) ?? -1)) continue
      this.#refusedUpTo.set(database, refused.record)
      this.#listeners.emit('refused', { database, ...refused })
      if (refused.code === 'CLOCK_AHEAD' && !clockAgrees(replica)) this.#compareClocks()
    }
  }

  /** The clock went wrong while the connection stood: a handshake compares it with the recorder's. */
  #compareClocks(): void {
    const peer = this.#session?.peer ?? null
    if (peer !== null && this.#parts.host.isRecorder(peer)) this.#session?.stop(null)
  }

  /** Another attempt follows, unless the URL is `unusable` or another node answers there. */
  #lost(error: VarveError | null, unusable = false): void {
    if (this.#closed) return
    this.#hangUp()
    if (error !== null) this.#lastError = error
    const refused = error !== null && (refusingCodes.has(error.code) || unusable)
    this.#become(refused ? 'refused' : 'offline')
    if (unusable || error?.code === 'TAMPERED') return
    const passing = error === null || passingCodes.has(error.code)
    const wait = backoffMs(passing ? this.#attempt++ : manyAttempts, this.#parts.host.env)
    this.#cancelRetry = this.#parts.host.env.timer(() => {
      if (this.#closed || this.#chosenOffline || this.#session !== null) return
      void this.#dial()
    }, wait)
  }

  #hangUp(): void {
    this.#cancelRetry()
    this.#dialing?.abort()
    this.#dialing = null
    const session = this.#session
    this.#session = null
    session?.stop(null)
  }

  #become(status: ConnectionStatus): void {
    if (this.#status !== status) {
      this.#status = status
      this.#listeners.emit('status', status)
    }
    this.#listeners.emit('changed', undefined)
  }
}

function pendingOf(replica: Replica): number {
  let count = 0
  for (const feed of replica.feeds.values()) {
    if (equalBytes(feed.publicKey, replica.context.device.publicKey)) count += feed.length - feed.recorded
  }
  return count
}

function asError(error: unknown): VarveError {
  if (isVarveError(error)) return error
  return new VarveError('OFFLINE', 'The connection failed unexpectedly: it will be tried again', { cause: error })
}

function closedError(): VarveError {
  return new VarveError('CLOSED', 'The connection is closed: connect again')
}
