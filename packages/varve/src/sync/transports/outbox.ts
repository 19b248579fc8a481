/** Frames on their way out: written in order, in batches, while `add` holds the sender back. */

import type { Env } from '../../env/env.ts'
import { VarveError } from '../../errors.ts'
import { limits } from '../../limits.ts'

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: VarveError) => void
}

export interface OutboxOptions {
  readonly env: Pick<Env, 'timer'>
  /** Hands frames over; resolves when it would take more. */
  write(frames: readonly Uint8Array[]): Promise<void>
  /** Everything was handed over. */
  idle(): void
  /** Nothing more can be sent: writing failed, or the reader is too slow. */
  failed(error: unknown): void
}

export class Outbox {
  readonly #options: OutboxOptions
  readonly #frames: Uint8Array[] = []
  #bytes = 0
  #waiting: Waiting[] = []
  #writing = false
  #failed = false
  #cancelWatch: (() => void) | null = null

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  get idle(): boolean {
    return !this.#writing && this.#frames.length === 0
  }

  /** Resolves when fewer than `limits.transportBytes` are waiting. */
  add(frame: Uint8Array): Promise<void> {
    this.#frames.push(frame)
    this.#bytes += frame.length
    void this.#pump()
    if (this.#bytes <= limits.transportBytes) return Promise.resolve()
    const room = new Promise<void>((resolve, reject) => void this.#waiting.push({ resolve, reject }))
    if (this.#bytes > limits.transportHeldBytes) this.#options.failed(tooSlow())
    else this.#watch()
    return room
  }

  /** Forgets all frames; those who wait for room are refused with `error`. */
  fail(error: VarveError): void {
    this.#failed = true
    this.#frames.length = 0
    this.#cancelWatch?.()
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  async #pump(): Promise<void> {
    if (this.#writing) return
    this.#writing = true
    // Frames of one turn go out together.
    await Promise.resolve()
    try {
      while (this.#frames.length > 0) {
        const { frames, bytes } = this.#take()
        await this.#options.write(frames)
        this.#bytes -= bytes
        this.#progress()
      }
      this.#writing = false
      this.#options.idle()
    } catch (error) {
      this.#options.failed(error)
    }
  }

  /** At least one frame, and as many as fit in a batch. */
  #take(): { frames: readonly Uint8Array[]; bytes: number } {
    let bytes = 0
    let count = 0
    for (const frame of this.#frames) {
      if (count > 0 && bytes + frame.length > limits.transportBatchBytes) break
      bytes += frame.length
      count++
    }
    return { frames: this.#frames.splice(0, count), bytes }
  }

  #progress(): void {
    this.#cancelWatch?.()
    this.#cancelWatch = null
    if (this.#bytes > limits.transportBytes) this.#watch()
    else for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  /** While there is no room, every batch has its time. */
  #watch(): void {
    if (this.#failed || this.#cancelWatch !== null) return
    const ms = limits.slowReaderMs + (this.#bytes / limits.slowReaderBytes) * 1000
    this.#cancelWatch = this.#options.env.timer(() => {
      this.#options.failed(tooSlow())
    }, ms)
  }
}

function tooSlow(): VarveError {
  return new VarveError(
    'RATE_LIMITED',
    'The other side of the connection does not take what is sent to it: the connection was ended, connect again',
  )
}
