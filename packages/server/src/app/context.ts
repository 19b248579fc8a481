/** What every route of the app works with. */

import type { Context, Hono } from 'hono'
import type { Env, Logger } from 'varve/engine'
import type { SyncEntry, ServedTenants } from '../contract.ts'
import type { Disposals } from '../chunks/disposals.ts'
import type { ChunkShelf } from '../chunks/shelf.ts'
import type { Mailbox } from '../invitations/mailbox.ts'
import type { ServerLimits } from '../limits.ts'
import type { RequestLimit } from '../observe/request-limit.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Caller, Sessions } from '../sessions/sessions.ts'

/** Types of the app for Hono: what the entry says of a request, and what middleware says to routes. */
export interface AppEnv {
  Bindings: {
    /** Address of the direct peer; absent when the app is called without a socket. */
    readonly peer?: string
  }
  Variables: {
    /** Id of the request in log and answer. */
    id: string
    /** Address of the client: the peer, or what a trusted proxy says. */
    address: string
    caller: Caller
  }
}

export type App = Hono<AppEnv>
export type AppContext = Context<AppEnv>

/** Below it are the requests of sync streams that are open, one after the other. */
export const streamSessions = '/v1/sync/stream/'

export interface AppParts {
  readonly tenants: ServedTenants
  readonly sessions: Sessions
  readonly mailbox: Mailbox
  readonly chunks: ChunkShelf
  readonly disposals: Disposals
  readonly sync: SyncEntry | null
  readonly metrics: Metrics
  readonly requests: RequestLimit
  readonly limits: ServerLimits
  /** Origins of web pages that may use `/v1` from a browser. */
  readonly origins: readonly string[]
  readonly env: Env
  readonly log: Logger
  /** Hash of the token that publishing needs; null when anybody may publish. */
  readonly publishHash: Uint8Array | null
  /** The client behind a peer, see `node/address.ts`. */
  readonly clientOf: (peer: string, forwarded: string | undefined) => string
  /** True when what the peer says about the client counts. */
  readonly trusts: (peer: string) => boolean
  readonly version: string
  /** Unix milliseconds. */
  readonly startedAt: number
  /** True once `close` was called. */
  readonly stopping: () => boolean
  readonly secure: boolean
}
