/** Units to send: one channel at a time is asked for its next one, as long as the peer's window allows. */

import { VarveError } from '../errors.ts'
import type { Channel } from './channels.ts'
import { creditDue } from './credit.ts'
import { encodeFrame } from './frames.ts'
import type { Outbox } from './outputs.ts'
import { Scheduler, type Turn } from './scheduler.ts'

interface Produced {
  readonly turn: Turn
  /** Bytes of the unit. */
  readonly size: number
  readonly frame: Uint8Array
}

export class Sending {
  readonly #out: Outbox
  readonly #scheduler = new Scheduler()
  /** The channel that is producing. */
  #turn: Turn | null = null
  /** A unit made while the directory grew: it may need what the directory says now, which goes first. */
  #held: Produced | null = null
  /** Bytes that may still be sent; one unit of any size may go while it is above zero. */
  #window = 0
  /** Bytes that were sent and not given back. */
  #outstanding = 0
  /** Above so many of them only the directory and what is urgent is sent, where anything is urgent. */
  #bulk = 0
  #hasUrgent = false
  /** Units sent. */
  units = 0

  constructor(out: Outbox) {
    this.#out = out
  }

  /** Begins with the window that the peer allows. */
  begin(window: number): void {
    this.#window = window
    this.#bulk = creditDue(window)
  }

  /** The peer gives back what it took over; throws `INVALID` when that is more than was sent. */
  credited(bytes: number): void {
    if (bytes > this.#outstanding)
      throw new VarveError('INVALID', `The peer gave back ${bytes} bytes of ${this.#outstanding}: it lost count`)
    this.#outstanding -= bytes
    this.#window += bytes
  }

  /** The channel may have something new for the peer. */
  grown(channel: Channel, urgent: boolean): void {
    if (channel.state !== 'open') return
    this.#hasUrgent ||= urgent
    this.#scheduler.grown(channel, urgent)
  }

  /**
   * `last`: after this unit there is nothing more, and the peer has been given so many receipts; null when that is not
   * known. Throws `TOO_LARGE` or `INVALID` when the unit cannot be sent; the work is not answered then.
   */
  produced(number: number, unit: Uint8Array, last: number | null): void {
    const turn = this.#of(number)
    if (turn === null) return
    const { channel } = turn
    if (channel.state === 'open') {
      const produced = { turn, size: unit.length, frame: encodeFrame({ type: 'unit', channel: number, unit }) }
      if (this.#scheduler.directory && !channel.isDirectory) this.#held = produced
      else this.#send(produced, last)
    }
    this.#turn = null
  }

  /** The channel has nothing more now; the peer is told once after what it was sent. */
  dry(number: number, record: number): void {
    const turn = this.#of(number)
    if (turn === null) return
    this.#turn = null
    const { channel, urgent } = turn
    if (!urgent && channel.state === 'open' && !this.#scheduler.has(channel)) this.#drained(channel, record)
  }

  /** The work to produce came to nothing. */
  failed(number: number): void {
    if (this.#of(number) !== null) this.#turn = null
  }

  closed(channel: Channel): void {
    this.#scheduler.delete(channel)
    if (this.#held?.turn.channel === channel) this.#held = null
  }

  /** Whether the peer was sent everything of this channel and told so. */
  rests(channel: Channel): boolean {
    return channel.told && this.#turn?.channel !== channel && !this.#scheduler.has(channel)
  }

  /** Whether there is nothing to send. */
  get idle(): boolean {
    return this.#turn === null && this.#held === null && this.#scheduler.empty
  }

  /** Asks the next channel, unless one is producing or the window is used up. */
  advance(): void {
    if (this.#turn !== null || this.#window <= 0) return
    if (this.#held !== null && !this.#scheduler.directory) {
      this.#send(this.#held, null)
      this.#held = null
      this.advance()
      return
    }
    // What is urgent waits at the peer behind everything that was sent before it.
    this.#turn = this.#scheduler.take(!this.#hasUrgent || this.#outstanding < this.#bulk)
    if (this.#turn === null) return
    const { channel, urgent } = this.#turn
    this.#out.push({ do: 'produce', channel: channel.number, urgent })
  }

  #drained(channel: Channel, record: number): void {
    if (!channel.told) this.#out.send({ type: 'current', channel: channel.number, record })
    channel.told = true
    this.#out.push({ event: 'drained', channel: channel.number })
  }

  #send({ turn, size, frame }: Produced, last: number | null): void {
    this.#out.push({ do: 'send', bytes: frame })
    this.#window -= size
    this.#outstanding += size
    turn.channel.told = false
    turn.channel.blameless++
    this.units++
    if (last === null || this.#scheduler.has(turn.channel)) this.#scheduler.again(turn)
    else this.#drained(turn.channel, last)
  }

  #of(number: number): Turn | null {
    return this.#turn?.channel.number === number ? this.#turn : null
  }
}
