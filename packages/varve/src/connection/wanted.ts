/** The databases that a connection keeps in step: which of them are, which cannot be, and when those are tried again. */

import { toHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import type { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { Retry } from './retry.ts'

interface Entry {
  readonly database: Uint8Array
  readonly retry: Retry
  /** `resting` after an error, until it is tried again; that may be on the next connection only. */
  state: 'closed' | 'open' | 'current' | 'resting'
  /** Why it cannot be brought in step, however often that was tried; null while it may be. */
  failure: VarveError | null
  /** The record of the peer cannot be taken over, as long as this channel is open. */
  stuck: boolean
  /** When it was in step, by the device's own clock. */
  since: number
}

/** The two sides hold different histories, or do not understand each other: opening again on this connection is in vain. */
const finalCodes: ReadonlySet<string> = new Set(['TAMPERED', 'FORKED_FEED', 'UNSUPPORTED', 'UNSUPPORTED_VERSION'])
/** What a history that does not fit the own one is refused with: a contradiction, or a gap. */
const disputeCodes: ReadonlySet<string> = new Set(['TAMPERED', 'INVALID'])

export class Wanted {
  readonly #env: Pick<Env, 'now' | 'random' | 'timer'>
  readonly #open: (database: Uint8Array) => void
  readonly #entries = new Map<string, Entry>()

  /** `open` opens a database on the connection there is; how that went, `current` or `ended` must say. */
  constructor(env: Pick<Env, 'now' | 'random' | 'timer'>, open: (database: Uint8Array) => void) {
    this.#env = env
    this.#open = open
  }

  /** Returns false for one that is wanted already. */
  add(database: Uint8Array): boolean {
    const name = toHex(database)
    if (this.#entries.has(name)) return false
    const retry = new Retry(this.#env)
    this.#entries.set(name, { database, retry, state: 'closed', failure: null, stuck: false, since: 0 })
    return true
  }

  /** Returns false for one that is not wanted. */
  remove(database: Uint8Array): boolean {
    this.#entries.get(toHex(database))?.retry.cancel()
    return this.#entries.delete(toHex(database))
  }

  /** A connection begins: nothing is known of any database. */
  begin(): void {
    for (const entry of this.#entries.values()) {
      entry.retry.worked()
      entry.state = 'closed'
      entry.failure = null
      entry.stuck = false
    }
  }

  /** The connection is lost: nothing is tried again before the next one. */
  pause(): void {
    for (const { retry } of this.#entries.values()) retry.cancel()
  }

  /** Opens those that nobody has opened on this connection. */
  openClosed(): void {
    for (const entry of this.#entries.values()) if (entry.state === 'closed') this.#openOne(entry)
  }

  /** Tries at once again what failed, as if it had not. */
  openFailed(): void {
    for (const entry of this.#entries.values()) {
      if (entry.state !== 'resting') continue
      entry.failure = null
      entry.retry.worked()
      this.#openOne(entry)
    }
  }

  open(database: Uint8Array): void {
    const entry = this.#entries.get(toHex(database))
    if (entry?.state === 'closed') this.#openOne(entry)
  }

  /** Everything the peer had of a database is here. */
  current(database: Uint8Array): void {
    const entry = this.#entries.get(toHex(database))
    if (entry === undefined) return
    if (entry.state !== 'current') entry.since = this.#env.now()
    entry.state = 'current'
    entry.retry.cancel()
    if (!entry.stuck) entry.failure = null
  }

  isCurrent(database: Uint8Array): boolean {
    return this.#entries.get(toHex(database))?.state === 'current'
  }

  /** It is open, but the record of the peer cannot be taken over. */
  stuck(database: Uint8Array, error: VarveError): void {
    const entry = this.#entries.get(toHex(database))
    if (entry === undefined) return
    entry.stuck = true
    entry.failure = error
  }

  /** It was closed by an error, or could not be opened. What fails once may have come at a bad moment. */
  ended(database: Uint8Array, error: VarveError): void {
    const entry = this.#entries.get(toHex(database))
    if (entry === undefined) return
    const final = finalCodes.has(error.code)
    // A full disk takes nothing although everything it has is here: such a database would be tried in a loop.
    if (entry.state === 'current' && this.#env.now() - entry.since > limits.reconnectMaximumMs) entry.retry.worked()
    entry.state = 'resting'
    if (final || entry.retry.failures > 0) entry.failure = error
    if (final) entry.retry.cancel()
    else
      entry.retry.failed(() => {
        this.#openOne(entry)
      })
  }

  /** Whether each database is in step, or failed. */
  get decided(): boolean {
    return [...this.#entries.values()].every(({ state, failure }) => state === 'current' || failure !== null)
  }

  /** Whether one failed because the node shows another history than the one held here. */
  get disputed(): boolean {
    return [...this.#entries.values()].some(({ failure }) => failure !== null && disputeCodes.has(failure.code))
  }

  /** Why one of them is not in step; null while none has failed. */
  get failure(): VarveError | null {
    for (const { failure } of this.#entries.values()) if (failure !== null) return failure
    return null
  }

  #openOne(entry: Entry): void {
    entry.state = 'open'
    entry.stuck = false
    this.#open(entry.database)
  }
}
