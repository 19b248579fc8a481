/** One database on one connection: what the peer holds of it, and what it gets next. */

import { toHex } from '../encoding/bytes.ts'
import type { VarveError } from '../errors.ts'
import type { Unit } from '../log/unit.ts'
import { ingestUnit, type Ingested } from '../replica/ingest.ts'
import { Outgoing } from '../replica/outgoing.ts'
import { comparePositions, type Position } from '../replica/position.ts'
import type { Replica } from '../replica/replica.ts'

/** By channel. */
export type Flows = Map<number, Flow>

export class Flow {
  readonly database: Uint8Array
  readonly replica: Replica
  /** Tags, in hex, of the collections whose commits go ahead. */
  readonly urgent: ReadonlySet<string>
  /** Receipts held when the peer was asked for its position. */
  readonly #held: number
  /** Why its channel is closed. */
  failure: VarveError | null = null
  #outgoing: Outgoing | null = null
  #unwatch: () => void = () => undefined

  constructor(database: Uint8Array, replica: Replica, urgent: readonly Uint8Array[]) {
    this.database = database
    this.replica = replica
    this.urgent = new Set(urgent.map(toHex))
    this.#held = replica.state.record.length
  }

  /** From here on the peer's position is known; `grown` is called after every write. */
  begin(position: Position, grown: () => void): void {
    this.end()
    this.#outgoing = new Outgoing(this.replica, position)
    this.#unwatch = this.replica.onWrite(grown)
  }

  /** Forks that the positions show; throws `TAMPERED` when the records are two histories. */
  compare(position: Position, peerRecords: boolean): readonly VarveError[] {
    return comparePositions(this.replica, position, peerRecords, this.#held)
  }

  /** The next unit for the peer; null when it has everything. */
  async next(urgent: boolean): Promise<Uint8Array | null> {
    if (this.#outgoing === null) return null
    return urgent ? this.#outgoing.urgent(this.urgent) : this.#outgoing.next()
  }

  /** Receipts the peer holds by now. */
  get record(): number {
    return this.#outgoing?.record ?? 0
  }

  /** Commits the peer was sent. */
  get sent(): number {
    return this.#outgoing?.sent ?? 0
  }

  /** Takes a unit of the peer over: what comes from it must not be sent back to it. Throws what `ingest` throws. */
  async takeOver(unit: Unit): Promise<Ingested> {
    this.#outgoing?.receiving(unit)
    try {
      const ingested = await ingestUnit(this.replica, unit)
      this.#outgoing?.received()
      return ingested
    } finally {
      this.#outgoing?.dropped()
    }
  }

  block(feed: Uint8Array): void {
    this.#outgoing?.block(feed)
  }

  end(): void {
    this.#unwatch()
    this.#outgoing?.close()
    this.#unwatch = () => undefined
    this.#outgoing = null
  }
}
