/** Units that arrive: counted against the window, taken over one at a time in order of arrival, then given back. */

import { VarveError } from '../errors.ts'
import type { Channel } from './channels.ts'
import { creditDue } from './credit.ts'
import type { Outbox } from './outputs.ts'

interface Arrived {
  readonly channel: Channel
  readonly unit: Uint8Array
  /** The peer said after this unit that it was the last it had, up to this number of receipts. */
  current: number | null
}

export class Receiving {
  readonly #out: Outbox
  readonly #waiting = new Set<Arrived>()
  /** The last unit of each channel, while it is here. */
  readonly #last = new Map<Channel, Arrived>()
  /** The unit that is being taken over. */
  #busy: Arrived | null = null
  #arrived = 0
  #done = 0
  /** Bytes that the peer may still send; one unit of any size may come while it is above zero. */
  #window: number
  /** Bytes that are done with and not given back yet. */
  #owed = 0
  readonly #due: number

  constructor(out: Outbox, window: number) {
    this.#out = out
    this.#window = window
    this.#due = creditDue(window)
  }

  /** Counts a unit; throws `TOO_LARGE` when the peer had to wait. */
  count(unit: Uint8Array): void {
    if (this.#window <= 0)
      throw new VarveError('TOO_LARGE', 'The peer sent more than the window allows: it must wait for credit')
    this.#window -= unit.length
  }

  /** Units that are to be taken over, and how many of them are done with. */
  get arrived(): number {
    return this.#arrived
  }

  get done(): number {
    return this.#done
  }

  push(channel: Channel, unit: Uint8Array): void {
    this.#arrived++
    const arrived = { channel, unit, current: null }
    this.#waiting.add(arrived)
    this.#last.set(channel, arrived)
  }

  /** Whether a unit of this channel is here and not done with. */
  holds(channel: Channel): boolean {
    return this.#last.has(channel)
  }

  /** The peer gets back what was taken over or passed over: a good part of the window at a time. */
  giveBack(bytes: number): void {
    this.#owed += bytes
    if (bytes === 0 || this.#owed < this.#due) return
    this.#window += this.#owed
    this.#out.send({ type: 'credit', bytes: this.#owed })
    this.#owed = 0
  }

  /** Notes that the peer has nothing behind what arrived; false when all of the channel has been taken over. */
  mark(channel: Channel, record: number): boolean {
    const last = this.#last.get(channel)
    if (last === undefined) return false
    last.current = record
    return true
  }

  /** The unit of this channel that was being taken over, which is done with; null when there was none. */
  finish(channel: number): Arrived | null {
    const done = this.#busy
    if (done === null || done.channel.number !== channel) return null
    this.#busy = null
    this.#forget(done)
    this.giveBack(done.unit.length)
    return done
  }

  /** Gives the driver the next unit, unless it has one or the channel is not open yet. */
  advance(): void {
    this.giveBack(this.#skip())
    const [next] = this.#waiting
    if (this.#busy !== null || next === undefined || next.channel.state !== 'open') return
    this.#waiting.delete(next)
    this.#busy = next
    this.#out.push({ do: 'ingest', channel: next.channel.number, unit: next.unit })
  }

  /** Passes over units whose channel was closed, up to the first that still counts. */
  #skip(): number {
    let bytes = 0
    for (const arrived of this.#waiting) {
      if (arrived.channel.state !== 'closed') break
      bytes += arrived.unit.length
      this.#waiting.delete(arrived)
      this.#forget(arrived)
    }
    return bytes
  }

  #forget(arrived: Arrived): void {
    this.#done++
    if (this.#last.get(arrived.channel) === arrived) this.#last.delete(arrived.channel)
  }
}
