/** A cache of bounded bytes: what was used longest ago goes first. */

export class Cache<Value> {
  readonly #most: number
  /** Least recently used first. */
  readonly #kept = new Map<string, { readonly value: Value; readonly cost: number }>()
  #bytes = 0

  constructor(bytes: number) {
    this.#most = bytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Value | undefined {
    const found = this.#kept.get(key)
    if (found === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, found)
    return found.value
  }

  has(key: string): boolean {
    return this.#kept.has(key)
  }

  /** Keeps the value, unless it alone is more than the cache holds. */
  put(key: string, value: Value, cost: number): void {
    this.#remove(key)
    if (cost > this.#most) return
    this.#kept.set(key, { value, cost })
    this.#bytes += cost
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#most) return
      this.#remove(oldest)
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#kept.get(key)?.cost ?? 0
    this.#kept.delete(key)
  }
}
