/** Values that several processes share: one that is replaced (`set`), or entries that are kept one by one (`append`). */

import type { JsonValue, Transaction } from 'varve'
import { checkName, VarveError, type Env } from 'varve/engine'
import { rowId, transactIn, type Home } from './home.ts'
import type { Snapshot } from './types.ts'

interface Row {
  readonly tenant: string
  readonly name: string
  readonly number: number | null
  readonly value: JsonValue
  readonly at: string
  /** How many entries there are; with the first row of a name alone. */
  readonly entries?: number
}

export class Snapshots {
  readonly #home: Home
  readonly #env: Env

  constructor(home: Home, env: Env) {
    this.#home = home
    this.#env = env
  }

  /** Replaces the value of a name; earlier ones stay as versions. */
  async set(name: string, value: JsonValue): Promise<Snapshot> {
    return this.#transact(async (tx) => {
      const rows = tx.collection<Row>('snapshots')
      const known = await rows.get(this.#id(name))
      const row = { ...this.#row(name, null, value), entries: known?.entries ?? 0 }
      if (known === null) await rows.create(row, { id: this.#id(name) })
      else await rows.update(this.#id(name), row)
      return snapshot(row)
    })
  }

  /** Adds an entry under a name. */
  async append(name: string, value: JsonValue): Promise<Snapshot> {
    return this.#transact(async (tx) => {
      const rows = tx.collection<Row>('snapshots')
      const head = await rows.get(this.#id(name))
      const number = head?.entries ?? 0
      const row = this.#row(name, number, value)
      await rows.create(row, { id: this.#id(name, number) })
      const next = { ...row, number: null, entries: number + 1 }
      if (head === null) await rows.create(next, { id: this.#id(name) })
      else await rows.update(this.#id(name), next)
      return snapshot(row)
    })
  }

  /** What was set or appended last; null when nothing was. */
  async latest(name: string): Promise<Snapshot | null> {
    const row = await this.#home
      .placement()
      .using(({ database }) => database.collection<Row>('snapshots').get(this.#id(name)))
    return row === null ? null : snapshot(row)
  }

  /** The entries of a name from a number on, in order. */
  async list(name: string, { from = 0, limit = 100 } = {}): Promise<readonly Snapshot[]> {
    const { tenant, placement } = this.#home
    const rows = await placement().using(({ database }) =>
      database
        .collection<Row>('snapshots')
        .find({ tenant, name, number: { $gte: from } })
        .sort({ number: 1 })
        .limit(limit)
        .toArray(),
    )
    return rows.map(snapshot)
  }

  #row(name: string, number: number | null, value: JsonValue): Row {
    return { tenant: this.#home.tenant, name, number, value, at: new Date(this.#env.now()).toISOString() }
  }

  /** Of a value, or of an entry: "#" keeps them apart. */
  #id(name: string, number?: number): string {
    if (/[/#]/.test(name)) throw new VarveError('INVALID', `"${name}" has a "/" or "#": choose another name`)
    const own = rowId(this.#home.tenant, checkName(name, 'snapshot'))
    return number === undefined ? own : `${own}#${number}`
  }

  #transact<R>(work: (tx: Transaction) => Promise<R>): Promise<R> {
    return this.#home.placement().using(({ database }) => transactIn(database, work))
  }
}

function snapshot({ name, number, value, at }: Row): Snapshot {
  return { name, number, value, at }
}
