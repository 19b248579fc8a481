/** Sums of numbers without rounding on the way: the same in any order, on every device. */

/**
 * While everything fits, a whole number; then Shewchuk's growing expansion: parts that do not overlap and together are
 * the exact sum, at most some forty of them.
 */
export class ExactSum {
  #whole = 0
  #parts: number[] | null = null
  /** What the sum is once it left the doubles. */
  #beyond: number | null = null

  add(value: number): void {
    if (this.#parts === null) {
      const sum = this.#whole + value
      if (Number.isSafeInteger(value) && Number.isSafeInteger(sum)) {
        this.#whole = sum
        return
      }
      this.#parts = [this.#whole]
    }
    if (this.#beyond === null && !grow(this.#parts, value)) this.#beyond = Math.sign(value) * Infinity
  }

  /** The double nearest to the exact sum; an infinite one when the sum, or a part of it on the way, is beyond all doubles. */
  value(): number {
    if (this.#beyond !== null) return this.#beyond
    return this.#parts === null ? this.#whole : rounded(this.#parts)
  }
}

/** Adds to the parts; false when that is beyond all doubles. */
function grow(parts: number[], value: number): boolean {
  let x = value
  let kept = 0
  for (const part of parts) {
    const [larger, smaller] = Math.abs(x) >= Math.abs(part) ? [x, part] : [part, x]
    const sum = larger + smaller
    if (!Number.isFinite(sum)) return false
    const error = smaller - (sum - larger)
    if (error !== 0) parts[kept++] = error
    x = sum
  }
  parts.length = kept
  parts.push(x)
  return true
}

/** The parts together, rounded once: where two doubles are equally near, the parts below decide. */
function rounded(parts: readonly number[]): number {
  let i = parts.length - 1
  let high = parts[i] ?? 0
  let low = 0
  while (i > 0 && low === 0) {
    const before = high
    const part = parts[--i] ?? 0
    high = before + part
    low = part - (high - before)
  }
  const below = parts[i - 1] ?? 0
  if (low === 0 || below === 0 || low > 0 !== below > 0) return high
  const further = high + low * 2
  return further - high === low * 2 ? further : high
}
