/** Writes in their order: those that wait go out together, and what became of one that was cut off is found out first. */

import { isVarveError, VarveError, type Batch } from 'varve/engine'
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

/** A batch that went out: its number, and the one that it goes on from. */
interface Sent {
  readonly before: number
  readonly no: number
  /** Whether it took effect, once that was found out. */
  took: boolean
  /** Its writer was told that nobody knows, and goes on as if it had not been. */
  isGivenUp: boolean
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
  /** One of which nobody knows whether it is there. */
  #doubt: Sent | null = null
  #finding: Promise<void> | null = null

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
    if (this.#doubt === null) return
    await this.#home.pool.patiently(() => this.#find(), this.#home.where)
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
  async #send(statements: readonly Statement[]): Promise<void> {
    const own: { sent: Sent | null } = { sent: null }
    try {
      await this.#raw(() => this.#sendOnce(statements, own))
    } catch (failure) {
      if (own.sent === null || own.sent !== this.#doubt || !isVarveError(failure, 'LOCKED')) throw failure
      throw new VarveError(
        'LOCKED',
        `${failure.message}. Whether a write took effect before that is not known: look before you repeat it`,
        { details: { ...failure.details, outcome: 'unknown' }, retryable: false, cause: failure },
      )
    }
  }

  async #sendOnce(statements: readonly Statement[], own: { sent: Sent | null }): Promise<void> {
    await this.#find()
    // A read may have found it out meanwhile.
    if (own.sent?.took === true) return
    const until = this.#lease.sending()
    const now: Sent = { before: this.#batch, no: this.#batch + 1, took: false, isGivenUp: false }
    own.sent = now
    try {
      await this.#home.pool.run([this.#fence(now), ...statements])
    } catch (failure) {
      if (isOpen(failure)) this.#doubt = now
      throw failure
    }
    this.#batch = now.no
    this.#lease.wrote(now.no, until)
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

  #fence({ before, no }: Sent): Statement {
    const { store, epoch } = this.#lease.taken
    const values = [store, epoch, before, no, this.#lease.leaseMs].map(String)
    const text = `SELECT ${quoted(this.#home.schema)}.fence($1::integer, $2::bigint, $3::bigint, $4::bigint, $5::float8)`
    return { text, values }
  }

  /** Finds out whether the batch in doubt took effect, if there is one; one question at a time. */
  #find(): Promise<void> {
    const doubt = this.#doubt
    if (doubt === null) return Promise.resolve()
    this.#finding ??= this.#ask(doubt).finally(() => {
      this.#finding = null
    })
    return this.#finding
  }

  /**
   * The row's lock waits for a batch that still runs. One that did not take effect never will: the number that it goes
   * on from is gone. Asking again, or an earlier question that arrives late, changes nothing more.
   */
  async #ask(doubt: Sent): Promise<void> {
    const { store, epoch } = this.#lease.taken
    const { before, no } = doubt
    const skipped = no + 1
    const text = `UPDATE ${quoted(this.#home.schema)}.stores
      SET batch = CASE WHEN batch = $3::bigint THEN $4::bigint ELSE batch END
      WHERE no = $1::integer AND epoch = $2::bigint RETURNING batch`
    const [rows = []] = await this.#home.pool.run([{ text, values: [store, epoch, before, skipped].map(String) }])
    const [row] = rows
    if (row === undefined) throw await this.#lease.lose()
    this.#doubt = null
    const found = numberAt(row, 0)
    if (found !== no && found !== skipped) throw this.#lease.lostBatches()
    doubt.took = found === no
    this.#batch = found
    if (doubt.took && doubt.isGivenUp) throw this.#lease.tookEffect()
  }

  async #explained(failure: unknown): Promise<VarveError> {
    if (this.#doubt !== null) this.#doubt.isGivenUp = true
    const code = codeOf(failure)
    if (code === leaseLost) return this.#lease.lose()
    if (code === outOfStep) return this.#lease.lostBatches()
    if (code === notExpected && failure instanceof PipelineFailure) return conflict(failure.error)
    const error = explained(failure, this.#home.where)
    if (this.#doubt === null || error.code === 'LOCKED') return error
    return new VarveError(
      'STORE_FAILED',
      `The connection to ${this.#home.where} broke while a batch of "${this.#name}" was written, and it is not known yet whether it is there: try again once the server can be reached`,
      { cause: error, details: { ...error.details, store: this.#name, outcome: 'unknown' } },
    )
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
