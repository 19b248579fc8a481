/** Writes in their order: those that wait go out together, and what became of one that was cut off is found out first. */

import { VarveError, type Batch } from 'varve/engine'
import { numberAt } from './cells.ts'
import { codeOf, explained, isOpen, isPassing, leaseLost, notExpected, outOfStep } from './errors.ts'
import type { Lease } from './lease.ts'
import type { Home } from './migrate.ts'
import { PipelineFailure, type Statement } from './pipeline.ts'
import { quoted } from './schema.ts'
import type { Writer } from './writer.ts'

interface Waiting {
  readonly statements: readonly Statement[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Bytes of values that one round trip carries, unless a batch alone has more. */
const groupBytes = 8 * 1024 * 1024
const groupBatches = 128

export class WriteQueue {
  readonly #home: Home
  readonly #name: string
  readonly #lease: Lease
  readonly #writer: Writer
  readonly #waiting: Waiting[] = []
  #running: Promise<void> | null = null
  /** Number of the last batch that is known to be there. */
  #batch: number
  /** Number of one of which nobody knows whether it is there. */
  #open: number | null = null
  #settling: Promise<boolean> | null = null

  constructor(home: Home, name: string, lease: Lease, writer: Writer) {
    this.#home = home
    this.#name = name
    this.#lease = lease
    this.#writer = writer
    this.#batch = lease.taken.batch
  }

  /** Settles once the batch is durable or refused. */
  async write(batch: Batch): Promise<void> {
    const statements = this.#writer.statements(batch)
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ statements, resolve, reject })
    })
    this.#running ??= this.#run()
    return done
  }

  /** After it nothing is under way; never fails. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  /** Throws while nobody knows what is stored, which a read must not guess; finds it out when the server is back. */
  async check(): Promise<void> {
    if (this.#open !== null) await this.#settle(this.#open)
  }

  async #run(): Promise<void> {
    // What is called in the same turn goes together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#groupSize())
      if (!(await this.#together(group))) for (const one of group) await this.#together([one])
    }
    this.#running = null
  }

  #groupSize(): number {
    let size = 0
    let count = 0
    for (const { statements } of this.#waiting) {
      for (const { values } of statements) for (const value of values) size += value?.length ?? 0
      if (count > 0 && (size > groupBytes || count >= groupBatches)) break
      count++
    }
    return count
  }

  /** False when a group of several failed, of which nothing was written: they are to be tried one by one. */
  async #together(group: readonly Waiting[]): Promise<boolean> {
    try {
      await this.check()
      await this.#lease.check()
      await this.#send(group.flatMap(({ statements }) => statements))
    } catch (failure) {
      if (group.length > 1 && isRefusal(failure)) return false
      const error = await this.#explained(failure)
      for (const { reject } of group) reject(error)
      return true
    }
    for (const { resolve } of group) resolve()
    return true
  }

  /** Sends until it is known that the statements took effect, or that they never will. */
  #send(statements: readonly Statement[]): Promise<void> {
    const { pool } = this.#home
    const repeatable = async (): Promise<void> => {
      if (this.#open !== null && (await this.#find(this.#open))) return
      const until = this.#lease.sending()
      const next = this.#batch + 1
      try {
        await pool.run([this.#fence(next), ...statements])
      } catch (failure) {
        if (isOpen(failure)) this.#open = next
        throw failure
      }
      this.#batch = next
      this.#lease.renewed(until)
    }
    return this.#raw(repeatable)
  }

  /** Fails with what the server said, unless it was a passing failure. */
  async #raw(call: () => Promise<void>): Promise<void> {
    const refused = await this.#home.pool.patiently(async () => {
      try {
        await call()
        return null
      } catch (failure) {
        if (isPassing(failure) || !(failure instanceof PipelineFailure)) throw failure
        return failure
      }
    }, this.#home.where)
    if (refused !== null) throw refused
  }

  #fence(next: number): Statement {
    const { store, epoch } = this.#lease.taken
    const values = [store, epoch, this.#batch, next, this.#lease.leaseMs].map(String)
    const text = `SELECT ${quoted(this.#home.schema)}.fence($1::integer, $2::bigint, $3::bigint, $4::bigint, $5::float8)`
    return { text, values }
  }

  /** Finds out, as long as it takes, whether batch `no` is there; throws when it cannot. */
  async #settle(no: number): Promise<boolean> {
    this.#settling ??= this.#home.pool
      .patiently(() => this.#find(no), this.#home.where)
      .finally(() => {
        this.#settling = null
      })
    return this.#settling
  }

  /**
   * Whether batch `no` took effect. The number is used up either way: the row's lock waits for a batch that still runs,
   * and one that arrives later does not find the number that it goes on from.
   */
  async #find(no: number): Promise<boolean> {
    const { store, epoch } = this.#lease.taken
    const table = `${quoted(this.#home.schema)}.stores`
    const text = `WITH before AS (
        SELECT batch FROM ${table} WHERE no = $1::integer AND epoch = $2::bigint FOR UPDATE)
      UPDATE ${table} s SET batch = greatest(b.batch, $3::bigint) + 1 FROM before b
      WHERE s.no = $1::integer RETURNING b.batch, s.batch`
    const [rows = []] = await this.#home.pool.run([{ text, values: [store, epoch, no].map(String) }])
    const [row] = rows
    this.#open = null
    if (row === undefined) throw await this.#lease.lose()
    if (numberAt(row, 0) < this.#batch) throw this.#broken()
    this.#batch = numberAt(row, 1)
    return numberAt(row, 0) >= no
  }

  async #explained(failure: unknown): Promise<VarveError> {
    const code = codeOf(failure)
    if (code === leaseLost) return this.#lease.lose()
    if (code === outOfStep) return this.#broken()
    if (code === notExpected && failure instanceof PipelineFailure) return conflict(failure.error)
    const error = explained(failure, this.#home.where)
    if (this.#open === null) return error
    return new VarveError(
      'STORE_FAILED',
      `The connection to ${this.#home.where} broke while a batch of "${this.#name}" was written, and it is not known yet whether it is there: try again once the server can be reached`,
      { cause: error, details: { ...error.details, store: this.#name } },
    )
  }

  /** The server has fewer batches than it answered: it was replaced by one that had not received all. */
  #broken(): VarveError {
    const { where } = this.#home
    const error = new VarveError(
      'STORE_FAILED',
      `${where} has lost batches of "${this.#name}" that were answered, as a standby does that was behind: open the store again, and sync`,
      { details: { where, store: this.#name } },
    )
    this.#lease.fail(error)
    return error
  }
}

/** The server refused one of the batches, and undid all of them. */
function isRefusal(failure: unknown): boolean {
  const ours = [leaseLost, outOfStep]
  return failure instanceof PipelineFailure && failure.undone && !ours.includes(codeOf(failure))
}

/** Our own function says which value it was, in hex. */
function conflict(error: unknown): VarveError {
  const name = error instanceof Error ? Buffer.from(error.message, 'hex').toString('utf8') : ''
  return new VarveError('CONFLICT', `The stored value "${name}" is not the expected one: read it and try again`, {
    details: { name },
  })
}
