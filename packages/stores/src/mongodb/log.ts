/** The log of a store: one insert under a unique number is what makes a batch written. */

import type { Collection } from 'mongodb'
import { pause, VarveError, type Env } from 'varve/engine'
import type { Row } from './cells.ts'
import type { Effects } from './effects.ts'
import { fail, guarded, isClosed, isDuplicate, isPassing, type Place, repeated } from './errors.ts'
import { num } from './keys.ts'
import type { Lease } from './lease.ts'
import { Layer } from './layers.ts'
import { partsOf, type Part } from './parts.ts'

export interface BatchRow extends Part {
  /** Key of the store, `n` and the number; of a part `p`, the number, the holder, the attempt and the part. */
  readonly _id: string
  readonly holder: string
  /** Parts that were inserted before, beside what stands here, and what tells them from those of another attempt. */
  readonly parts: number
  readonly attempt: number
  /** Inserted by a new holder to keep out those before. Stays for ever: they must never find their number free. */
  readonly fence: boolean
}

export interface LogOptions {
  readonly collection: Collection<BatchRow>
  readonly place: Place
  readonly env: Pick<Env, 'timer' | 'now'>
  /** Key of the store. */
  readonly prefix: string
  readonly lease: Lease
  readonly termMs: number
}

const majority = { writeConcern: { w: 'majority' as const, journal: true, wtimeoutMS: 10_000 } }
const settled = { readConcern: { level: 'majority' as const } }

const none = { cleared: [], keys: [], rows: [] }
const whole = { parts: 0, attempt: 0 }

/** Batches that one request asks for. */
const pageBatches = 100

export class Log {
  readonly #options: LogOptions
  #last = 0
  #trimmed = 0
  #attempts = 0
  #ended = false

  constructor(options: LogOptions) {
    this.#options = options
  }

  /** Number of the last batch. */
  get last(): number {
    return this.#last
  }

  /** Keeps earlier holders out; afterwards nobody else can add to the log, and `last` is known. */
  async fence(applied: number): Promise<void> {
    const { collection, prefix, lease, place } = this.#options
    this.#trimmed = applied
    const numbers = { _id: { $gte: `${prefix}n`, $lt: `${prefix}o` } }
    for (;;) {
      // Who was away for long while opening must not take a number that another holder is about to use.
      await lease.check()
      // What no majority has may vanish: a number above it would leave a gap.
      const newestFirst = { sort: { _id: -1 as const }, limit: 1, projection: { _id: 1 }, ...settled }
      const [newest] = await guarded(place, () => repeated(() => collection.find(numbers, newestFirst).toArray()))
      const last = newest === undefined ? 0 : Number.parseInt(newest._id.slice(prefix.length + 2), 16)
      const number = Math.max(last, applied) + 1
      const fence = { ...none, ...whole, _id: this.#id(number), holder: lease.holder, fence: true }
      if ((await this.#insert(fence)) !== 'mine') continue
      this.#last = number
      return
    }
  }

  /**
   * Durable and counted when answered. An insert whose outcome nobody knows is repeated until it is known: it is there
   * once, or it never will be. Throws `LOCKED` when another holder was faster.
   */
  async append(effects: Effects): Promise<Layer> {
    const { lease } = this.#options
    const number = this.#last + 1
    const [first = none, ...more] = partsOf(effects)
    const row = {
      ...first,
      _id: this.#id(number),
      holder: lease.holder,
      parts: more.length,
      attempt: ++this.#attempts,
      fence: false,
    }
    // One of an earlier attempt that arrives late must not replace it.
    for (const [at, part] of more.entries()) await this.#insertPart(this.#partId(number, row, at), part)
    if ((await this.#insert(row)) === 'other') throw await lease.lose()
    this.#last = number
    return new Layer(number, effects)
  }

  /** The batches above `applied`, in order. */
  async *after(applied: number): AsyncGenerator<Layer> {
    const { collection, place } = this.#options
    for (let number = applied; number < this.#last;) {
      const above = { _id: { $gt: this.#id(number), $lte: this.#id(this.#last) } }
      const next = { sort: { _id: 1 as const }, limit: pageBatches }
      const page = await guarded(place, () => repeated(() => collection.find(above, next).toArray()))
      if (page.length === 0) this.#missing(number + 1)
      for (const row of page) {
        number++
        if (row._id !== this.#id(number)) this.#missing(number)
        const parts = [row, ...(await this.#partsOf(number, row))]
        yield new Layer(number, {
          cleared: parts.flatMap(({ cleared }) => cleared),
          rows: new Map(
            parts.flatMap(({ keys, rows }) => keys.map((name, i): [string, Row | null] => [name, rows[i] ?? null])),
          ),
        })
      }
    }
  }

  async #partsOf(number: number, row: BatchRow): Promise<readonly Part[]> {
    const { collection, place } = this.#options
    const parts: Part[] = []
    for (let at = 0; at < row.parts; at++) {
      const _id = this.#partId(number, row, at)
      const part = await guarded(place, () => repeated(() => collection.findOne({ _id })))
      parts.push(part ?? this.#missing(number))
    }
    return parts
  }

  /** What is under way is not tried again: nobody waits any longer. */
  end(): void {
    this.#ended = true
  }

  /** Removes batches that the rows hold. */
  async trim(applied: number): Promise<void> {
    const { collection, prefix } = this.#options
    if (applied <= this.#trimmed) return
    await collection.deleteMany({ _id: { $lte: this.#id(applied), $gte: `${prefix}n` }, fence: false })
    await collection.deleteMany({ _id: { $lt: `${prefix}p${num(applied + 1)}`, $gte: `${prefix}p` } })
    this.#trimmed = applied
  }

  /** Whether enough is there to be worth a request. */
  wantsTrimming(applied: number): boolean {
    return applied - this.#trimmed >= 100
  }

  async #insertPart(_id: string, part: Part): Promise<void> {
    const { collection, place, lease } = this.#options
    const row = { ...part, ...whole, holder: lease.holder, fence: false }
    await guarded(place, () => repeated(() => collection.replaceOne({ _id }, row, { upsert: true, ...majority })))
  }

  async #insert(row: BatchRow): Promise<'mine' | 'other'> {
    const { collection, place, env, lease, termMs } = this.#options
    const begun = env.now()
    let uncertain = false
    for (let waitMs = 20; ; waitMs = Math.min(waitMs * 2, 500)) {
      // Known before the attempt: after a long rest of this process there is one more, which tells who has the store.
      const isLast = this.#ended || env.now() - begun > 2 * termMs
      try {
        await collection.insertOne(row, majority)
        return 'mine'
      } catch (error) {
        if (isDuplicate(error)) {
          const found = await this.#holderAt(row._id)
          if (found !== null) return found === lease.holder ? 'mine' : 'other'
        } else if (!isPassing(error) && !isClosed(error) && !uncertain) fail(error, place)
        uncertain = true
        if (isLast || isClosed(error)) this.#unknown(error)
      }
      await pause(env, waitMs)
    }
  }

  /** Who wrote this number, once a majority has it; null when that is not known yet. */
  async #holderAt(_id: string): Promise<string | null> {
    const row = await this.#options.collection
      .findOne({ _id }, { ...settled, projection: { holder: 1 } })
      .catch(() => null)
    return row === null ? null : row.holder
  }

  #unknown(cause: unknown): never {
    const { place, lease } = this.#options
    const error = new VarveError(
      'STORE_FAILED',
      `MongoDB did not answer, and whether the last write is in "${place.store ?? ''}" is not known: close the store and open it again`,
      {
        details: {
          store: place.store,
          server: place.url,
          outcome: 'unknown',
          reopen: true,
          code: cause instanceof Error ? cause.name : '',
        },
      },
    )
    // Its number must not be used for anything else.
    lease.abandon(error)
    throw error
  }

  #missing(number: number): never {
    const { place } = this.#options
    throw new VarveError(
      'TAMPERED',
      `Batch ${number} of the store "${place.store ?? ''}" is missing in MongoDB: restore the database from a copy`,
      { details: { store: place.store, number } },
    )
  }

  #id(number: number): string {
    return `${this.#options.prefix}n${num(number)}`
  }

  #partId(number: number, { holder, attempt }: Pick<BatchRow, 'holder' | 'attempt'>, part: number): string {
    return `${this.#options.prefix}p${num(number)}${holder}/${num(attempt)}/${num(part)}`
  }
}
