/** What the driver's and the server's errors mean in Varve's words, without addresses' credentials. */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  MongoWriteConcernError,
} from 'mongodb'
import { isVarveError, VarveError } from 'varve/engine'

/** Where an error happened. */
export interface Place {
  /** The server without credentials. */
  readonly url: string
  readonly database: string
  readonly store: string | null
}

export const errorCode = {
  duplicate: 11_000,
  unauthorized: 13,
  authenticationFailed: 18,
  namespaceExists: 48,
  writeConflict: 112,
  outOfSpace: 14_031,
} as const

/** Codes of a server that is stepping down, shutting down or not the primary, and of writes without a majority. */
const passing: ReadonlySet<number> = new Set([
  6, 7, 50, 63, 64, 89, 91, 100, 107, 112, 133, 134, 189, 202, 225, 234, 251, 262, 317, 358, 384, 402, 9001, 10_058,
  10_107, 11_600, 11_602, 13_435, 13_436,
])

/** Runs `work`, whose failures come out as Varve errors. */
export async function guarded<T>(place: Place, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    return fail(error, place)
  }
}

/** Throws `error` as a Varve error; never returns. */
export function fail(error: unknown, place: Place): never {
  if (isVarveError(error)) throw error
  const server = codeOf(error)
  const details = { server: place.url, database: place.database, store: place.store, code: server ?? nameOf(error) }
  const options = { details, cause: causeOf(error), retryable: isPassing(error) || server === errorCode.outOfSpace }
  throw new VarveError(
    'STORE_FAILED',
    `${meaning(error, server)} (database "${place.database}" at ${place.url})`,
    options,
  )
}

export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === errorCode.duplicate
}

/** Whether the same call may succeed later: also when nobody knows what became of this one. */
export function isPassing(error: unknown): boolean {
  if (isNetwork(error)) return true
  if (error instanceof MongoServerSelectionError || error instanceof MongoWriteConcernError) return true
  const code = codeOf(error)
  if (code !== null)
    return passing.has(code) || hasLabel(error, 'RetryableWriteError') || hasLabel(error, 'TransientTransactionError')
  // Without a code of the server it is the network, a closed pool, or a time limit.
  return (
    error instanceof MongoError &&
    !isClosed(error) &&
    !/^Mongo(?:InvalidArgument|API|Parse|Compatibility|MissingDependency)Error$/.test(error.name)
  )
}

/** Whether the client was closed, after which nothing is sent any more. */
export function isClosed(error: unknown): boolean {
  return (
    error instanceof Error && /^Mongo(?:ClientClosed|NotConnected|ServerClosed|TopologyClosed)Error$/.test(error.name)
  )
}

/** Codes of a read whose cursor ended with its server, or with what that server had to undo. */
const cutOff: ReadonlySet<number> = new Set([43, 175, 237, 11_601])

/** Milliseconds for which a request is repeated; each attempt waits for a primary besides. */
const repeatMs = 10_000
const longestPauseMs = 200

/**
 * Runs a request that may be repeated, as a read. The driver repeats one once: after a server's end, or in an election,
 * that can be on another connection to what is no longer there. It does not when its sockets throw as they are.
 */
export async function repeated<T>(request: () => Promise<T>): Promise<T> {
  const begun = performance.now()
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await request()
    } catch (error) {
      const code = codeOf(error) ?? 0
      const isOfTheWay = isNetwork(error) || error instanceof MongoNetworkError || passing.has(code) || cutOff.has(code)
      if (!isOfTheWay || performance.now() - begun > repeatMs) throw error
    }
    await sleep(pauseMs)
  }
}

/** The driver lets an error of its socket through as it is when it waits for room to write. */
function isNetwork(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof MongoError || isVarveError(error)) return false
  return 'code' in error && typeof error.code === 'string'
}

export function hasLabel(error: unknown, label: string): boolean {
  return error instanceof MongoError && error.hasErrorLabel(label)
}

export function codeOf(error: unknown): number | null {
  if (!(error instanceof MongoServerError || error instanceof MongoBulkWriteError)) return null
  return typeof error.code === 'number' ? error.code : null
}

function meaning(error: unknown, code: number | null): string {
  if (code === errorCode.outOfSpace) return 'The disk of MongoDB is full: make room and try again'
  if (code === errorCode.unauthorized)
    return 'MongoDB does not permit this: give the user the role readWrite on the database'
  if (code === errorCode.authenticationFailed) return 'MongoDB refuses the user or the password: check them'
  if (error instanceof MongoServerSelectionError)
    return 'No primary of MongoDB could be reached: check the servers and the network'
  if (error instanceof MongoWriteConcernError || code === 64)
    return 'MongoDB could not confirm a write on a majority of its servers: check them'
  if (isPassing(error)) return 'MongoDB could not answer, because of the network or a change of its primary: try again'
  return `MongoDB failed${code === null ? '' : ` with code ${code}`}: look into its log`
}

/** All of an error that surely holds no credentials. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}

/** Of the driver's errors only what is no text: they may hold the connection string. */
function causeOf(error: unknown): unknown {
  if (error instanceof MongoServerError) return new Error(`${error.name}: ${error.codeName ?? error.code ?? 'unknown'}`)
  return error instanceof MongoError ? new Error(error.name) : error
}

/** A connection string without user, password and options; where it cannot be told apart, without anything. */
export function shownUrl(url: string): string {
  const [, scheme = 'mongodb://', rest = ''] = /^(mongodb(?:\+srv)?:\/\/)(.*)$/s.exec(url) ?? []
  const options = rest.indexOf('?')
  const start = rest.lastIndexOf('@') + 1
  if (options !== -1 && start > options) return scheme
  const hosts = /^[^/?]*/.exec(rest.slice(start))?.[0] ?? ''
  return scheme + (/^[\w.-]+(?::\d+)?(?:,[\w.-]+(?::\d+)?)*$/.test(hosts) ? hosts : '')
}
