/** One direction of a simulated connection: what is sent arrives later, in order, at the pace of the line. */

import { offline } from 'varve/engine'
import type { Scheduler } from './scheduler.ts'

/** Bytes, or null for the end of what is sent. */
export type Parcel = Uint8Array | null

export interface LaneOptions {
  readonly scheduler: Scheduler
  /** Milliseconds on the way of the next parcel. */
  readonly latency: () => number
  readonly bytesPerMs: number
  /** Bytes on the way above which the sender has to wait. */
  readonly bufferBytes: number
  readonly deliver: (parcel: Parcel) => void
}

interface Travelling {
  readonly parcel: Parcel
  readonly arrives: number
}

export class Lane {
  readonly #options: LaneOptions
  readonly #travelling: Travelling[] = []
  /** Why nothing is delivered now. */
  readonly #holds = new Set<string>()
  #bytes = 0
  #free = 0
  #arrived = 0
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  #closed = false

  constructor(options: LaneOptions) {
    this.#options = options
  }

  /** Resolves when the line would take more; rejects when it is cut. */
  send(parcel: Parcel): Promise<void> {
    if (this.#closed) return Promise.reject(cutOff())
    const { scheduler, bytesPerMs, latency, bufferBytes } = this.#options
    const size = parcel?.length ?? 0
    this.#free = Math.max(scheduler.now, this.#free) + size / bytesPerMs
    this.#arrived = Math.max(this.#arrived, Math.ceil(this.#free + latency()))
    this.#travelling.push({ parcel, arrives: this.#arrived })
    this.#bytes += size
    scheduler.after(this.#arrived - scheduler.now, () => {
      this.#deliver()
    })
    if (this.#bytes <= bufferBytes) return Promise.resolve()
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }))
  }

  /** Nothing arrives until this hold is released; the sender is held back when the line is full. */
  hold(why: string): void {
    this.#holds.add(why)
  }

  release(why: string): void {
    if (!this.#holds.delete(why)) return
    this.#options.scheduler.after(0, () => {
      this.#deliver()
    })
  }

  /** What is on the way is lost. */
  cut(): void {
    this.#closed = true
    this.#travelling.length = 0
    for (const { reject } of this.#waiting.splice(0)) reject(cutOff())
  }

  #deliver(): void {
    while (!this.#closed && this.#holds.size === 0) {
      const [first] = this.#travelling
      if (first === undefined || first.arrives > this.#options.scheduler.now) break
      this.#travelling.shift()
      this.#bytes -= first.parcel?.length ?? 0
      if (this.#bytes <= this.#options.bufferBytes) for (const { resolve } of this.#waiting.splice(0)) resolve()
      this.#options.deliver(first.parcel)
    }
  }
}

function cutOff(): Error {
  return offline('The simulated line was cut')
}
