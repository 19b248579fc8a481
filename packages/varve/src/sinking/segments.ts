/** What a store knows of its segments: read from its named values when first asked, and again whenever that may be wrong. */

import { droppedCommits, type DroppedCommits } from '../store/dropped.ts'
import type { Store } from '../store/store.ts'
import {
  decodeDeadLetter,
  decodeDescriptor,
  decodeRange,
  decodeSunkState,
  droppedPrefix,
  failedValue,
  isDescriptorName,
  segmentPrefix,
  stateValue,
  type DeadLetter,
  type Descriptor,
  type Range,
  type SunkState,
} from './descriptor.ts'

export class Segments {
  readonly deadLetter: DeadLetter | null
  /** Bodies that were removed for good, by `from`. */
  readonly dropped: readonly Range[]
  /** Those that pruning removed. */
  readonly #pruned: DroppedCommits
  /** By `first`. */
  readonly #list: Descriptor[]
  #stored: Uint8Array | null
  #state: SunkState | null

  constructor(values: ReadonlyMap<string, Uint8Array>, pruned: DroppedCommits) {
    this.#pruned = pruned
    const failed = values.get(failedValue)
    this.#stored = values.get(stateValue) ?? null
    this.#state = this.#stored === null ? null : decodeSunkState(this.#stored)
    this.deadLetter = failed === undefined ? null : decodeDeadLetter(failed)
    const list: Descriptor[] = []
    const dropped: Range[] = []
    for (const [name, value] of values) {
      if (isDescriptorName(name)) list.push(decodeDescriptor(value))
      else if (name.startsWith(droppedPrefix)) dropped.push(decodeRange(value))
    }
    this.#list = list.toSorted((a, b) => a.first - b.first)
    this.dropped = dropped.toSorted((a, b) => a.from - b.from)
  }

  /** As stored; null before the first sinking. */
  get stored(): Uint8Array | null {
    return this.#stored
  }

  get state(): SunkState | null {
    return this.#state
  }

  get list(): readonly Descriptor[] {
    return this.#list
  }

  /** The number of the first commit that has not sunk. */
  get next(): number {
    return this.#state?.next ?? 0
  }

  /** The segment whose range holds the commit; null when there is none. */
  find(no: number): Descriptor | null {
    let [low, high] = [0, this.#list.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#list[middle]?.last ?? Infinity) < no) low = middle + 1
      else high = middle
    }
    const found = this.#list[low]
    return found !== undefined && found.first <= no ? found : null
  }

  isDropped(no: number): boolean {
    return this.#pruned.has(no) || this.dropped.some(({ from, to }) => from <= no && no <= to)
  }

  /** False when some of these commits, both ends included, were removed for good. */
  isWhole(first: number, last: number): boolean {
    return !this.#pruned.hasAny(first, last) && this.dropped.every(({ from, to }) => to < first || last < from)
  }

  /** A segment that is about to be written: from now on its bodies may be missing in the hot store. */
  expect(segment: Descriptor): void {
    this.#list.push(segment)
  }

  /** What was expected has been written, with this state. */
  sunk(state: SunkState, stored: Uint8Array): void {
    this.#state = state
    this.#stored = stored
  }
}

/** The segments of a store as it says itself, kept until `forget`. */
export class KnownSegments {
  readonly #store: Pick<Store, 'values'>
  #known: Promise<Segments> | null = null

  constructor(store: Pick<Store, 'values'>) {
    this.#store = store
  }

  async get(): Promise<Segments> {
    const asked = (this.#known ??= this.#read())
    try {
      return await asked
    } catch (error) {
      if (this.#known === asked) this.#known = null
      throw error
    }
  }

  async #read(): Promise<Segments> {
    return new Segments(await this.#store.values(segmentPrefix), await droppedCommits(this.#store))
  }

  /** Whoever asks next reads again. */
  forget(): void {
    this.#known = null
  }
}
