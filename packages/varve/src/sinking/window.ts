/** Which commits are old: the hot window, and how far the log has left it. */

import { stampMs } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { CommitHead } from '../store/rows.ts'
import type { Store } from '../store/store.ts'

/** What stays hot. A commit is old when any of the bounds given says so; without any, after 30 days. */
export interface SinkOptions {
  /** Days since it was recorded, or written while it is pending. */
  readonly afterDays?: number
  /** Commits that stay hot, the newest. */
  readonly keepCommits?: number
  /** Bytes of bodies that stay hot, the newest. */
  readonly keepBytes?: number
  /** Bytes of bodies in one segment, about; 4 MB unless said otherwise. What is less waits. */
  readonly segmentBytes?: number
  /** Days that a commit stays hot at least, whatever the bounds say; 0 when absent. */
  readonly keepDays?: number
  /** Deflate what gets smaller by it; true when absent. */
  readonly compress?: boolean
}

export interface SinkWindow {
  readonly afterMs: number
  readonly keepCommits: number
  readonly keepBytes: number
  readonly segmentBytes: number
  readonly keepMs: number
  readonly compress: boolean
}

const dayMs = 86_400_000
const defaultDays = 30
/** Commits looked at together: few at first, since most of the time the first one is still young. */
const page = { first: 16, most: 512 }

/** Throws `INVALID` naming the option. */
export function windowOf(options: SinkOptions): SinkWindow {
  const { compress = true, ...numbers } = options
  if (typeof compress !== 'boolean') throw new VarveError('INVALID', 'sink.compress should be true or false')
  for (const [name, value] of Object.entries(numbers)) {
    const whole = name === 'afterDays' || name === 'keepDays' || Number.isSafeInteger(value)
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || !whole)
      throw new VarveError('INVALID', `sink.${name} is ${String(value)}: give a number, 0 or more`, {
        details: { name },
      })
  }
  const { afterDays, keepCommits, keepBytes, segmentBytes = limits.segmentBytes, keepDays = 0 } = options
  if (segmentBytes < 1 || segmentBytes > limits.segmentAimBytes)
    throw new VarveError('INVALID', `sink.segmentBytes is ${segmentBytes}: give 1 to ${limits.segmentAimBytes}`)
  const bounded = keepCommits !== undefined || keepBytes !== undefined
  return {
    afterMs: (afterDays ?? (bounded ? Infinity : defaultDays)) * dayMs,
    keepCommits: keepCommits ?? Infinity,
    keepBytes: keepBytes ?? Infinity,
    segmentBytes,
    keepMs: keepDays * dayMs,
    compress,
  }
}

/** When a commit was recorded, or written while it is pending. */
export function timeOf({ at, stamp }: Pick<CommitHead, 'at' | 'stamp'>): number {
  return at ?? stampMs(stamp)
}

/** Commits and bytes of the log up to a number, counted from where counting began. */
interface Mark {
  no: number
  commits: number
  bytes: number
}

/** How far the log has left the window, found by going on from where it was found last. */
export class HotWindow {
  readonly #store: Pick<Store, 'commitsAfter'>
  readonly #window: SinkWindow
  /** The last commit outside of the window, and the last one seen. */
  readonly #old: Mark
  readonly #end: Mark

  /** `from` is the first commit that is hot for sure. */
  constructor(store: Pick<Store, 'commitsAfter'>, window: SinkWindow, from: number) {
    this.#store = store
    this.#window = window
    this.#old = { no: from - 1, commits: 0, bytes: 0 }
    this.#end = { ...this.#old }
  }

  /** The last commit that is old at this time, and how much is old since counting began. */
  async look(now: number, turn: () => Promise<void>): Promise<Readonly<Mark>> {
    const { afterMs, keepCommits, keepBytes, keepMs } = this.#window
    const counts = keepCommits < Infinity || keepBytes < Infinity
    if (counts) await this.#pass(this.#end, () => true, turn)
    await this.#pass(
      this.#old,
      (head) =>
        timeOf(head) <= now - keepMs &&
        (timeOf(head) <= now - afterMs ||
          this.#end.commits - this.#old.commits > keepCommits ||
          this.#end.bytes - this.#old.bytes > keepBytes),
      turn,
    )
    return { ...this.#old }
  }

  async #pass(mark: Mark, isOver: (head: CommitHead) => boolean, turn: () => Promise<void>): Promise<void> {
    for (let limit = page.first; ; limit = page.most) {
      const heads = await this.#store.commitsAfter(mark.no, limit)
      for (const head of heads) {
        if (!isOver(head)) return
        mark.no = head.no
        mark.commits++
        mark.bytes += head.size
      }
      if (heads.length < limit) return
      await turn()
    }
  }
}
