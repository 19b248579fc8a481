/** The write queue of a replica: one task at a time, waiting writes grouped into one flush. */

import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Change, CommitExtras, Outcome } from './append.ts'
import type { Head } from '../document/head.ts'

/** Reads heads as they are in the middle of a flush, with the writes before this one applied. */
export interface PlanView {
  /** The head of a loaded document by its row tag; undefined when there is none. */
  head(tag: Uint8Array): Head | undefined
}

/** What a write wants: its changes, and the answer to its caller once they are stored. With extras it must have changes and be alone. */
export interface Plan<R> extends CommitExtras {
  readonly changes: readonly Change[]
  readonly finish: (outcomes: readonly Outcome[]) => R
  /** Named values to store, or to remove (null), in the same write. */
  readonly values?: (outcomes: readonly Outcome[]) => ReadonlyMap<string, Uint8Array | null>
}

/** A write waiting for the next flush. */
export interface WriteTask<R> {
  /** Row tags of all documents whose heads the plan reads or changes. */
  readonly tags: readonly Uint8Array[]
  /** Documents it may change, for the size of a flush. */
  readonly size: number
  /** Keeps other writes out of its commit: it carries preconditions or is a transaction. */
  readonly alone: boolean
  /** Checks and encodes; throwing refuses this write alone. */
  plan(view: PlanView): Plan<R> | Promise<Plan<R>>
}

export interface Waiting {
  readonly task: WriteTask<undefined>
  resolve(): void
  reject(error: unknown): void
}

/** Runs flushes and exclusive tasks strictly one after the other, in order of arrival. */
export class WriteQueue {
  readonly #flush: (group: readonly Waiting[]) => Promise<void>
  #writes: Waiting[] = []
  #tail: Promise<unknown> = Promise.resolve()
  #scheduled = false
  #closed: VarveError | null = null

  constructor(flush: (group: readonly Waiting[]) => Promise<void>) {
    this.#flush = flush
  }

  /** Resolves with the answer of the plan once its flush is stored. */
  write<R>(task: WriteTask<R>): Promise<R> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    return new Promise<R>((resolve, reject) => {
      let answer: { readonly value: R } | null = null
      const keep = (made: Plan<R>): Plan<undefined> => ({
        ...made,
        finish: (outcomes) => {
          answer = { value: made.finish(outcomes) }
          return undefined
        },
      })
      const plan = (view: PlanView): Plan<undefined> | Promise<Plan<undefined>> => {
        const made = task.plan(view)
        return made instanceof Promise ? made.then(keep) : keep(made)
      }
      const done = (): void => {
        if (answer !== null) resolve(answer.value)
        else
          reject(
            new VarveError('STORE_FAILED', 'A write was stored but not answered: this is a defect, please report it'),
          )
      }
      this.#writes.push({ task: { ...task, plan }, resolve: done, reject })
      this.#schedule()
    })
  }

  /** Runs `work` alone, after everything that was asked for before it. */
  exclusive<R>(work: () => Promise<R>): Promise<R> {
    if (this.#closed !== null) return Promise.reject(this.#closed)
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => undefined)
    return result
  }

  /** Lets everything accepted finish; later calls are refused with `CLOSED`. */
  async close(error: VarveError): Promise<void> {
    this.#closed = error
    await this.#tail
    while (this.#writes.length > 0 || this.#scheduled) await this.#tail
  }

  #takeGroup(): readonly Waiting[] {
    let size = 0
    let count = 0
    for (const { task } of this.#writes) {
      if (count > 0 && size + task.size > limits.sharedEntries) break
      size += task.size
      count++
    }
    return this.#writes.splice(0, count)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#tail = this.#flushAfter(this.#tail)
  }

  async #flushAfter(tail: Promise<unknown>): Promise<void> {
    await tail
    this.#scheduled = false
    const group = this.#takeGroup()
    if (this.#writes.length > 0) this.#schedule()
    await this.#flush(group)
  }
}
