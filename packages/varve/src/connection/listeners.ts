/** The events of a connection and those who listen to them. */

import type { Logger } from '../env/env.ts'
import type { VarveError } from '../errors.ts'
import type { RefusedWrite } from '../database/refused.ts'

export type ConnectionStatus = 'connecting' | 'authenticating' | 'catching-up' | 'live' | 'offline' | 'refused'

/** What comes with each kind of event; databases by id in hex. */
export interface ConnectionEvents {
  readonly status: ConnectionStatus
  /** Own commits got receipts, accepted or refused. */
  readonly recorded: { readonly database: string; readonly commits: number; readonly pending: number }
  /** An own commit was refused; it stays listed by `database.refused()` until it is dismissed. */
  readonly refused: { readonly database: string } & RefusedWrite
  /** A batch of the node was taken over. */
  readonly progress: {
    readonly database: string
    readonly commits: number
    readonly receipts: number
    readonly pending: number
  }
  /** Another member is here, or moved; `state` is null when it cannot be read. */
  readonly presence: { readonly database: string; readonly device: string; readonly state: unknown }
  /** Something is wrong with a database or the connection; syncing goes on as far as it can. */
  readonly problem: VarveError
  /** Anything above may have changed. */
  readonly changed: undefined
}

export class Listeners {
  readonly #sets: { readonly [Kind in keyof ConnectionEvents]: Set<(value: ConnectionEvents[Kind]) => void> } = {
    status: new Set(),
    recorded: new Set(),
    refused: new Set(),
    progress: new Set(),
    presence: new Set(),
    problem: new Set(),
    changed: new Set(),
  }
  readonly #log: Logger
  #changes = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** How often `changed` was told. */
  get changes(): number {
    return this.#changes
  }

  on<Kind extends keyof ConnectionEvents>(event: Kind, fn: (value: ConnectionEvents[Kind]) => void): () => void {
    const set = this.#setOf(event)
    set.add(fn)
    return () => void set.delete(fn)
  }

  /** Tells everyone; what a listener throws is logged, and keeps nobody else from hearing. */
  emit<Kind extends keyof ConnectionEvents>(event: Kind, value: ConnectionEvents[Kind]): void {
    if (event === 'changed') this.#changes++
    for (const fn of this.#setOf(event)) {
      try {
        fn(value)
      } catch (error) {
        this.#log('error', 'a listener of a connection failed', { event, error: String(error) })
      }
    }
  }

  /** Resolves at the next `changed`; rejects with the signal's reason. */
  next(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        stop()
        signal?.removeEventListener('abort', done)
        if (signal?.aborted === true) reject(signal.reason)
        else resolve()
      }
      const stop = this.on('changed', done)
      signal?.addEventListener('abort', done)
    })
  }

  #setOf<Kind extends keyof ConnectionEvents>(event: Kind): Set<(value: ConnectionEvents[Kind]) => void> {
    return this.#sets[event]
  }
}
