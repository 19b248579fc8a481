/** The channels of one connection: their numbers, their states and how many there may be. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'

export interface Channel {
  readonly number: number
  /** 16 bytes. */
  readonly database: Uint8Array
  readonly isDirectory: boolean
  /** Feeds that the peer's position lists. */
  readonly listed: number
  /**
   * `waiting` for the directory, before the peer knows of it; `opening` until the acceptor answers; `checking` while
   * the initiator looks at the answer; then `open`, at last `closed`.
   */
  state: 'waiting' | 'opening' | 'checking' | 'open' | 'closed'
  /** Whether the peer was told that it has everything, and has been sent nothing since. */
  told: boolean
  /** Units that the peer was sent and has not reported a feed of. */
  blameless: number
}

export class Channels {
  readonly #byNumber = new Map<number, Channel>()
  readonly #databases = new Set<string>()
  readonly #directoryId: Uint8Array | null
  #directory: Channel | undefined
  #next = 0
  #listed = 0

  constructor(directory: Uint8Array | null) {
    this.#directoryId = directory
  }

  /** The number of the next channel this side opens. */
  get next(): number {
    return this.#next
  }

  /** The channel of the directory, while it has one. */
  get directory(): Channel | undefined {
    return this.#directory
  }

  all(): readonly Channel[] {
    return [...this.#byNumber.values()]
  }

  /**
   * Adds a channel. Throws `INVALID` for a number that was used or a database that has a channel, and `TOO_LARGE`
   * when there are too many, or too many feeds in their positions.
   */
  add(number: number, database: Uint8Array, state: 'waiting' | 'opening', listed = 0): Channel {
    const name = toHex(database)
    if (number < this.#next)
      throw new VarveError('INVALID', `Channel ${number} was opened before: the next one is ${this.#next} or higher`)
    if (this.#databases.has(name))
      throw new VarveError('INVALID', `Database ${name} has a channel: close it before opening another`)
    assertLimit(this.#byNumber.size + 1, limits.syncChannels, 'The number of channels of a connection')
    assertLimit(this.#listed + listed, limits.positionFeeds, 'The number of feeds in the positions of all channels')
    const isDirectory = this.isDirectory(database)
    const channel: Channel = { number, database, isDirectory, listed, state, told: false, blameless: 0 }
    if (isDirectory) this.#directory = channel
    this.#byNumber.set(number, channel)
    this.#databases.add(name)
    this.#next = number + 1
    this.#listed += listed
    return channel
  }

  isDirectory(database: Uint8Array): boolean {
    return this.#directoryId !== null && equalBytes(database, this.#directoryId)
  }

  get(number: number): Channel | undefined {
    return this.#byNumber.get(number)
  }

  /** The channel a frame speaks of; undefined when it was closed, throws `INVALID` when there never was one. */
  named(number: number): Channel | undefined {
    const channel = this.#byNumber.get(number)
    if (number >= this.#next || channel?.state === 'waiting')
      throw new VarveError('INVALID', `Channel ${number} was never opened: the peer lost count`)
    return channel
  }

  close(channel: Channel): void {
    channel.state = 'closed'
    if (this.#directory === channel) this.#directory = undefined
    this.#byNumber.delete(channel.number)
    this.#databases.delete(toHex(channel.database))
    this.#listed -= channel.listed
  }
}
