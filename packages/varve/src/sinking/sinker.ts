/** What makes bodies sink: packs what is old, puts it, reads it back, and only then drops the hot copy. */

import { equalBytes } from '../encoding/bytes.ts'
import { takingTurns } from '../env/pause.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import {
  descriptorName,
  encodeDeadLetter,
  encodeDescriptor,
  encodeSunkState,
  failedValue,
  stateValue,
  type DeadLetter,
  type Descriptor,
  type SunkState,
} from './descriptor.ts'
import { checkSegments, type SegmentsReport } from './check.ts'
import { removeEmpty } from './empty.ts'
import { Failures, type FailureRules, type LastError } from './failures.ts'
import { newKey } from './keys.ts'
import { removeOrphans } from './orphans.ts'
import { packSegment } from './pack.ts'
import type { KnownSegments, Segments } from './segments.ts'
import type { SinkingShare } from './share.ts'
import type { Requests, SegmentStorage } from './storage.ts'
import { hotBodies, rangesOf, takeHeads, type Taken } from './take.ts'
import { HotWindow, timeOf, type SinkWindow } from './window.ts'

export interface SinkerParts {
  /** The store's name, which is part of its keys. */
  readonly name: string
  /** The hot store itself. */
  readonly store: Store
  readonly known: KnownSegments
  readonly storage: SegmentStorage
  readonly window: SinkWindow
  readonly failures: FailureRules
  /** 16 bytes that name where the segments lie; asked for when the store first sinks. */
  readonly owner: () => Promise<Uint8Array>
  readonly share: SinkingShare
  readonly env: Pick<Env, 'now' | 'random' | 'timer' | 'log'>
}

/** Segments and their commits, bytes of bodies, and of the objects that hold them. */
export interface SinkSums {
  readonly segments: number
  readonly commits: number
  readonly bytes: number
  readonly stored: number
}

export interface SinkState extends SinkSums {
  /** What was old and still hot when that was looked at last, and the time of its first commit (Unix milliseconds). */
  readonly pendingCommits: number
  readonly pendingBytes: number
  readonly oldestPendingAt: number | null
  /** Since the store was opened. */
  readonly requests: Requests
  /** Failures in a row, the last one, and when it is tried again by itself (Unix milliseconds). */
  readonly failures: number
  readonly lastError: LastError | null
  readonly nextTryAt: number | null
  /** Commits that do not sink, and why; null when there are none. */
  readonly deadLetter: DeadLetter | null
}

const nothing: SinkSums = { segments: 0, commits: 0, bytes: 0, stored: 0 }

export class Sinker {
  readonly #parts: SinkerParts
  readonly #failures: Failures
  readonly #abort = new AbortController()
  /** Settles when everything asked so far has; never rejects. */
  #work: Promise<unknown> = Promise.resolve()
  /** The next look for segments that are empty. */
  #emptying: Promise<number> | null = null
  #hot: HotWindow | null = null
  /** What has sunk since the window began to count, and where sinking stands by that. */
  #passed = { commits: 0, bytes: 0, next: -1 }
  #pending: Pick<SinkState, 'pendingCommits' | 'pendingBytes' | 'oldestPendingAt'> = {
    pendingCommits: 0,
    pendingBytes: 0,
    oldestPendingAt: null,
  }

  constructor(parts: SinkerParts) {
    this.#parts = parts
    this.#failures = new Failures(parts.env, parts.failures)
  }

  /** Before this time nothing is tried by itself; null when nothing failed. */
  get nextTryAt(): number | null {
    return this.#failures.nextAt
  }

  /**
   * Makes segments of what is old, one after the other; with `all`, of everything there is. Returns what was made.
   * Throws what failed: it is counted and shown by `state`, and leaves everything readable as it was.
   */
  run({ all = false }: { readonly all?: boolean } = {}): Promise<SinkSums> {
    return this.#queued(() => this.#round(all))
  }

  async state(): Promise<SinkState> {
    const { state, deadLetter } = await this.#parts.known.get()
    const { segments, commits, bytes, stored } = state ?? nothing
    const { attempts, last, nextAt } = this.#failures
    return {
      segments,
      commits,
      bytes,
      stored,
      ...this.#pending,
      requests: this.#parts.storage.requests,
      failures: attempts,
      lastError: last,
      nextTryAt: nextAt,
      deadLetter,
    }
  }

  /** Every segment there is, oldest first. */
  async segments(): Promise<readonly Descriptor[]> {
    return [...(await this.#parts.known.get()).list]
  }

  /** Reads every segment whole and says which are not as they were put; reads all there is, from object storage. */
  async check({ signal }: { readonly signal?: AbortSignal } = {}): Promise<SegmentsReport> {
    return checkSegments(await this.segments(), this.#parts.storage, signal ?? null)
  }

  /** Removes what crashes and failures left in object storage a day ago or earlier; returns how many objects. */
  removeOrphans(): Promise<number> {
    return this.#queued(() => removeOrphans(this.#parts, this.#abort.signal))
  }

  /** Removes segments of which everything was pruned; returns how many. Callers at the same time share the work. */
  removeEmpty(): Promise<number> {
    this.#emptying ??= this.#queued(() => {
      // What is dropped from now on is looked at again.
      this.#emptying = null
      return removeEmpty(this.#parts, this.#abort.signal)
    }).finally(() => (this.#emptying = null))
    return this.#emptying
  }

  /** Stops what is under way; the hot copy of what was being sunk stays. */
  async close(): Promise<void> {
    this.#abort.abort(new VarveError('CLOSED', `The store "${this.#parts.name}" is closed: open it again`))
    await this.#work
  }

  #queued<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(() => {
      this.#abort.signal.throwIfAborted()
      return work()
    })
    // Whoever asked is told.
    this.#work = done.catch(() => undefined)
    return done
  }

  async #round(all: boolean): Promise<SinkSums> {
    const turn = takingTurns(this.#parts.env)
    let sums = nothing
    for (;;) {
      const segments = await this.#parts.known.get()
      if (segments.deadLetter !== null) this.#failures.resume(segments.deadLetter)
      const taken = await this.#take(segments, all, turn)
      if (taken === null) return sums
      const made = await this.#attempt(segments, taken)
      if (made !== null) sums = sumOf(sums, made)
      await turn()
    }
  }

  /** What the next segment holds; null while there is too little for one. */
  async #take(segments: Segments, all: boolean, turn: () => Promise<void>): Promise<Taken | null> {
    const { store, window, env } = this.#parts
    const { next } = segments
    if (this.#hot === null || this.#passed.next !== next) {
      this.#hot = new HotWindow(store, window, next)
      this.#passed = { commits: 0, bytes: 0, next }
    }
    const old = await this.#hot.look(env.now(), turn)
    const [oldest] = old.no >= next ? await store.commitsAfter(next - 1, 1) : []
    this.#pending = {
      pendingCommits: Math.max(0, old.commits - this.#passed.commits),
      pendingBytes: Math.max(0, old.bytes - this.#passed.bytes),
      oldestPendingAt: oldest === undefined ? null : timeOf(oldest),
    }
    if (!all && this.#pending.pendingBytes < window.segmentBytes) return null
    return takeHeads(store, segments, all ? Infinity : old.no, window.segmentBytes)
  }

  /** Null when another sinking was faster, a write that failed was there after all, or bodies were pruned meanwhile. */
  async #attempt(segments: Segments, taken: Taken): Promise<SinkSums | null> {
    const { known } = this.#parts
    try {
      const made = await this.#parts.share.turn(() => this.#sink(segments, taken), this.#abort.signal)
      this.#failures.wentWell()
      return made
    } catch (error) {
      known.forget()
      this.#abort.signal.throwIfAborted()
      const now = await known.get()
      const { stored } = now
      if (stored !== null && (segments.stored === null || !equalBytes(stored, segments.stored))) return null
      // Pruned while they were being packed: the others are taken without them.
      if (taken.heads.some(({ no }) => now.isDropped(no))) return null
      await this.#failed(error, taken)
      throw error
    }
  }

  async #failed(error: unknown, range: Pick<DeadLetter, 'first' | 'last'>): Promise<void> {
    const { store, known, name, env } = this.#parts
    const letter = this.#failures.failed(error, range)
    env.log('warn', 'Old layers could not sink', { store: name, ...this.#failures.last })
    if (letter === null) return
    await store.write({ values: new Map([[failedValue, encodeDeadLetter(letter)]]) })
    known.forget()
  }

  async #sink(segments: Segments, taken: Taken): Promise<SinkSums> {
    const { name, store, storage, window, env } = this.#parts
    const { signal } = this.#abort
    const before = segments.state ?? (await this.#begin(segments))
    const commits = await hotBodies(store, taken.heads)
    const { object, index, hash } = await packSegment(commits, { compress: window.compress })
    const key = newKey(name, before.owner, taken.first, env)
    await storage.put(key, object, signal)
    if (!equalBytes(await storage.get(key, null, signal), object)) throw notKept(key)
    const bytes = taken.heads.reduce((sum, { size }) => sum + size, 0)
    const made = { segments: 1, commits: commits.length, bytes, stored: object.length }
    const { first, last } = taken
    const state = { owner: before.owner, next: last + 1, ...sumOf(before, made) }
    const at = env.now()
    const segment = { key, first, last, commits: made.commits, bytes, size: made.stored, index, hash, at }
    await this.#drop(segments, { state, segment, taken })
    const { commits: passed, bytes: passedBytes } = this.#passed
    this.#passed = { commits: passed + taken.commits, bytes: passedBytes + taken.bytes, next: last + 1 }
    return made
  }

  /** The owner is stored before the first object is put: no object is ever nobody's. */
  async #begin(segments: Segments): Promise<SunkState> {
    const { store, owner } = this.#parts
    const state: SunkState = { owner: await owner(), next: 0, ...nothing }
    const stored = encodeSunkState(state)
    await store.write({ expect: new Map([[stateValue, null]]), values: new Map([[stateValue, stored]]) })
    segments.sunk(state, stored)
    return state
  }

  /** From here on the segment holds the bodies: one batch says so and drops the hot copy. */
  async #drop(
    segments: Segments,
    { state, segment, taken }: { readonly state: SunkState; readonly segment: Descriptor; readonly taken: Taken },
  ): Promise<void> {
    const stored = encodeSunkState(state)
    const values = new Map<string, Uint8Array | null>([
      [stateValue, stored],
      [descriptorName(segment), encodeDescriptor(segment)],
    ])
    if (segments.deadLetter !== null) values.set(failedValue, null)
    const expect = new Map([[stateValue, segments.stored]])
    // Readers may find the bodies gone before the write is answered.
    segments.expect(segment)
    await this.#parts.store.write({ expect, values, bodiesDropped: rangesOf(taken.heads) })
    segments.sunk(state, stored)
    if (segments.deadLetter !== null) this.#parts.known.forget()
  }
}

function notKept(key: string): VarveError {
  return new VarveError(
    'TAMPERED',
    `The object storage gives other bytes for the segment "${key}" than were put: check it; nothing was dropped`,
    { details: { segment: key }, retryable: true },
  )
}

function sumOf(a: SinkSums, b: SinkSums): SinkSums {
  return {
    segments: a.segments + b.segments,
    commits: a.commits + b.commits,
    bytes: a.bytes + b.bytes,
    stored: a.stored + b.stored,
  }
}
