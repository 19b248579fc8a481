/** Reading in index order: groups of equal keys, each brought into its final order before the next begins. */

import { compareBytes, equalBytes } from '../encoding/bytes.ts'
import { compareText } from './compare.ts'
import { pointRange } from './ranges.ts'
import { endBefore, leadKey, readPlan, type Candidate } from './source.ts'
import { placeMatches, type Placed, type Run } from './placed.ts'
import { Top } from './top.ts'

/** A reverse group larger than this is read again forwards instead of being held. */
const heldGroup = 1024

/**
 * Matching documents of a plan whose index gives the first fields of the order. Forwards, rows of one whole key
 * come by ascending id and pass straight through; backwards, or where the index gives less than the order, or with
 * keys that were cut off, the documents of one group are collected and sorted.
 */
export async function* groupedPages(run: Run): AsyncGenerator<readonly Candidate[]> {
  let ranges = run.plan.ranges
  let finished: Uint8Array | null = null
  for (;;) {
    const large: Uint8Array | null = yield* onePass({ ...run, plan: { ...run.plan, ranges } }, finished)
    if (large === null) return
    yield* largeGroup(run, large)
    ranges = endBefore(ranges, large)
    finished = large
  }
}

/** Reads until the end, or until a group is too large to hold: then its key is returned. */
async function* onePass(
  run: Run,
  finished: Uint8Array | null,
): AsyncGenerator<readonly Candidate[], Uint8Array | null> {
  const group = new Group(run, finished)
  for await (const page of readPlan(run.source, run.plan, run.order, run.position, run.limit)) {
    const ready: Candidate[] = []
    for (const item of placeMatches(run, page)) group.add(item, ready)
    yield ready
    if (group.overflown) return group.key
  }
  const rest: Candidate[] = []
  group.flush(rest)
  yield rest
  return null
}

/** One group of a reverse order, read forwards: its rows come by ascending id and need not be held. */
async function* largeGroup(run: Run, key: Uint8Array): AsyncGenerator<readonly Candidate[]> {
  const plan = { ...run.plan, ranges: [pointRange(key)], reverse: false }
  for await (const page of readPlan(run.source, plan, run.order, null)) {
    const placed = placeMatches(run, page).filter((item) => equalBytes(leadKey(run.plan, item).bytes, key))
    yield placed.map((item) => item.candidate)
  }
}

class Group {
  readonly #run: Run
  readonly #held: Top<Placed>
  #key: Uint8Array | null
  #finished: boolean
  #passing = false
  #lastId = ''
  #single = false

  /** `finished` is the key of the last group that was given already. */
  constructor(run: Run, finished: Uint8Array | null) {
    this.#run = run
    this.#key = finished
    this.#finished = finished !== null
    this.#held = new Top(run.order, run.limit)
  }

  /** Key of the group being read. */
  get key(): Uint8Array | null {
    return this.#key
  }

  /** True when the group should be read forwards instead of growing further. */
  get overflown(): boolean {
    return this.#single && this.#run.plan.reverse && this.#held.count > heldGroup
  }

  /** Adds the next document; `ready` receives what has its final place. */
  add(item: Placed, ready: Candidate[]): void {
    const { bytes, truncated } = leadKey(this.#run.plan, item)
    const order = this.#key === null ? 1 : compareBytes(bytes, this.#key) * (this.#run.plan.reverse ? -1 : 1)
    // A document whose own key lies behind was already given there: this row is another of its keys.
    if (order < 0 || (order === 0 && this.#finished)) return
    if (order > 0) {
      this.flush(ready)
      this.#key = bytes
      this.#finished = false
      this.#single = this.#run.plan.exact && !truncated
      this.#passing = this.#single && !this.#run.plan.reverse
    } else if (this.#passing && compareText(item.id, this.#lastId) <= 0) return
    if (!this.#passing) this.#held.offer(item)
    else {
      ready.push(item.candidate)
      this.#lastId = item.id
    }
  }

  flush(ready: Candidate[]): void {
    for (const item of this.#held.drain()) ready.push(item.candidate)
  }
}
