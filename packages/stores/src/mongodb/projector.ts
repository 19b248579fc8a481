/** Brings written batches into the rows, several at a time, each time in one transaction that only the holder can commit. */

import type { AnyBulkWriteOperation, ClientSession, Collection } from 'mongodb'
import { isVarveError, pause, VarveError, type Env } from 'varve/engine'
import { costOf, type StoredRow } from './cells.ts'
import { Draft, type Effects, type Range } from './effects.ts'
import { guarded, hasLabel, isPassing, type Place } from './errors.ts'
import type { Heads, Work } from './heads.ts'
import { View, type Layers } from './layers.ts'
import type { Lease } from './lease.ts'
import type { Rows } from './rows.ts'

/** What a store is, beside its rows. */
export interface StoreRow {
  /** Its name. */
  readonly _id: string
  readonly layout: number
  /** Random: rows of a store that was destroyed are never those of another. */
  readonly prefix: string
  /** Counts openings: a transaction of an earlier holder cannot commit any more. */
  readonly epoch: number
  /** Number of the last batch that the rows hold. */
  readonly applied: number
  /** Counts transactions. */
  readonly rounds: number
  /** Readable collections that are complete: their shapes, by number of the collection. */
  readonly heads?: Readonly<Record<string, string>>
}

export interface ProjectorOptions {
  readonly stores: Collection<StoreRow>
  readonly rows: Rows
  readonly session: ClientSession
  readonly layers: Layers
  readonly lease: Lease
  readonly place: Place
  readonly env: Pick<Env, 'timer' | 'log'>
  readonly epoch: number
  /** Keeps readable collections; null when there are none. */
  readonly heads: Heads | null
  /** Called between rounds, with the number that the rows hold. */
  readonly applied: (number: number) => Promise<void>
  /** Called before each command of a round; for tests that stop there. */
  readonly step?: (name: string) => Promise<void>
}

/** Batches wait this long for company, unless somebody waits for them: together they cost little more than one. */
const lingerMs = 100

/** Bytes that are written and not in the rows, about, above which writes wait. */
const mostBytes = 32 * 1024 * 1024

/** Operations of one transaction: a larger batch takes several, of which the last one counts. */
const roundRows = 5_000
const roundBytes = 16 * 1024 * 1024

export class Projector {
  readonly #options: ProjectorOptions
  #wake: () => void = () => undefined
  #settled: (() => void)[] = []
  #urgent = false
  #stopped = false
  #heads: Heads | null
  /** Why the last round failed; null when it did not. */
  #failure: Error | null = null
  #running: Promise<void> | null = null

  constructor(options: ProjectorOptions) {
    this.#options = options
    this.#heads = options.heads
    options.layers.ended = () => {
      if (this.#running !== null) this.#wake()
    }
  }

  /** There is something to apply, some time soon. */
  poke(): void {
    if (this.#running !== null || this.#stopped) return
    this.#running = this.#run().finally(() => {
      this.#running = null
      this.#tell()
      // What came in the very moment when it ended.
      if (this.#isBehind) this.poke()
    })
  }

  /** Resolves once there is room for more. */
  async room(): Promise<void> {
    if (this.#options.layers.size > mostBytes) await this.#until(() => this.#options.layers.size <= mostBytes)
  }

  /** Resolves once the rows hold everything up to this number; throws when the lease is lost before, or it cannot be. */
  async upTo(number: number): Promise<void> {
    await this.#until(() => this.#options.layers.applied >= number)
  }

  /** Like `upTo`, but does not wait for a server that is away. */
  async finish(number: number): Promise<void> {
    await this.#until(() => this.#options.layers.applied >= number, false)
  }

  /** Ends after the round under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake()
    await this.#running
  }

  async #until(holds: () => boolean, isPatient = true): Promise<void> {
    this.#urgent = true
    this.poke()
    this.#wake()
    while (!holds()) {
      await this.#options.lease.check()
      if (this.#stopped)
        throw new VarveError('CLOSED', `The store "${this.#options.place.store ?? ''}" was closed meanwhile`)
      this.#urgent = true
      this.poke()
      await new Promise<void>((resolve) => this.#settled.push(resolve))
      const failure = this.#failure
      if (failure !== null && !(isPatient && isVarveError(failure) && failure.retryable)) throw failure
    }
  }

  get #isBehind(): boolean {
    const { layers, lease } = this.#options
    return layers.applied < layers.last && !this.#stopped && !lease.isLost
  }

  #tell(): void {
    const settled = this.#settled
    this.#settled = []
    for (const resolve of settled) resolve()
  }

  async #run(): Promise<void> {
    const { layers, lease, env, place } = this.#options
    for (let failures = 0; this.#isBehind;) {
      if (!this.#urgent && failures === 0) await this.#sleep(lingerMs)
      const due = layers.due()
      const last = due.at(-1)
      if (last === undefined) {
        // A read that began before is still under way.
        await this.#sleep(1_000)
        continue
      }
      try {
        this.#urgent = false
        await guarded(place, () =>
          this.#round(
            due.map(({ effects }) => effects),
            last.number,
          ),
        )
        layers.retire(last.number)
        failures = 0
        this.#failure = null
        this.#tell()
        await this.#options.applied(last.number)
      } catch (error) {
        if (lease.isLost) {
          this.#tell()
          return
        }
        if (this.#givesUpHeads(error)) continue
        this.#failure = error instanceof Error ? error : new Error('a round failed', { cause: error })
        this.#tell()
        env.log('warn', 'Applying batches of a store failed and is tried again', {
          store: place.store,
          error: String(error),
        })
        await pause(env, Math.min(20 * 2 ** failures++, 1_000))
      }
    }
  }

  /** Sleeps, or until woken. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.env.timer(resolve, ms)
      this.#wake = () => {
        if (!this.#urgent && !this.#stopped && ms === lingerMs) return
        cancel()
        resolve()
      }
    })
  }

  /**
   * Readable collections are for others, who may give them indexes and rules that their documents break: that must not
   * keep the store from going on. They are written anew when it is opened again.
   */
  #givesUpHeads(error: unknown): boolean {
    if (this.#heads === null || !isVarveError(error, 'STORE_FAILED') || error.retryable) return false
    this.#heads = null
    this.#options.env.log(
      'error',
      'Readable collections cannot be written and are left out until the store is opened again',
      {
        store: this.#options.place.store,
        error: String(error),
      },
    )
    return true
  }

  async #round(effects: readonly Effects[], applied: number): Promise<void> {
    const all = new Draft()
    for (const each of effects) all.add(each)
    // Fences change nothing: the next round takes their numbers along.
    if (all.rows.size + all.cleared.length === 0) return
    const { rows } = this.#options
    const readable = await this.#heads?.changes(all.rows, new View(effects), (work, done) =>
      this.#transaction(work === null ? [] : [work], done),
    )
    for (const range of all.cleared) await this.#clear(range)
    const lists = operationsOf(all, rows)
    const done = { applied, ...(this.#heads === null && this.#options.heads !== null ? { heads: {} } : {}) }
    for (const [at, some] of lists.entries()) {
      const isLast = at === lists.length - 1
      const write: Work = (session) => rows.collection.bulkWrite(some, { session, ordered: true })
      const works = [...(some.length > 0 ? [write] : []), ...(isLast ? (readable ?? []) : [])]
      await this.#transaction(works, isLast ? done : {})
    }
  }

  /** Of a range with many rows all but the last ones, which go with the round; who reads sees them from memory as gone. */
  async #clear(range: Range): Promise<void> {
    const { rows } = this.#options
    for (;;) {
      const last = await rows.last(range, roundRows)
      if (last === null) return
      const filter = rows.filter({ from: range.from, to: last })
      await this.#transaction([(session) => rows.collection.deleteMany(filter, { session })], {})
    }
  }

  /** Commits unless another holder has opened the store; safe to repeat, because rows are put as a whole. */
  async #transaction(works: readonly Work[], done: Readonly<Record<string, unknown>>): Promise<void> {
    const { session } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        session.startTransaction({ readConcern: { level: 'local' }, writeConcern: { w: 'majority', journal: true } })
        await this.#write(works, done)
        await this.#step('commit')
        await session.commitTransaction()
        await this.#step('committed')
        return
      } catch (error) {
        if (session.inTransaction()) await session.abortTransaction().catch(() => undefined)
        const again = hasLabel(error, 'TransientTransactionError') || isPassing(error)
        if (!again || attempt >= 3) throw error
      }
    }
  }

  async #write(works: readonly Work[], done: Readonly<Record<string, unknown>>): Promise<void> {
    const { stores, session, place, epoch, lease } = this.#options
    await this.#step('fence')
    const { matchedCount } = await stores.updateOne(
      { _id: place.store ?? '', epoch },
      // Setting the epoch to itself would change nothing, and so would not meet another holder's change.
      { $set: done, $inc: { rounds: 1 } },
      { session },
    )
    if (matchedCount === 0) throw await lease.lose()
    await this.#step('rows')
    for (const work of works) await work(session)
  }

  async #step(name: string): Promise<void> {
    await this.#options.step?.(name)
  }
}

type Operations = AnyBulkWriteOperation<StoredRow>[]

/** Lists of operations, each for one transaction; ranges before rows. */
function operationsOf({ cleared, rows: changed }: Effects, rows: Rows): Operations[] {
  const removed: Operations = []
  const put: Operations = []
  for (const range of cleared) removed.push({ deleteMany: { filter: rows.filter(range) } })
  const lists: Operations[] = []
  let bytes = 0
  for (const [name, row] of changed) {
    const filter = { _id: rows.id(name) }
    if (row === null) removed.push({ deleteOne: { filter } })
    else put.push({ replaceOne: { filter, replacement: { ...row }, upsert: true } })
    bytes += row === null ? 0 : costOf(name, row)
    if (removed.length + put.length >= roundRows || bytes >= roundBytes) {
      lists.push([...removed.splice(0), ...put.splice(0)])
      bytes = 0
    }
  }
  return [...lists, [...removed, ...put]]
}
