/** The databases on one connection: what the peer holds of each, and what it gets next. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import type { VarveError } from '../errors.ts'
import type { Unit } from '../log/unit.ts'
import { ingestUnit, type Ingested } from '../replica/ingest.ts'
import { Outgoing } from '../replica/outgoing.ts'
import { comparePositions, type Position } from '../replica/position.ts'
import type { Replica } from '../replica/replica.ts'
import { leaveFork } from './driver-events.ts'

/** By channel. */
export class Flows {
  readonly #byChannel = new Map<number, Flow>()
  /** Databases that get a channel as soon as it is known what is held of them, by id in hex. */
  readonly #opening = new Set<string>()

  get(channel: number): Flow | undefined {
    return this.#byChannel.get(channel)
  }

  set(channel: number, flow: Flow): void {
    this.#byChannel.set(channel, flow)
  }

  /** The channel of a database; null when it has none. */
  channelOf(database: Uint8Array): number | null {
    for (const [channel, flow] of this.#byChannel) if (equalBytes(flow.database, database)) return channel
    return null
  }

  /** Whether a database has a channel, or is about to. */
  has(database: Uint8Array): boolean {
    return this.#opening.has(toHex(database)) || this.channelOf(database) !== null
  }

  /** Runs `open` unless the database has a channel or is about to: it has one channel, whoever asks how often. */
  async opening(database: Uint8Array, open: () => Promise<void>): Promise<void> {
    if (this.has(database)) return
    const name = toHex(database)
    this.#opening.add(name)
    try {
      await open()
    } finally {
      this.#opening.delete(name)
    }
  }

  /** Ends what is sent on a channel; undefined when nothing was. */
  end(channel: number): Flow | undefined {
    const flow = this.#byChannel.get(channel)
    flow?.end()
    this.#byChannel.delete(channel)
    return flow
  }

  endAll(): void {
    for (const channel of this.#byChannel.keys()) this.end(channel)
  }
}

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

  /** Forks that the positions show, the own one left; throws `TAMPERED` when the records are two histories. */
  async compare(position: Position, peerRecords: boolean): Promise<readonly VarveError[]> {
    const forks = comparePositions(this.replica, position, peerRecords, this.#held)
    for (const fork of forks) await leaveFork(this.replica, fork)
    return forks
  }

  /** The next unit for the peer; null when it has everything. */
  async next(urgent: boolean): Promise<Uint8Array | null> {
    if (this.#outgoing === null) return null
    return urgent ? this.#outgoing.urgent(this.urgent) : this.#outgoing.next()
  }

  /** Whether the peer has been given everything, as far as that is known without a look at the store. */
  get dry(): boolean {
    return this.#outgoing?.dry ?? false
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
