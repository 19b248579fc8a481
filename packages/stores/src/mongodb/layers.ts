/** Batches that are written and not yet in the rows: reads see them from memory, each read one state of the store. */

import { isWithin, sizeOf, type Effects, type Range } from './effects.ts'
import type { Row } from './cells.ts'

export class Layer {
  readonly number: number
  readonly effects: Effects
  readonly size: number
  #sorted: readonly string[] | null = null

  constructor(number: number, effects: Effects) {
    this.number = number
    this.effects = effects
    this.size = sizeOf(effects)
  }

  /** Keys of the range. */
  keys({ from, to }: Range): readonly string[] {
    this.#sorted ??= [...this.effects.rows.keys()].toSorted(byUnits)
    return this.#sorted.slice(lowest(this.#sorted, from), lowest(this.#sorted, to))
  }
}

/** What layers say about a range: rows that are put or (null) removed, and what they say of any other key. */
export interface Slice {
  readonly rows: ReadonlyMap<string, Row | null>
  readonly isCleared: (name: string) => boolean
}

/** Some layers, the oldest first, as one state; it does not change. */
export class View {
  readonly #layers: readonly Effects[]

  constructor(layers: readonly Effects[]) {
    this.#layers = layers
  }

  /** The same with more on top. */
  with(...drafts: readonly Effects[]): View {
    return new View([...this.#layers, ...drafts])
  }

  /** Null when the key is removed, undefined when the layers do not speak of it. */
  get(name: string): Row | null | undefined {
    for (let at = this.#layers.length - 1; at >= 0; at--) {
      const layer = this.#layers[at]
      const row = layer?.rows.get(name)
      if (row !== undefined) return row
      if (layer?.cleared.some((range) => isWithin(range, name)) === true) return null
    }
    return undefined
  }

  slice(range: Range): Slice {
    const rows = new Map<string, Row | null>()
    const cleared: Range[] = []
    const isCleared = (name: string): boolean => cleared.some((each) => isWithin(each, name))
    for (let at = this.#layers.length - 1; at >= 0; at--) {
      const layer = this.#layers[at]
      if (layer === undefined) continue
      for (const name of keysOf(layer, range))
        if (!rows.has(name) && !isCleared(name)) rows.set(name, layer.rows.get(name) ?? null)
      for (const each of layer.cleared) if (each.from < range.to && range.from < each.to) cleared.push(each)
    }
    return { rows, isCleared }
  }
}

/** Layers know their keys in order; drafts, which are small and change, are gone through. */
function keysOf(effects: Effects, range: Range): Iterable<string> {
  const layer = layerOf.get(effects)
  return layer === undefined ? [...effects.rows.keys()].filter((name) => isWithin(range, name)) : layer.keys(range)
}

const layerOf = new WeakMap<Effects, Layer>()

/** The layers of an open store, who reads them, and which may be applied to the rows. */
export class Layers {
  #layers: readonly Layer[] = []
  #last: number
  #applied: number
  readonly #readers = new Map<number, number>()
  /** Called when a read ends, which may have been what applying waited for. */
  ended: () => void = () => undefined

  constructor(applied: number) {
    this.#last = applied
    this.#applied = applied
  }

  get applied(): number {
    return this.#applied
  }

  get last(): number {
    return this.#last
  }

  get size(): number {
    return this.#layers.reduce((sum, layer) => sum + layer.size, 0)
  }

  add(layer: Layer): void {
    layerOf.set(layer.effects, layer)
    this.#layers = [...this.#layers, layer]
    this.#last = layer.number
  }

  /** Runs a read on the state of now, whatever is written or applied meanwhile. */
  async read<T>(work: (view: View, version: number) => Promise<T>): Promise<T> {
    const version = this.#last
    this.#readers.set(version, (this.#readers.get(version) ?? 0) + 1)
    try {
      return await work(new View(this.#layers.map(({ effects }) => effects)), version)
    } finally {
      const others = (this.#readers.get(version) ?? 1) - 1
      if (others === 0) this.#readers.delete(version)
      else this.#readers.set(version, others)
      this.ended()
    }
  }

  /** What may be applied now: nothing that came after a read under way began. */
  due(): readonly Layer[] {
    const oldest = Math.min(...this.#readers.keys(), Infinity)
    return this.#layers.filter(({ number }) => number <= oldest)
  }

  /** The rows now hold everything up to this number. */
  retire(number: number): void {
    this.#applied = number
    this.#layers = this.#layers.filter((layer) => layer.number > number)
  }
}

function byUnits(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/** Position of the first key at or after `name`. */
function lowest(sorted: readonly string[], name: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? '') < name) low = middle + 1
    else high = middle
  }
  return low
}
