/** One placement as the hub uses it: opened when needed, lent to calls, watched, fenced while it changes its place. */

import { isVarveError, VarveError, type Env } from 'varve/engine'
import { Lent } from '../../tenants/lent.ts'
import type { OpenStores } from '../../tenants/open-stores.ts'
import type { OpenPlacement } from './open-placement.ts'

export interface PlacementParts {
  readonly env: Env
  readonly stores: OpenStores
  readonly open: () => Promise<OpenPlacement>
  /**
   * Asks the process that holds the place to let go of it, when opening failed for that: true to try again. `since` is
   * when the first try was made. Absent where there are no other processes.
   */
  readonly pull?: (error: unknown, since: number) => Promise<boolean>
  /** Why the place is not to be used any more; null when it is. */
  readonly gone?: () => Promise<VarveError | null>
}

/** Something that follows a placement until it is stopped, on whichever place it lies. */
interface Follower {
  readonly start: (open: OpenPlacement) => () => void
  readonly failed: (error: VarveError) => void
  stop: (() => void) | null
}

/** How something that is observed ends. */
export interface Observed<R> {
  with(value: R | null): void
  failed(error: VarveError): void
}

/** Milliseconds that calls under way have to end before a fence is given up. */
const drainMs = 500

export class Placement {
  readonly #parts: PlacementParts
  readonly #lent: Lent<OpenPlacement>
  readonly #followers = new Set<Follower>()
  /** Give up what is observed. */
  readonly #observers = new Set<() => void>()
  #uses = 0
  #drained: (() => void) | null = null
  /** Settles when the fence is lifted; null without one. Never rejects. */
  #fence: Promise<void> | null = null
  /** By the hub's clock, in milliseconds. */
  lastUsed = 0

  constructor(parts: PlacementParts) {
    this.#parts = parts
    this.#lent = new Lent({
      stores: parts.stores,
      open: parts.open,
      close: (open) => open.close(),
      inUse: ({ kept }) => this.#isWatched || kept?.waits === true,
    })
  }

  get isOpen(): boolean {
    return this.#lent.value !== null
  }

  /** Nobody uses or follows it. */
  get idle(): boolean {
    return this.#lent.idle && this.#fence === null
  }

  /** There is nothing to remember of it. */
  get unused(): boolean {
    return this.#uses === 0 && !this.#isWatched && this.#fence === null && !this.isOpen
  }

  /** Runs `work` with the placement open; waits while it is fenced, and pulls it over from another process. */
  using<R>(work: (open: OpenPlacement) => R | Promise<R>): Promise<R> {
    return this.#entered(() => this.borrow(), work)
  }

  /** The same without pulling: throws `LOCKED`, with its `address`, while another process holds the place. */
  here<R>(work: (open: OpenPlacement) => R | Promise<R>): Promise<R> {
    return this.#entered(() => this.#lent.borrow(), work)
  }

  /** The same for calls that last: the placement stays open until the returned function was called. */
  async enter(): Promise<() => void> {
    while (this.#fence !== null) await this.#fence
    this.#uses++
    this.lastUsed = this.#parts.env.now()
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#uses--
      this.lastUsed = this.#parts.env.now()
      if (this.#uses === 0) this.#drained?.()
    }
  }

  async borrow(): Promise<OpenPlacement> {
    const { pull, env } = this.#parts
    for (const since = env.now(); ;) {
      try {
        return await this.#lent.borrow()
      } catch (error) {
        if (pull === undefined || !(await pull(error, since))) throw error
      }
    }
  }

  giveBack(): void {
    this.#lent.giveBack()
  }

  /**
   * Begins something on what is open here, which is no use of it while it lasts, and gives what it ends with: null after
   * `waitMs`, or when the placement goes elsewhere meanwhile. Throws `LOCKED` while another process holds the place.
   */
  async observe<R>(begin: (open: OpenPlacement, end: Observed<R>) => () => void, waitMs: number): Promise<R | null> {
    const { ending } = await this.here((open) => ({ ending: this.#observed<R>((end) => begin(open, end), waitMs) }))
    return ending
  }

  /** Starts something on the placement, again wherever it moves to; returns a function that stops it. */
  follow(start: Follower['start'], failed: Follower['failed']): () => void {
    const follower: Follower = { start, failed, stop: null }
    this.#followers.add(follower)
    void this.#begin(follower)
    return () => {
      this.#followers.delete(follower)
      follower.stop?.()
    }
  }

  /**
   * Runs `work`, which closes the placement, while nobody uses it and new calls wait; null when calls under way did not
   * end in time.
   */
  async fenced<R>(work: () => Promise<R>): Promise<{ readonly value: R } | null> {
    while (this.#fence !== null) await this.#fence
    let lift: () => void = () => undefined
    this.#fence = new Promise((resolve) => {
      lift = () => {
        this.#fence = null
        resolve()
      }
    })
    try {
      if (!(await this.#drain())) return null
      for (const follower of this.#followers) follower.stop?.()
      for (const giveUp of this.#observers) giveUp()
      return { value: await work() }
    } finally {
      lift()
      for (const follower of this.#followers) void this.#begin(follower)
    }
  }

  /** Closes it for another process. Throws `LOCKED` when something follows it here, or calls under way do not end in time. */
  async letGo(): Promise<void> {
    const done = this.#followers.size > 0 ? null : await this.fenced(() => this.end())
    if (done === null)
      throw new VarveError('LOCKED', 'The process that holds the place is using it: try again later', {
        retryable: true,
      })
  }

  /** What is open now; for `work` of `fenced`. */
  get open(): OpenPlacement | null {
    return this.#lent.value
  }

  /** Closes it, whoever uses it. */
  end(): Promise<void> {
    return this.#lent.end()
  }

  async #entered<R>(borrow: () => Promise<OpenPlacement>, work: (open: OpenPlacement) => R | Promise<R>): Promise<R> {
    const end = await this.enter()
    try {
      const open = await borrow()
      try {
        return await work(open)
      } catch (error) {
        if (isOver(error) && this.#lent.value === open) await this.#drop()
        throw await this.told(error)
      } finally {
        this.giveBack()
      }
    } finally {
      end()
    }
  }

  /** What a call that failed with `error` is told: of one that was closed beneath it, why. */
  async told(error: unknown): Promise<unknown> {
    return isVarveError(error, 'CLOSED') ? ((await this.#parts.gone?.()) ?? error) : error
  }

  /** What is open here is of no use any more, and closes as well as it can. */
  async #drop(): Promise<void> {
    try {
      await this.#lent.end()
    } catch (error) {
      this.#parts.env.log('warn', 'a placement that is opened again did not close in order', { error: String(error) })
    }
  }

  async #drain(): Promise<boolean> {
    if (this.#uses === 0) return true
    return new Promise<boolean>((resolve) => {
      const cancel = this.#parts.env.timer(() => {
        this.#drained = null
        resolve(false)
      }, drainMs)
      this.#drained = () => {
        this.#drained = null
        cancel()
        resolve(true)
      }
    })
  }

  get #isWatched(): boolean {
    return this.#followers.size > 0 || this.#observers.size > 0
  }

  #observed<R>(begin: (end: Observed<R>) => () => void, waitMs: number): Promise<R | null> {
    return new Promise((resolve, reject) => {
      let stop: (() => void) | null = null
      const over = (tell: () => void): void => {
        if (!this.#observers.delete(giveUp)) return
        cancel()
        stop?.()
        tell()
      }
      const end: Observed<R> = {
        with: (value) => {
          over(() => {
            resolve(value)
          })
        },
        failed: (error) => {
          over(() => {
            reject(error)
          })
        },
      }
      const giveUp = (): void => {
        end.with(null)
      }
      this.#observers.add(giveUp)
      const cancel = this.#parts.env.timer(giveUp, waitMs)
      try {
        stop = begin(end)
      } catch (error) {
        over(() => {
          reject(error)
        })
      }
      // It may have ended at once.
      if (!this.#observers.has(giveUp)) stop?.()
    })
  }

  async #begin(follower: Follower): Promise<void> {
    follower.stop = null
    try {
      await this.using((open) => {
        if (this.#followers.has(follower) && follower.stop === null) follower.stop = follower.start(open)
      })
    } catch (error) {
      const told = isVarveError(error) ? error : new VarveError('STORE_FAILED', 'Following failed', { cause: error })
      follower.failed(told)
    }
  }
}

/** Another process has taken the place over, or what is stored is not what this one believes: it has to be opened again. */
function isOver(error: unknown): boolean {
  return isVarveError(error, 'LOCKED') || (isVarveError(error, 'STORE_FAILED') && error.details?.['reopen'] === true)
}
