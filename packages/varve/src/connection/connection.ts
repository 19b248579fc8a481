/** The connection of a tenant to a node: one for all databases, kept up until it is closed. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import type { VarveError } from '../errors.ts'
import type { Replica } from '../replica/replica.ts'
import type { SyncDriver } from '../sync/driver.ts'
import type { DriverEvent } from '../sync/driver-events.ts'
import { asError, closed, isPassing, isRefusal, revokedHere, spent } from './errors.ts'
import { Line, type LineParts } from './line.ts'
import { Listeners, type ConnectionEvents, type ConnectionStatus } from './listeners.ts'
import { OwnCommits } from './own-commits.ts'
import { Wanted } from './wanted.ts'

export interface ConnectionParts extends LineParts {
  /** Ids of the databases to sync, the directory first. */
  readonly databases: () => Promise<readonly Uint8Array[]>
  /** Tags of the collections that overtake others. */
  readonly urgent: (replica: Replica) => readonly Uint8Array[]
  /** Whether the user chose to stay disconnected. */
  readonly isChosenOffline: () => Promise<boolean>
  readonly chooseOffline: (offline: boolean) => Promise<void>
  readonly openPresence: (database: Uint8Array, device: Uint8Array, body: Uint8Array) => unknown
  /** Takes presence that concerns open texts; false for what is the application's. */
  readonly hear: (database: Uint8Array, state: unknown) => boolean
  readonly onClosed: () => void
}

export class Connection {
  readonly #parts: ConnectionParts
  readonly #listeners: Listeners
  readonly #own: OwnCommits
  readonly #wanted: Wanted
  readonly #line: Line
  readonly #unfollow: () => void
  #status: ConnectionStatus = 'connecting'
  #lastError: VarveError | null = null
  /** Why there is nothing to wait for any more. */
  #over: VarveError | null = null
  #chosenOffline = false

  constructor(parts: ConnectionParts) {
    const { env } = parts.host
    this.#parts = parts
    this.#listeners = new Listeners(env.log)
    this.#own = new OwnCommits(this.#listeners, () => {
      this.#compareClocks()
    })
    this.#wanted = new Wanted(env, (database) => {
      this.#open(database)
    })
    this.#line = new Line(parts, {
      began: (what) => {
        this.#become(what)
      },
      told: (event) => {
        this.#told(event)
      },
      lost: (error, unusable) => {
        this.#lost(error, unusable)
      },
    })
    this.#unfollow = parts.host.onStanding((device) => {
      this.#standingChanged(device)
    })
    this.#begin().catch((error: unknown) => {
      this.#lost(asError(error), false)
    })
  }

  get status(): ConnectionStatus {
    return this.#status
  }

  /** True once it was closed, or can do nothing any more. */
  get over(): boolean {
    return this.#over !== null
  }

  get url(): string | null {
    return this.#parts.url
  }

  /** Why the last attempt ended, or what a peer reported; null while nothing went wrong. */
  get error(): VarveError | null {
    return this.#lastError
  }

  /**
   * Commits of this device, in databases that are open here, that the recorder has not spoken of. Those of a feed that
   * is forked are not counted: they were reported as a problem, and will not be recorded.
   */
  get pending(): number {
    return this.#own.pending
  }

  /** Calls `fn` on every event of the kind; returns a function that stops it. What `fn` throws is logged. */
  on<Kind extends keyof ConnectionEvents>(event: Kind, fn: (value: ConnectionEvents[Kind]) => void): () => void {
    return this.#listeners.on(event, fn)
  }

  /**
   * Resolves when all local commits are recorded and everything the node had when this was called is here. Rejects
   * with `CLOSED` when the connection is closed first, with `OFFLINE` when its transport was given and has ended, with
   * the node's reason when it refuses this device, and with the error of a database that cannot be brought in step.
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
      const failure = this.#failure()
      if (failure !== null) throw failure
      const before = this.#listeners.changes
      const { session } = this.#line
      const even = this.#status === 'live' && session !== null && (await session.barrier())
      if (even && this.#line.session === session && this.#inStep() && isEnough()) return
      // What changed while the peer was asked is told to nobody again.
      if (this.#listeners.changes === before) await this.#listeners.next(signal)
    }
  }

  /** Why waiting is in vain; null while it is not. */
  #failure(): VarveError | null {
    if (this.#over !== null) return this.#over
    if (this.#status === 'refused') return this.#lastError ?? closed()
    return this.#isReady && this.#wanted.decided ? (this.#wanted.failure ?? this.#own.failure) : null
  }

  #inStep(): boolean {
    return this.#status === 'live' && this.#failure() === null
  }

  /** Disconnects until `reconnect` is called, also after restarts: nothing is tried meanwhile. */
  async disconnect(): Promise<void> {
    await this.#parts.chooseOffline(true)
    this.#chosenOffline = true
    this.#hangUp()
    this.#become('offline')
  }

  /** Ends a chosen disconnect, or tries again at once what failed, the connection or a database. */
  async reconnect(): Promise<void> {
    this.#assertOpen()
    await this.#parts.chooseOffline(false)
    this.#assertOpen()
    this.#chosenOffline = false
    this.#line.worked()
    if (this.#line.session === null) await this.#line.dial()
    else this.#wanted.openFailed()
    this.#judge()
  }

  /** Syncs a database that was opened after the connection was made. */
  add(database: Uint8Array): void {
    if (this.#over !== null || !this.#wanted.add(database)) return
    void this.#watch(database)
    if (this.#wanted.isCurrent(this.#parts.host.directory)) this.#wanted.open(database)
    this.#judge()
  }

  /** Tells the other members who have the database open where this one is; `body` is sealed already. */
  sendPresence(database: Uint8Array, body: Uint8Array): void {
    this.#line.session?.presence(database, this.#parts.host.device.publicKey, body)
  }

  /** Tells the node of new appointments. */
  appointed(): void {
    this.#line.session?.appointed()
  }

  /** Idempotent; what was stored stays, and goes on syncing at the next connection. */
  async close(): Promise<void> {
    if (this.#over === null) {
      this.#end(closed())
      this.#become('offline')
    }
    await Promise.resolve()
  }

  async #begin(): Promise<void> {
    this.#chosenOffline = await this.#parts.isChosenOffline()
    for (const database of await this.#parts.databases()) {
      // What waits there counts, also while there is no connection.
      if (this.#wanted.add(database)) void this.#watch(database)
    }
    if (this.#over !== null) return
    if (this.#chosenOffline) this.#become('offline')
    else await this.#line.dial()
  }

  #told(event: DriverEvent): void {
    switch (event.event) {
      case 'ready':
        this.#ready()
        break
      case 'current':
        this.#wanted.current(event.database)
        if (this.#isDirectory(event.database)) this.#wanted.openClosed()
        this.#judge()
        break
      case 'taken':
        this.#listeners.emit('progress', this.#progress(event))
        break
      case 'given':
      case 'drained':
        break
      case 'presence':
        this.#present(event)
        break
      case 'error':
        if (event.database !== null) this.#own.reported(event.database, event.error)
        this.#problem(event.error)
        break
      case 'stuck':
        this.#wanted.stuck(event.database, event.error)
        this.#judge()
        break
      case 'ended':
        this.#failed(event.database, event.error ?? closed())
        break
      case 'closed':
        break
    }
  }

  #present({ database, device, body }: Extract<DriverEvent, { readonly event: 'presence' }>): void {
    const state = this.#parts.openPresence(database, device, body)
    if (this.#parts.hear(database, state)) return
    this.#listeners.emit('presence', { database: toHex(database), device: toHex(device), state })
  }

  #isDirectory(database: Uint8Array): boolean {
    return equalBytes(database, this.#parts.host.directory)
  }

  #progress(event: Extract<DriverEvent, { readonly event: 'taken' }>): ConnectionEvents['progress'] {
    const { commits, receipts } = event
    return { database: toHex(event.database), commits, receipts, pending: this.pending }
  }

  #problem(error: VarveError): void {
    this.#lastError = error
    this.#listeners.emit('problem', error)
  }

  #ready(): void {
    this.#lastError = null
    this.#wanted.begin()
    this.#own.begin()
    this.#become('catching-up')
    this.#wanted.open(this.#parts.host.directory)
  }

  get #isReady(): boolean {
    return this.#status === 'live' || this.#status === 'catching-up'
  }

  /** Whether everything is in step now. What cannot be does not count, unless the node is at odds with this device. */
  #judge(): void {
    if (!this.#isReady) return
    const { decided, disputed } = this.#wanted
    if (decided) this.#line.worked()
    this.#become(decided && !disputed ? 'live' : 'catching-up')
  }

  #open(database: Uint8Array): void {
    const { session } = this.#line
    if (session === null) return
    this.#openOn(session, database).catch((error: unknown) => {
      if (this.#line.session !== session) return
      this.#problem(asError(error))
      this.#failed(database, asError(error))
    })
  }

  async #openOn(session: SyncDriver, database: Uint8Array): Promise<void> {
    const replica = await this.#watch(database)
    if (replica !== null) await session.open(database, this.#parts.urgent(replica))
  }

  /** Without the directory nothing goes on; of another database the rest does not hear. */
  #failed(database: Uint8Array, error: VarveError): void {
    if (this.#isDirectory(database)) this.#line.session?.stop(error)
    else {
      this.#wanted.ended(database, error)
      this.#judge()
    }
  }

  /** The replica of a database, whose verdicts are told from now on; null when it could not be opened on this device. */
  async #watch(database: Uint8Array): Promise<Replica | null> {
    try {
      const replica = await this.#parts.host.replica(database, null)
      this.#own.watch(replica)
      return replica
    } catch (error) {
      const failed = asError(error)
      if (this.#isDirectory(database)) this.#line.session?.stop(failed)
      // When it is opened after all, `add` is called again.
      else if (!this.#wanted.remove(database)) return null
      if (this.#over === null) this.#problem(failed)
      this.#judge()
      return null
    }
  }

  /** The clock went wrong while the connection stood: a handshake compares it with the recorder's. */
  #compareClocks(): void {
    const { session } = this.#line
    const peer = session?.peer ?? null
    if (peer !== null && this.#parts.host.isRecorder(peer)) session?.stop(null)
  }

  /** This device may hear of its revocation in another way, while this waits for the next attempt. */
  #standingChanged(device: Uint8Array): void {
    const { host } = this.#parts
    if (this.#line.session === null && host.isRevoked && equalBytes(device, host.device.publicKey))
      this.#lost(null, false)
  }

  /**
   * Another attempt follows, unless none can be made, another node answers, the transport was given, or this device
   * was revoked. A node's mere word for that does not count: its directory must say so here.
   */
  #lost(error: VarveError | null, unusable: boolean): void {
    if (this.#over !== null || this.#chosenOffline) return
    this.#hangUp()
    const inVain = unusable || error?.code === 'TAMPERED'
    const revoked = !inVain && this.#parts.host.isRevoked
    const reason = revoked ? revokedHere(error) : error
    if (reason !== null) this.#lastError = reason
    if (this.url === null) this.#end(reason ?? spent())
    this.#become(unusable || isRefusal(reason) ? 'refused' : 'offline')
    if (this.#over === null && !inVain && !revoked) this.#line.again(!isPassing(error))
  }

  #hangUp(): void {
    this.#line.hangUp()
    this.#wanted.pause()
  }

  /** Nothing comes any more. */
  #end(reason: VarveError): void {
    this.#over = reason
    this.#hangUp()
    this.#own.stop()
    this.#unfollow()
    this.#parts.onClosed()
  }

  #assertOpen(): void {
    if (this.#over !== null) throw this.#over
  }

  #become(status: ConnectionStatus): void {
    if (this.#status !== status) {
      this.#status = status
      this.#listeners.emit('status', status)
    }
    this.#listeners.emit('changed', undefined)
  }
}
