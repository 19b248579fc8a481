/** The opening of channels: one after another the driver looks at what the peer says it holds. */

import { VarveError, type ErrorCode } from '../errors.ts'
import type { Position } from '../replica/position.ts'
import type { Channel, Channels } from './channels.ts'
import { encodeFrame, type FrameOf } from './frames.ts'
import type { Outbox, Work } from './outputs.ts'

export class Opening {
  readonly #out: Outbox
  readonly #channels: Channels
  /** Opened by the driver, but the directory comes first. */
  readonly #waiting = new Map<Channel, Uint8Array>()
  /** Channels whose peer told its position, with the work that follows from it. */
  readonly #told = new Map<Channel, Work>()
  /** The channel the driver is looking at. */
  #busy: Channel | null = null
  /** The directory is current, and the peer was sent what it lacked of it: other channels may follow. */
  #free: boolean

  constructor(out: Outbox, channels: Channels, free: boolean) {
    this.#out = out
    this.#channels = channels
    this.#free = free
  }

  /** The initiator's driver opens a channel; throws `INVALID` when the directory must be opened before. */
  ask(database: Uint8Array, position: Position, urgent: readonly Uint8Array[]): Channel {
    const number = this.#channels.next
    const bytes = encodeFrame({ type: 'open', channel: number, database, position, urgent })
    if (!this.#free && this.#channels.directory === undefined && !this.#channels.isDirectory(database))
      throw new VarveError('INVALID', 'The directory is opened first: other databases need the devices it names')
    const channel = this.#channels.add(number, database, 'waiting')
    this.#waiting.set(channel, bytes)
    return channel
  }

  /** The initiator opens a database. */
  open(channel: Channel, { database, position, urgent }: FrameOf<'open'>): void {
    this.#told.set(channel, { do: 'open', channel: channel.number, database, position, urgent })
  }

  /** The acceptor has opened one. */
  opened(channel: Channel, { position, checkpoint }: FrameOf<'opened'>): void {
    channel.state = 'checking'
    this.#told.set(channel, { do: 'peer', channel: channel.number, position, checkpoint })
  }

  /** The driver has looked at a channel: it comes back unless it was closed or is another's turn. */
  finish(number: number): Channel | null {
    const channel = this.#busy
    if (channel?.number !== number) return null
    this.#busy = null
    return channel.state === 'closed' ? null : channel
  }

  /** The directory is current on both sides, as far as this one can tell. */
  release(): void {
    this.#free = true
  }

  /** Forgets a channel. What waits for the directory has nothing to wait for when it closes. */
  closed(channel: Channel, code: ErrorCode, message: string): void {
    this.#waiting.delete(channel)
    this.#told.delete(channel)
    if (!channel.isDirectory || this.#free) return
    for (const waiting of this.#waiting.keys()) {
      this.#channels.close(waiting)
      this.#out.push({ event: 'error', channel: waiting.number, code, message, feed: null })
      this.#out.push({ event: 'ended', channel: waiting.number })
    }
    this.#waiting.clear()
  }

  /** Whether no channel waits for the driver. */
  get idle(): boolean {
    return this.#busy === null && this.#told.size === 0
  }

  /**
   * Sends what may be opened now, and gives the driver the next channel to look at. What the peer opens waits while
   * something it sent of the directory is taken over (`behind`): that may say that it may.
   */
  advance(behind: boolean): void {
    for (const [channel, bytes] of this.#waiting) {
      if (!this.#free && !channel.isDirectory) continue
      this.#waiting.delete(channel)
      channel.state = 'opening'
      this.#out.push({ do: 'send', bytes })
    }
    if (this.#busy !== null) return
    for (const [channel, work] of this.#told) {
      if (behind && work.do === 'open' && !channel.isDirectory) continue
      this.#told.delete(channel)
      this.#busy = channel
      this.#out.push(work)
      return
    }
  }
}
