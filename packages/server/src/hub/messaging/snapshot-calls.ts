/** Snapshots as one process asks another for them. */

import type { JsonValue, Transaction } from 'varve'
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

/** A value to store, and when that was asked for, ISO 8601. */
export type Given = Pick<Snapshot, 'name' | 'value' | 'at'>

/** The same methods in the process that asks and in the one that is asked. */
export class SnapshotCalls {
  readonly #home: Home

  constructor(home: Home) {
    this.#home = home
  }

  set(given: Given): Promise<null> {
    return this.#transact('set', given, async (tx) => {
      const rows = tx.collection<Row>('snapshots')
      const id = this.#id(given.name)
      const known = await rows.get(id)
      const row = { ...this.#row(given, null), entries: known?.entries ?? 0 }
      if (known === null) await rows.create(row, { id })
      else await rows.update(id, row)
      return null
    })
  }

  /** Gives the number of the entry. */
  append(given: Given): Promise<number> {
    return this.#transact('append', given, async (tx) => {
      const rows = tx.collection<Row>('snapshots')
      const id = this.#id(given.name)
      const head = await rows.get(id)
      const number = head?.entries ?? 0
      const row = this.#row(given, number)
      await rows.create(row, { id: this.#id(given.name, number) })
      const next = { ...row, number: null, entries: number + 1 }
      if (head === null) await rows.create(next, { id })
      else await rows.update(id, next)
      return number
    })
  }

  latest(name: string): Promise<Snapshot | null> {
    return this.#home.run('latest', [name], async (database) => {
      const row = await database.collection<Row>('snapshots').get(this.#id(name))
      return row === null ? null : snapshot(row)
    })
  }

  list(name: string, from: number, limit: number): Promise<readonly Snapshot[]> {
    const { tenant } = this.#home
    return this.#home.run('list', [name, from, limit], async (database) => {
      const entries = database.collection<Row>('snapshots').find({ tenant, name, number: { $gte: from } })
      return (await entries.sort({ number: 1 }).limit(limit).toArray()).map(snapshot)
    })
  }

  #row({ name, value, at }: Given, number: number | null): Row {
    return { tenant: this.#home.tenant, name, number, value, at }
  }

  /** Of a value, or of an entry: "#" keeps them apart. */
  #id(name: string, number?: number): string {
    const own = rowId(this.#home.tenant, name)
    return number === undefined ? own : `${own}#${number}`
  }

  #transact<R>(method: string, given: Given, work: (tx: Transaction) => Promise<R>): Promise<R> {
    return this.#home.run(method, [given], (database, noting) => transactIn(database, noting, work))
  }
}

function snapshot({ name, number, value, at }: Row): Snapshot {
  return { name, number, value, at }
}
