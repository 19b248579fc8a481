/** One connection pool to a MongoDB, shared by all stores of a process. */

import { MongoClient } from 'mongodb'
import { VarveError } from 'varve/engine'
import { Closing } from '../closing.ts'
import { fail, repeated, shownUrl, type Place } from './errors.ts'

export interface MongodbClientOptions {
  /** `mongodb://…` or `mongodb+srv://…`, with user, password and options. Never shown in errors. */
  readonly url: string
  /** Connections at most; 32 by default. */
  readonly connections?: number
  /** Milliseconds a call waits for a primary; 10,000 by default. */
  readonly waitMs?: number
  /** Milliseconds a server has to answer a request; 60,000 by default. */
  readonly answerMs?: number
}

export interface MongodbHealth {
  readonly ok: boolean
  /** Milliseconds of a request and its answer; null without one. */
  readonly ms: number | null
  /** What is wrong; null when nothing is. */
  readonly problem: string | null
}

export interface MongodbClient {
  /** The server, without credentials. */
  readonly url: string
  /** The connected driver; connects at the first call. Throws `UNSUPPORTED` for a standalone server. */
  connect(): Promise<MongoClient>
  health(): Promise<MongodbHealth>
  /** Connections that are open, and of these the ones that nobody uses; calls that wait for one. Asks nobody. */
  figures(): { readonly connections: number; readonly idle: number; readonly waiting: number }
  /** How long the stores of this client wait at their end, when the server is away. */
  readonly closing: Closing
  /**
   * Closes all connections; afterwards calls fail with `CLOSED`. A server that does not answer is waited for 5 s, and not
   * when it is known to be `away`.
   */
  close(away?: boolean): Promise<void>
}

/** MongoDB 6.0: collections ordered by their key came with 5.3. */
const leastWireVersion = 17

/** Milliseconds that a server has to take a connection, or to tell that it is there; and between two such questions. */
const connectMs = 5_000
const watchMs = 2_000

export function mongodbClient(options: MongodbClientOptions): MongodbClient {
  const url = shownUrl(options.url)
  const place: Place = { url, database: 'admin', store: null }
  let client: Promise<MongoClient> | null = null
  let closed = false
  const closing = new Closing()
  let counts = { connections: 0, used: 0, waiting: 0 }

  async function openClient(): Promise<MongoClient> {
    const made = makeClient(options, place)
    counts = counted(made)
    try {
      await made.connect()
      checkServer(await repeated(() => made.db('admin').command({ hello: 1 })), url)
      return made
    } catch (error) {
      client = null
      await made.close().catch(() => undefined)
      return fail(error, place)
    }
  }

  async function connect(): Promise<MongoClient> {
    if (closed) throw new VarveError('CLOSED', `The client of ${url} is closed: make a new one`, { details: { url } })
    client ??= openClient()
    return client
  }

  return {
    url,
    connect,
    closing,
    async health() {
      const begun = performance.now()
      try {
        await (await connect()).db('admin').command({ ping: 1 })
        return { ok: true, ms: performance.now() - begun, problem: null }
      } catch (error) {
        const problem = error instanceof VarveError ? error.message : `${url} does not answer`
        return { ok: false, ms: null, problem }
      }
    },
    figures: () => {
      const { connections, used, waiting } = counts
      return { connections, idle: Math.max(0, connections - used), waiting }
    },
    async close(away = false) {
      closed = true
      if (away) closing.isAway()
      const open = client
      client = null
      // Whatever it still does ends with its connections.
      if (open !== null) await closing.within(() => open.then((each) => each.close())).catch(() => undefined)
    },
  }
}

function makeClient(options: MongodbClientOptions, place: Place): MongoClient {
  const { url, connections = 32, waitMs = 10_000, answerMs = 60_000 } = options
  try {
    return new MongoClient(url, {
      appName: 'varve',
      maxPoolSize: connections,
      serverSelectionTimeoutMS: waitMs,
      // Both together are how long a server that hangs is waited for before another is asked.
      connectTimeoutMS: Math.min(waitMs, connectMs),
      heartbeatFrequencyMS: watchMs,
      socketTimeoutMS: answerMs,
      promoteBuffers: true,
      retryReads: true,
      retryWrites: true,
      readPreference: 'primary',
    })
  } catch {
    // The driver's words hold the connection string.
    throw new VarveError(
      'INVALID',
      `The connection string of ${place.url} cannot be read: use mongodb://user:password@host/`,
      {
        details: { url: place.url },
      },
    )
  }
}

/** Follows what the pools of a client tell; the connections that watch its servers are not among them. */
function counted(client: MongoClient): { connections: number; used: number; waiting: number } {
  const counts = { connections: 0, used: 0, waiting: 0 }
  client.on('connectionCreated', () => counts.connections++)
  client.on('connectionClosed', () => counts.connections--)
  client.on('connectionCheckOutStarted', () => counts.waiting++)
  client.on('connectionCheckOutFailed', () => counts.waiting--)
  client.on('connectionCheckedOut', () => {
    counts.waiting--
    counts.used++
  })
  client.on('connectionCheckedIn', () => counts.used--)
  return counts
}

function checkServer(hello: Readonly<Record<string, unknown>>, url: string): void {
  const isReplicaSet = typeof hello['setName'] === 'string'
  if (!isReplicaSet && hello['msg'] !== 'isdbgrid') {
    throw new VarveError(
      'UNSUPPORTED',
      `${url} is a standalone MongoDB, which neither confirms writes by a majority nor tells of changes: make it a replica set (one server is enough)`,
      { details: { url } },
    )
  }
  const version = hello['maxWireVersion']
  if (typeof version !== 'number' || version < leastWireVersion) {
    throw new VarveError('UNSUPPORTED_VERSION', `${url} is older than MongoDB 6.0: use a newer one`, {
      details: { url, version, supported: leastWireVersion },
    })
  }
}
