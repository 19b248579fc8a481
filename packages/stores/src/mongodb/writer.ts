/** Writing: batches that wait share one insert into the log, each of them applied or refused alone. */

import type { Batch } from 'varve/engine'
import type { Knowledge } from './check.ts'
import { Draft, sizeOf } from './effects.ts'
import type { Layers } from './layers.ts'
import type { Lease } from './lease.ts'
import type { Log } from './log.ts'
import type { Pieces } from './pieces.ts'
import { planBatch } from './plan.ts'
import type { Projector } from './projector.ts'

interface Waiting {
  readonly batch: Batch
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Bytes of one insert, about, after which no further batch joins it. */
const groupBytes = 4 * 1024 * 1024

export class Writer {
  readonly #log: Log
  readonly #layers: Layers
  readonly #projector: Projector
  readonly #lease: Lease
  readonly #known: Knowledge
  readonly #pieces: Pieces
  #waiting: Waiting[] = []
  #running: Promise<void> | null = null

  constructor(parts: {
    readonly log: Log
    readonly layers: Layers
    readonly projector: Projector
    readonly lease: Lease
    readonly known: Knowledge
    readonly pieces: Pieces
  }) {
    this.#log = parts.log
    this.#layers = parts.layers
    this.#projector = parts.projector
    this.#lease = parts.lease
    this.#known = parts.known
    this.#pieces = parts.pieces
  }

  /** Settles once the batch is in the log or refused. */
  write(batch: Batch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject })
      this.#running ??= this.#run().finally(() => {
        this.#running = null
      })
    })
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    // What is called in the same turn goes out together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const planned: Waiting[] = []
      try {
        await this.#projector.room()
        await this.#lease.check()
        const effects = await this.#layers.read(async (view) => {
          const all = new Draft()
          for (let size = 0; size < groupBytes;) {
            const one = this.#waiting.shift()
            if (one === undefined) break
            try {
              const draft = await planBatch(one.batch, view.with(all), this.#known, this.#pieces)
              size += sizeOf(draft)
              all.add(draft)
              planned.push(one)
            } catch (error) {
              one.reject(error)
            }
          }
          return all
        })
        if (effects.rows.size + effects.cleared.length > 0) {
          this.#layers.add(await this.#log.append(effects))
          this.#projector.poke()
        }
        for (const { resolve } of planned) resolve()
      } catch (error) {
        this.#fail(planned, error)
      }
    }
  }

  #fail(planned: readonly Waiting[], error: unknown): void {
    this.#known.tags.forget()
    // Before anything was planned, the first in line is the one that could not go on.
    const failed = planned.length > 0 ? planned : this.#waiting.splice(0, 1)
    for (const { reject } of failed) reject(error)
  }
}
