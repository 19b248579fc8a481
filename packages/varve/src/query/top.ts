/** The first k of many positions in bounded memory: a heap whose root is the worst one kept. */

import { comparePositions, type Position, type SortOrder } from './sort.ts'

export class Top<Item extends Position> {
  readonly #order: SortOrder
  readonly #size: number
  readonly #heap: Item[] = []
  readonly #ids = new Set<string>()

  /** Keeps the first `size` of what is offered; Infinity keeps all. */
  constructor(order: SortOrder, size: number) {
    this.#order = order
    this.#size = size
  }

  get count(): number {
    return this.#heap.length
  }

  /** The last of those kept, once no more than these will be; null before. */
  get last(): Item | null {
    return this.#heap.length < this.#size ? null : (this.#heap[0] ?? null)
  }

  /** An id that is already kept is kept once; one that was dropped would be dropped again. */
  offer(item: Item): void {
    if (this.#size === 0 || this.#ids.has(item.id)) return
    const [worst] = this.#heap
    if (this.#heap.length < this.#size || worst === undefined) {
      this.#heap.push(item)
      this.#ids.add(item.id)
      if (this.#size !== Infinity) this.#rise(this.#heap.length - 1)
    } else if (comparePositions(this.#order, item, worst) < 0) {
      this.#ids.delete(worst.id)
      this.#ids.add(item.id)
      this.#heap[0] = item
      this.#sink()
    }
  }

  /** Everything kept, in order; the heap is empty afterwards. */
  drain(): Item[] {
    if (this.#heap.length === 0) return []
    this.#ids.clear()
    return this.#heap.splice(0).toSorted((a, b) => comparePositions(this.#order, a, b))
  }

  #worse(i: number, j: number): boolean {
    const [a, b] = [this.#heap[i], this.#heap[j]]
    return a !== undefined && b !== undefined && comparePositions(this.#order, a, b) > 0
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#heap[i], this.#heap[j]]
    if (a === undefined || b === undefined) return
    this.#heap[i] = b
    this.#heap[j] = a
  }

  #rise(start: number): void {
    for (let i = start; i > 0;) {
      const parent = (i - 1) >> 1
      if (!this.#worse(i, parent)) return
      this.#swap(i, parent)
      i = parent
    }
  }

  #sink(): void {
    for (let i = 0; ;) {
      let worst = i
      for (const child of [2 * i + 1, 2 * i + 2]) if (this.#worse(child, worst)) worst = child
      if (worst === i) return
      this.#swap(i, worst)
      i = worst
    }
  }
}
