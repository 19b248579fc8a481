/** A thing with a lifetime: the connections to one PostgreSQL server, shared by any number of stores. */

import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool, type PoolClient, type PoolConfig } from 'pg'
import { VarveError } from 'varve/engine'
import { Closing } from '../closing.ts'
import { allInUse, ConnectFailure, explained, isOpen, isPassing, isStandby } from './errors.ts'
import { Listener, type Told } from './listener.ts'
import { runPipeline, type Row, type Statement } from './pipeline.ts'
import { checkServer, connectionOf, shownUrl } from './server.ts'

export interface PostgresPoolOptions {
  /**
   * `postgres://user:password@host:port/database`, or several of them, of which the first is used that takes writes:
   * the driver does not read URLs of several hosts.
   */
  readonly url: string | readonly string[]
  /** Where to wait for notifications, when `url` leads to a pooler that gives connections to others between statements. */
  readonly listenUrl?: string
  /** Connections at most, besides the one that waits for notifications; 10 by default. */
  readonly max?: number
  /** Milliseconds after which a connection that nobody uses is closed; 60,000 by default. */
  readonly idleMs?: number
  /** Milliseconds that a new connection, and waiting for a free one, may take; 5,000 by default. */
  readonly connectMs?: number
  /** Milliseconds that calls wait for a server that restarts or fails over; 10,000 by default. */
  readonly reconnectMs?: number
  /** Milliseconds that a statement may take; 60,000 by default. */
  readonly statementMs?: number
}

export interface PoolFigures {
  /** Connections that are open, and of these the ones that nobody uses; calls that wait for one. */
  readonly connections: number
  readonly idle: number
  readonly waiting: number
}

export interface PostgresHealth extends PoolFigures {
  /** Whether a statement was answered by a server that takes writes. */
  readonly ok: boolean
  /** How long that took, in milliseconds. */
  readonly latencyMs: number
  /** Why it is not well; null when it is. */
  readonly problem: string | null
}

const firstPauseMs = 20
const longestPauseMs = 500
/** Plans and compiled functions of a connection go with it. */
const connectionSeconds = 3600

export class PostgresPool {
  readonly #urls: readonly string[]
  readonly #options: Required<Omit<PostgresPoolOptions, 'url' | 'listenUrl'>>
  readonly #listener: Listener
  /** How long the stores of this pool wait at their end, when the server is away. */
  readonly closing = new Closing()
  readonly #clients = new Set<PoolClient>()
  #turn = 0
  #pool: Pool | null = null
  /** When the server started that the last new connection led to. */
  #started: string | null = null
  #servers = 0
  #closed = false

  constructor(options: PostgresPoolOptions) {
    const { url, listenUrl, max = 10, idleMs = 60_000, connectMs = 5000, reconnectMs = 10_000 } = options
    this.#urls = typeof url === 'string' ? [url] : [...url]
    if (this.#urls.length === 0) throw new VarveError('INVALID', 'A PostgreSQL pool needs the URL of a server')
    for (const each of this.#urls) shownUrl(each)
    this.#options = { max, idleMs, connectMs, reconnectMs, statementMs: options.statementMs ?? 60_000 }
    this.#listener = new Listener(() => ({ ...connectionOf(listenUrl ?? this.#url), ...this.#timing() }))
  }

  /** The server as messages name it: host, port and database, without who connects. */
  get where(): string {
    return `PostgreSQL at ${shownUrl(this.#url)}`
  }

  get #url(): string {
    return this.#urls[this.#turn % this.#urls.length] ?? ''
  }

  /** Asks nobody. */
  get figures(): PoolFigures {
    const { totalCount = 0, idleCount = 0, waitingCount = 0 } = this.#pool ?? {}
    return { connections: totalCount, idle: idleCount, waiting: waitingCount }
  }

  /** Counts the servers that connections led to, one after the other: another one may lack what the last one answered. */
  get server(): number {
    return this.#servers
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#pool?.totalCount ?? 0
  }

  /**
   * The rows of each statement. All of them go out at once, in one transaction, on any connection. Fails with a
   * `PipelineFailure` or a `ConnectFailure`.
   */
  async run(statements: readonly Statement[]): Promise<readonly (readonly Row[])[]> {
    const pool = this.#open()
    const client = await this.#client(pool)
    try {
      // The server gives up first, so that it is known what became of the statements.
      const rows = await runPipeline(client, statements, this.#options.statementMs + 5000)
      client.release()
      return rows
    } catch (failure) {
      client.release(isOpen(failure) || isStandby(failure))
      if (isStandby(failure)) this.#giveUp(pool)
      throw failure
    }
  }

  /** Like `run`, for statements that may be repeated; waits for a server that restarts or fails over. */
  ask(statements: readonly Statement[], where = this.where): Promise<readonly (readonly Row[])[]> {
    return this.patiently(() => this.run(statements), where)
  }

  /** Calls again while the failure is a passing one and time is left; then fails with a Varve error. */
  async patiently<T>(call: () => Promise<T>, where = this.where): Promise<T> {
    const end = performance.now() + this.#options.reconnectMs
    for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, longestPauseMs)) {
      try {
        return await call()
      } catch (failure) {
        if (!isPassing(failure) || performance.now() + pause > end || this.#closed) throw explained(failure, where)
      }
      await sleep(pause)
    }
  }

  /** Waits for notifications with this payload. */
  notified(payload: string): Told {
    return this.#listener.wait(payload)
  }

  /** Asks the server; never fails. */
  async health(): Promise<PostgresHealth> {
    const started = performance.now()
    let problem: string | null = ''
    for (let left = this.#urls.length; left > 0 && problem !== null; left--) problem = await this.#problem()
    return { ok: problem === null, latencyMs: performance.now() - started, ...this.figures, problem }
  }

  async #problem(): Promise<string | null> {
    const { where } = this
    try {
      await this.run([{ text: 'SELECT 1', values: [] }])
      return null
    } catch (failure) {
      return explained(failure, where).message
    }
  }

  /**
   * Ends every connection once it is free, and those whose server does not answer after 5 s, or soon when it is known to
   * be `away`. Stores that are open fail from then on: close them first. Idempotent.
   */
  async close(away = false): Promise<void> {
    if (this.#closed) return
    if (away) this.closing.isAway()
    this.#closed = true
    const pool = this.#pool
    this.#pool = null
    const isInTime = await this.closing.within(async () => {
      await Promise.all([this.#listener.close(), pool?.end()])
    })
    // One that is in use is cut off by this.
    if (!isInTime) for (const client of this.#clients) client.end().catch(() => undefined)
  }

  #open(): Pool {
    if (this.#closed) throw new VarveError('CLOSED', 'The PostgreSQL pool is closed: make another one')
    this.#pool ??= this.#make()
    return this.#pool
  }

  #make(): Pool {
    const { max, idleMs, statementMs } = this.#options
    const config: PoolConfig = {
      ...connectionOf(this.#url),
      ...this.#timing(),
      max,
      idleTimeoutMillis: idleMs,
      maxLifetimeSeconds: connectionSeconds,
      allowExitOnIdle: true,
      verify: (client, done) => void this.#verify(client, statementMs, done),
    }
    const pool = new Pool(config)
    // A connection that breaks while nobody uses it is taken out by the pool; one in use fails its statements.
    pool.on('error', () => undefined)
    pool.on('connect', (client) => {
      client.on('error', () => undefined)
      this.#clients.add(client)
    })
    pool.on('remove', (client) => this.#clients.delete(client))
    return pool
  }

  /** The pool waits for `done`, and closes a connection that is called back with an error. */
  async #verify(client: PoolClient, statementMs: number, done: (error?: Error) => void): Promise<void> {
    try {
      const started = await checkServer(client, statementMs)
      if (this.#started !== null && this.#started !== started) this.#servers++
      this.#started = started
    } catch (error) {
      done(error instanceof Error ? error : new Error('the server cannot be used', { cause: error }))
      return
    }
    done()
  }

  #timing(): { readonly connectionTimeoutMillis: number; readonly keepAlive: boolean } {
    return { connectionTimeoutMillis: this.#options.connectMs, keepAlive: true }
  }

  async #client(pool: Pool): Promise<PoolClient> {
    try {
      return await pool.connect()
    } catch (error) {
      // When all are in use, waiting for one took too long, which another server would not help.
      const isBusy = pool.totalCount >= this.#options.max
      if (isBusy) throw new ConnectFailure(Object.assign(new Error('all connections are in use'), { code: allInUse }))
      if (this.#urls.length > 1 || isStandby(error)) this.#giveUp(pool)
      throw new ConnectFailure(error)
    }
  }

  /** The next connection is made anew, to the next server if there is one: this one does not take writes. */
  #giveUp(pool: Pool): void {
    if (this.#pool !== pool) return
    this.#pool = null
    this.#turn++
    // What it still runs ends by itself.
    pool.end().catch(() => undefined)
  }
}

/** Connections to a PostgreSQL server, made when they are needed; nothing happens before the first use. */
export function postgresPool(options: PostgresPoolOptions): PostgresPool {
  return new PostgresPool(options)
}
