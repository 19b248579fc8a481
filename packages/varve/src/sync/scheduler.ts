/** Which channel sends next: the directory, then what is urgent, then each other channel a unit in turn. */

import type { Channel } from './channels.ts'

/** One channel's turn to produce a unit. */
export interface Turn {
  readonly channel: Channel
  readonly urgent: boolean
}

/** Channels that may have something of one kind, in the order in which their turn comes. */
interface Queue {
  readonly directory: boolean
  readonly urgent: boolean
  readonly channels: Set<Channel>
}

export class Scheduler {
  /** The earlier queue goes first. */
  readonly #queues: readonly Queue[] = [
    { directory: true, urgent: true, channels: new Set() },
    { directory: true, urgent: false, channels: new Set() },
    { directory: false, urgent: true, channels: new Set() },
    { directory: false, urgent: false, channels: new Set() },
  ]

  /** The channel may have something new. What is urgent has its place in the record too, so both turns come. */
  grown(channel: Channel, urgent: boolean): void {
    this.again({ channel, urgent: false })
    if (urgent) this.again({ channel, urgent: true })
  }

  /** The channel produced a unit and may have more: it goes to the end of its queue. */
  again({ channel, urgent }: Turn): void {
    for (const queue of this.#queues) {
      if (queue.directory === channel.isDirectory && queue.urgent === urgent) queue.channels.add(channel)
    }
  }

  /**
   * Whose turn it is; its next turn of that kind comes when it has grown or is put back. Without `bulk` only the
   * directory and what is urgent have one.
   */
  take(bulk: boolean): Turn | null {
    for (const { directory, urgent, channels } of this.#queues) {
      if (!bulk && !directory && !urgent) return null
      for (const channel of channels) {
        channels.delete(channel)
        return { channel, urgent }
      }
    }
    return null
  }

  get empty(): boolean {
    return this.#queues.every(({ channels }) => channels.size === 0)
  }

  /** Whether the directory may have something: whatever else there is may speak of it. */
  get directory(): boolean {
    return this.#queues.some(({ directory, channels }) => directory && channels.size > 0)
  }

  has(channel: Channel): boolean {
    return this.#queues.some(({ channels }) => channels.has(channel))
  }

  delete(channel: Channel): void {
    for (const { channels } of this.#queues) channels.delete(channel)
  }
}
