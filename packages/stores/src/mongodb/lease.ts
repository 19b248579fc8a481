/** The lease of a store: who may write it, until when by the server's clock, and how a holder learns that it is gone. */

import type { Collection } from 'mongodb'
import { VarveError, type Env } from 'varve/engine'
import { guarded, nameOf, repeated, type Place } from './errors.ts'

export interface LeaseRow {
  /** Name of the store. */
  readonly _id: string
  /** Null once it was given back. */
  readonly holder: string | null
  readonly address: string | null
  /** The session of the holder's transactions, which a successor ends, and that of the holder before. */
  readonly session: string | null
  readonly before: string | null
  readonly until: Date
}

export interface LeaseOptions {
  readonly collection: Collection<LeaseRow>
  readonly place: Place
  readonly env: Pick<Env, 'now' | 'timer' | 'log'>
  readonly store: string
  /** Of this opening alone. */
  readonly holder: string
  readonly address: string | null
  readonly session: string | null
  readonly termMs: number
}

const majority = { writeConcern: { w: 'majority' as const, journal: true } }

/** A moment by two clocks: one is set now and then, the other may rest while the machine sleeps. */
interface Moment {
  readonly wall: number
  readonly elapsed: number
}

export class Lease {
  readonly #options: LeaseOptions
  /** Until then, by both clocks, nobody else can have it. */
  #deadline: Moment = { wall: 0, elapsed: 0 }
  #lost: VarveError | null = null
  #given = false
  #cancel: () => void = () => undefined
  #renewing: Promise<void> | null = null

  private constructor(options: LeaseOptions) {
    this.#options = options
  }

  /** Takes a lease that is free or ran out, with whoever held it before; throws `LOCKED` while another has it. */
  static async take(options: LeaseOptions): Promise<{ readonly lease: Lease; readonly before: string | null }> {
    const lease = new Lease(options)
    const before = await guarded(options.place, () => lease.#take())
    lease.#schedule()
    return { lease, before }
  }

  get holder(): string {
    return this.#options.holder
  }

  /** False once another may have taken it. */
  get held(): boolean {
    const { wall, elapsed } = this.#now()
    return this.#lost === null && !this.#given && wall < this.#deadline.wall && elapsed < this.#deadline.elapsed
  }

  get isLost(): boolean {
    return this.#lost !== null
  }

  /** Resolves while it is held, asking the server when it ran out; throws `LOCKED` when another has it. */
  async check(): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    if (!this.held && !this.#given) await this.renew()
  }

  /** What the server says settles it: renewed, or lost for good. */
  async renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null
    })
    await this.#renewing
    if (this.#lost !== null) throw this.#lost
  }

  /** The holder was told by a fence that there is another: it is lost for good. */
  async lose(): Promise<VarveError> {
    const { collection, store } = this.#options
    const row = await repeated(() => collection.findOne({ _id: store })).catch(() => null)
    this.#lost ??= this.#lockedBy(row)
    this.#cancel()
    return this.#lost
  }

  /** Ends its use for a reason of the holder's own: every call fails with this from now on. */
  abandon(reason: VarveError): void {
    this.#lost ??= reason
    this.#cancel()
  }

  /** Gives it back, so that others need not wait until it runs out. A server that is away cannot be told. */
  async release(): Promise<void> {
    this.#cancel()
    this.#given = true
    await this.#renewing?.catch(() => undefined)
    if (this.#lost !== null) return
    const { collection, store, holder, env } = this.#options
    const free = { holder: null, session: null, until: new Date(0) }
    try {
      await collection.updateOne({ _id: store, holder }, { $set: free }, majority)
    } catch (error) {
      env.log('warn', 'The lease of a store could not be given back and runs out by itself', {
        store,
        error: nameOf(error),
      })
    }
  }

  async #take(): Promise<string | null> {
    const { collection, store, holder, address, session, termMs } = this.#options
    const free = { $or: [{ $eq: [{ $ifNull: ['$holder', null] }, null] }, { $lte: ['$until', '$$NOW'] }] }
    const mine = {
      _id: { $literal: store },
      holder: { $literal: holder },
      address: { $literal: address },
      session: { $literal: session },
      before: { $ifNull: ['$session', null] },
      until: { $add: ['$$NOW', termMs] },
    }
    // From before the first attempt: a later one may find that it took effect.
    const begun = this.#now()
    const change = [{ $replaceWith: { $cond: [free, mine, '$$ROOT'] } }]
    const options = { upsert: true, returnDocument: 'after' as const, ...majority }
    const row = await repeated(() => collection.findOneAndUpdate({ _id: store }, change, options))
    if (row?.holder !== holder) throw this.#lockedBy(row)
    this.#extend(begun)
    return row.before
  }

  async #renew(): Promise<void> {
    const { collection, store, holder, termMs, place } = this.#options
    const further = [{ $set: { until: { $add: ['$$NOW', termMs] } } }]
    let begun = this.#now()
    const { matchedCount } = await guarded(place, () =>
      repeated(() => {
        begun = this.#now()
        return collection.updateOne({ _id: store, holder }, further, majority)
      }),
    )
    if (matchedCount === 0 && !this.#given) await this.lose()
    else this.#extend(begun)
  }

  #now(): Moment {
    return { wall: this.#options.env.now(), elapsed: performance.now() }
  }

  /** The server counts from when it took the command up, which was later. */
  #extend(begun: Moment): void {
    const { termMs } = this.#options
    this.#deadline = { wall: begun.wall + termMs, elapsed: begun.elapsed + termMs }
  }

  /** One renewal after the other: while the server is away, each is told of once. */
  #schedule(): void {
    const { env, termMs, store } = this.#options
    this.#cancel = env.timer(() => {
      if (this.#given || this.#lost !== null) return
      this.renew()
        .catch((error: unknown) => {
          env.log('warn', 'The lease of a store could not be renewed', { store, error: String(error) })
        })
        .finally(() => {
          if (!this.#given && this.#lost === null) this.#schedule()
        })
    }, termMs / 3)
  }

  #lockedBy(row: LeaseRow | null): VarveError {
    const { store } = this.#options
    const address = row?.address ?? null
    const until = row === null || row.holder === null ? null : row.until.toISOString()
    return new VarveError(
      'LOCKED',
      `The store "${store}" is open ${address === null ? 'elsewhere' : `at ${address}`}: close it there, or wait until its lease runs out`,
      { details: { store, address, until } },
    )
  }
}
