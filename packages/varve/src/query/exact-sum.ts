/** Sums of numbers without rounding on the way: the same in any order, on every device. */

/**
 * While everything fits, a whole number; then Shewchuk's growing expansion: parts that do not overlap and together are
 * the exact sum, at most some forty of them.
 */
export class ExactSum {
  #whole = 0
  #parts: number[] | null = null
  /** The sum in the smallest steps of a double, once a part of it was beyond all doubles: later ones may bring it back. */
  #steps: bigint | null = null

  add(value: number): void {
    if (this.#steps !== null) {
      this.#steps += stepsOf(value)
      return
    }
    if (this.#parts === null) {
      const sum = this.#whole + value
      if (Number.isSafeInteger(value) && Number.isSafeInteger(sum)) {
        this.#whole = sum
        return
      }
      this.#parts = [this.#whole]
    }
    if (!grow(this.#parts, value)) this.#steps = this.#parts.reduce((sum, part) => sum + stepsOf(part), 0n)
  }

  /** The double nearest to the exact sum; an infinite one when that is beyond all doubles. */
  value(): number {
    if (this.#steps !== null) return fromSteps(this.#steps)
    return this.#parts === null ? this.#whole : rounded(this.#parts)
  }
}

/** Adds to the parts; false when they are beyond all doubles together, and are left side by side. */
function grow(parts: number[], value: number): boolean {
  let x = value
  let kept = 0
  let i = 0
  for (const part of parts) {
    const [larger, smaller] = Math.abs(x) >= Math.abs(part) ? [x, part] : [part, x]
    const sum = larger + smaller
    if (!Number.isFinite(sum)) {
      parts.splice(kept, i - kept, x)
      return false
    }
    const error = smaller - (sum - larger)
    if (error !== 0) parts[kept++] = error
    x = sum
    i++
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

const scratch = new DataView(new ArrayBuffer(8))

/** How many times `Number.MIN_VALUE` a number is. */
function stepsOf(value: number): bigint {
  scratch.setFloat64(0, Math.abs(value))
  const bits = scratch.getBigUint64(0)
  const exponent = bits >> 52n
  const fraction = bits & 0xf_ffff_ffff_ffffn
  const steps = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n)
  return value < 0 ? -steps : steps
}

/** The nearest double: the leading bits decide, and whether anything follows them. */
function fromSteps(steps: bigint): number {
  if (steps < 0n) return -fromSteps(-steps)
  const excess = Math.max(0, steps.toString(16).length * 4 - 64)
  const leading = steps >> BigInt(excess)
  const follows = leading << BigInt(excess) !== steps
  return Number(follows ? leading | 1n : leading) * 2 ** (excess - 1074)
}
