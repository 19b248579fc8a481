/** The lease of a store: one row says who may write, until when, and what the last batch was. */

import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { VarveError } from 'varve/engine'
import { numberAt, textOrNullAt } from './cells.ts'
import { codeOf, lockedOut } from './errors.ts'
import { channel } from './listener.ts'
import type { Home } from './migrate.ts'
import type { Row, Statement } from './pipeline.ts'
import { quoted } from './schema.ts'

export interface LeaseTerms {
  /** Where others reach whoever holds the lease; null when they cannot. */
  readonly address: string | null
  readonly leaseMs: number
}

/** A lease as it was taken. */
export interface Taken {
  /** The store's number in its schema. */
  readonly store: number
  readonly epoch: number
  /** Number of the last batch. */
  readonly batch: number
}

const columns = `address, extract(epoch FROM until) * 1000, holder IS NULL OR until < clock_timestamp(),
  extract(epoch FROM until - clock_timestamp()) * 1000`

/** Who has a lease, by the server's clock. */
export interface Standing {
  readonly address: string | null
  /** Unix milliseconds. */
  readonly until: number
  readonly isFree: boolean
  readonly leftMs: number
}

/** What is told when a lease is given back. */
export function releasePayload(schema: string, name: string): string {
  return `${schema}/${name}`
}

/** Takes the lease, making the store when there is none. Throws `LOCKED` while another holds it. */
export async function takeLease(home: Home, name: string, terms: LeaseTerms): Promise<Taken> {
  const s = quoted(home.schema)
  const lease = `clock_timestamp() + $4 * interval '1 millisecond'`
  const values = [name, randomBytes(9).toString('base64url'), terms.address, String(terms.leaseMs)]
  // When the answer was lost and the call is repeated, even late, the holder is already this one.
  const take: Statement = {
    text: `UPDATE ${s}.stores SET holder = $2, address = $3, until = ${lease},
        epoch = epoch + CASE WHEN holder = $2 THEN 0 ELSE 1 END
      WHERE name = $1 AND (holder IS NULL OR holder = $2 OR until < clock_timestamp()) RETURNING no, epoch, batch`,
    values,
  }
  const make: Statement = {
    text: `INSERT INTO ${s}.stores (name, holder, address, epoch, until, batch) VALUES ($1, $2, $3, 1, ${lease}, 0)
      ON CONFLICT (name) DO NOTHING RETURNING no, epoch, batch`,
    values,
  }
  for (;;) {
    const taken = await took(home, name, take)
    const standing = taken.length === 0 ? await standingOf(home, name) : null
    if (standing !== null && !standing.isFree) throw refusal(name, standing)
    const [made = []] = taken.length > 0 || standing !== null ? [taken] : await home.pool.ask([make], home.where)
    const [row] = made
    if (row !== undefined) return { store: numberAt(row, 0), epoch: numberAt(row, 1), batch: numberAt(row, 2) }
  }
}

/** Milliseconds that taking a lease that ran out waits for a batch of its last holder that is still under way. */
const lingerMs = 1000

/** A process that was stopped in the middle of sending a batch would keep the row locked for as long as it rests. */
async function took({ pool, schema, where }: Home, name: string, take: Statement): Promise<readonly Row[]> {
  const limit = { text: `SELECT set_config('lock_timeout', $1, true)`, values: [String(lingerMs)] }
  const text = `SELECT pg_terminate_backend(l.pid) FROM ${quoted(schema)}.stores s
    JOIN pg_locks l ON l.transactionid = s.xmax AND l.locktype = 'transactionid' AND l.granted
    WHERE s.name = $1 AND s.until < clock_timestamp()`
  return pool.patiently(async () => {
    try {
      const [, rows = []] = await pool.run([limit, take])
      return rows
    } catch (failure) {
      // Where that is not permitted, the next attempt waits again.
      if (codeOf(failure) === lockedOut) await pool.run([{ text, values: [name], once: true }]).catch(() => undefined)
      throw failure
    }
  }, where)
}

/** Null when there is no such store. */
export async function standingOf(home: Home, name: string): Promise<Standing | null> {
  const text = `SELECT ${columns} FROM ${quoted(home.schema)}.stores WHERE name = $1`
  const [rows = []] = await home.pool.ask([{ text, values: [name] }], home.where)
  const [row] = rows
  return row === undefined ? null : standingIn(row)
}

function standingIn(row: Row): Standing {
  return {
    address: textOrNullAt(row, 0),
    until: Math.ceil(numberAt(row, 1)),
    isFree: row[2] === 't',
    leftMs: Math.max(0, numberAt(row, 3)),
  }
}

export function refusal(name: string, { address, until }: Pick<Standing, 'address' | 'until'>): VarveError {
  const elsewhere = address === null ? 'elsewhere' : `at ${address}`
  return new VarveError('LOCKED', `The store "${name}" is open ${elsewhere}: use it there, or close it first`, {
    details: { store: name, address, until },
  })
}

/** A lease that is held: renewed in time, and known to be lost as soon as anything says so. */
export class Lease {
  readonly #home: Home
  readonly #name: string
  readonly #terms: LeaseTerms
  readonly taken: Taken
  #lost: VarveError | null = null
  #renewing: Promise<void> | null = null
  #timer: NodeJS.Timeout
  /** When it runs out at the earliest, by two clocks: one may be set, the other stops while the machine sleeps. */
  #until = { steady: 0, wall: 0 }
  /** Number of the last batch that was answered: the server must know it. */
  #batch: number
  /** Which server, of those that connections led to, confirmed it. */
  #server: number

  constructor(home: Home, name: string, terms: LeaseTerms, taken: Taken) {
    this.#home = home
    this.#name = name
    this.#terms = terms
    this.taken = taken
    this.#batch = taken.batch
    this.#server = home.pool.server
    this.#until = this.#fromNow()
    this.#timer = this.#schedule()
  }

  /** Milliseconds that each renewal adds. */
  get leaseMs(): number {
    return this.#terms.leaseMs
  }

  /** False once another may have taken it, or the server was replaced by one that may be behind. */
  get held(): boolean {
    const inTime = performance.now() < this.#until.steady && Date.now() < this.#until.wall
    return this.#lost === null && inTime && this.#server === this.#home.pool.server
  }

  /** Throws when the lease or batches are lost, asking the server first when that may be so. */
  async check(): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    if (!this.held) await this.renew()
  }

  /** A batch was written, which renews. */
  wrote(batch: number, until: { readonly steady: number; readonly wall: number }): void {
    this.#batch = batch
    this.#until = until
  }

  #fromNow(): { readonly steady: number; readonly wall: number } {
    return { steady: performance.now() + this.#terms.leaseMs, wall: Date.now() + this.#terms.leaseMs }
  }

  /** What `wrote` takes once the batch that is sent now is written. */
  sending(): { readonly steady: number; readonly wall: number } {
    return this.#fromNow()
  }

  /** Asks the server for another term; throws `LOCKED` when somebody else has the lease. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = null
    })
    return this.#renewing
  }

  async #renewOnce(): Promise<void> {
    if (this.#lost !== null) throw this.#lost
    const text = `UPDATE ${quoted(this.#home.schema)}.stores SET until = clock_timestamp() + $3 * interval '1 millisecond'
      WHERE no = $1 AND epoch = $2 RETURNING batch`
    const values = [String(this.taken.store), String(this.taken.epoch), String(this.#terms.leaseMs)]
    for (let server: number | null = null; server !== this.#home.pool.server;) {
      server = this.#home.pool.server
      const until = this.#fromNow()
      const batch = this.#batch
      const [rows = []] = await this.#home.pool.ask([{ text, values }], this.#home.where)
      const [row] = rows
      if (row === undefined) throw await this.lose()
      if (numberAt(row, 0) < batch) throw this.lostBatches()
      this.#until = until
      this.#server = server
    }
  }

  /** The server has fewer batches than it answered: it was replaced by one that had not received all. */
  lostBatches(): VarveError {
    const { where } = this.#home
    return this.#fail(
      `${where} has lost batches of "${this.#name}" that were answered, as a standby does that was behind: open the store again, and sync`,
    )
  }

  /** A batch is there whose writer has gone on as if it were not: what that one believes of the store is wrong. */
  tookEffect(): VarveError {
    return this.#fail(
      `A write to "${this.#name}" in ${this.#home.where} that got no answer took effect after all: open the store again`,
    )
  }

  /** Every call fails from now on. The lease is still held, and given back at the end. */
  #fail(message: string): VarveError {
    const details = { where: this.#home.where, store: this.#name, reopen: true }
    this.#stop()
    this.#lost ??= new VarveError('STORE_FAILED', message, { details })
    return this.#lost
  }

  /** The lease is another's: every call fails from now on with what this returns. */
  async lose(): Promise<VarveError> {
    this.#stop()
    this.#lost ??= refusal(this.#name, { address: null, until: Date.now() })
    try {
      const standing = await standingOf(this.#home, this.#name)
      if (standing !== null) this.#lost = refusal(this.#name, standing)
    } catch {
      // Who has it now is said when it is known; that it is lost is certain.
    }
    return this.#lost
  }

  /** Gives the lease back and tells those who wait for it. When the server cannot be told, it runs out by itself. */
  async release(): Promise<void> {
    this.#stop()
    if (this.#lost !== null && this.#lost.code !== 'STORE_FAILED') return
    this.#lost = new VarveError('CLOSED', `The store "${this.#name}" is closed: open it again`)
    const text = `WITH freed AS (
        UPDATE ${quoted(this.#home.schema)}.stores SET holder = NULL, address = NULL, until = clock_timestamp()
        WHERE no = $1 AND epoch = $2 RETURNING 1)
      SELECT pg_notify('${channel}', $3) FROM freed`
    const payload = releasePayload(this.#home.schema, this.#name)
    const values = [String(this.taken.store), String(this.taken.epoch), payload]
    try {
      await this.#home.pool.ask([{ text, values }], this.#home.where)
    } catch {
      // A server that is away cannot be told.
    }
  }

  #stop(): void {
    clearTimeout(this.#timer)
  }

  /** Writing renews too: the timer asks only when nothing was written for a while. */
  #schedule(): NodeJS.Timeout {
    const third = this.#terms.leaseMs / 3
    return setTimeout(() => {
      const left = Math.min(this.#until.steady - performance.now(), this.#until.wall - Date.now())
      const again = (): void => {
        if (this.#lost === null) this.#timer = this.#schedule()
      }
      // A renewal that fails is tried again, or found out by the next call.
      if (left > third * 2) again()
      else this.renew().then(again, again)
    }, third).unref()
  }
}
