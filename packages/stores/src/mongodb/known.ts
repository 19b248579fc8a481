/** What the holder of a store remembers, so that checking a batch seldom needs a read: it alone writes. */

import { uint64 } from 'varve/engine'
import type { Range } from './effects.ts'
import type { View } from './layers.ts'
import { bytesKey, KeyReader } from './keys.ts'
import type { Rows } from './rows.ts'

/** The highest number at the end of the keys of a range; may be too high, never too low. */
export class Highest {
  readonly #rows: Rows
  readonly #numbers = new Map<string, number>()

  constructor(rows: Rows) {
    this.#rows = rows
  }

  /** -1 when there is none. */
  async of(view: View, name: string, range: Range): Promise<number> {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const [last] = await this.#rows.range(view, range, 1, true)
    const number = last === undefined ? -1 : lastNumber(last[0])
    this.#numbers.set(name, number)
    return number
  }

  raise(name: string, number: number): void {
    const known = this.#numbers.get(name)
    if (known !== undefined && known < number) this.#numbers.set(name, number)
  }
}

const dayMs = 24 * 60 * 60 * 1000

/** What is known of the tags of a store that was just opened. */
export async function openTags(rows: Rows, view: View, now: number): Promise<Tags> {
  // The first six bytes of tags of generated ids are Unix milliseconds.
  const limit = bytesKey(uint64(now + 30 * dayMs).subarray(2))
  const [last] = await rows.range(view, { from: 't', to: `t${limit}` }, 1, true)
  return new Tags(last === undefined ? '' : last[0].slice(1), limit)
}

/** Keys whose last part is a number end with it. */
function lastNumber(name: string): number {
  const reader = new KeyReader(name)
  let number = reader.number()
  while (!reader.done) number = reader.number()
  return number
}

const mostKnown = 20_000

/** Which tag belongs to which document, as keys, of some of them; null for what is not there. */
export class Tags {
  readonly #owners = new Map<string, number | null>()
  readonly #tags = new Map<number, string | null>()
  /** Counts changes: a read that began before one must not be remembered. */
  #turn = 0
  readonly #limit: string
  #highest: string

  /** `highest` is the highest tag below `limit` when the store was opened. */
  constructor(highest: string, limit: string) {
    this.#highest = highest
    this.#limit = limit
  }

  get turn(): number {
    return this.#turn
  }

  /**
   * Whether no document can have this tag. Tags of generated ids begin with the time, so that those of new documents
   * are above all others but few, which are above `limit`.
   */
  isNew(tag: string): boolean {
    return tag > this.#highest && tag < this.#limit
  }

  /** Undefined when it is not known. */
  owner(tag: string): number | null | undefined {
    return this.#owners.get(tag)
  }

  tag(no: number): string | null | undefined {
    return this.#tags.get(no)
  }

  /** Read from the store while `turn` was this. */
  learn(turn: number, tag: string, owner: number | null): void {
    if (turn !== this.#turn) return
    this.#keep(this.#owners, tag, owner)
    if (owner !== null) this.#keep(this.#tags, owner, tag)
  }

  learnTag(no: number, tag: string | null): void {
    this.#keep(this.#tags, no, tag)
  }

  /** A batch is being written that changes these. */
  change(tags: ReadonlyMap<number, string>, owners: ReadonlyMap<string, number | null>): void {
    this.#turn++
    for (const [no, tag] of tags) this.#keep(this.#tags, no, tag)
    for (const [tag, owner] of owners) {
      this.#keep(this.#owners, tag, owner)
      if (this.isNew(tag)) this.#highest = tag
    }
  }

  forget(): void {
    this.#turn++
    this.#owners.clear()
    this.#tags.clear()
  }

  #keep<K, V>(map: Map<K, V>, name: K, value: V): void {
    map.delete(name)
    map.set(name, value)
    if (map.size <= mostKnown) return
    for (const oldest of map.keys()) {
      map.delete(oldest)
      return
    }
  }
}
