/** HyperLogLog: how many distinct values there were, from 4,096 small registers. */

/** Registers are numbered by the first 12 bits of a hash; the rest of 64 bits gives the rank. */
const indexBits = 12
const registers = 2 ** indexBits
const highestRank = 64 - indexBits + 1

/** A sketch that has seen nothing. */
export function emptySketch(): Uint8Array {
  return new Uint8Array(registers)
}

/** The sketch with one more value, given by at least 8 evenly spread bytes; the same object when nothing changed. */
export function withValue(sketch: Uint8Array, hash: Uint8Array): Uint8Array {
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength)
  const [high, low] = [view.getUint32(0), view.getUint32(4)]
  const index = high >>> (32 - indexBits)
  const rest = (high << indexBits) >>> 0
  const zeros = rest === 0 ? 32 - indexBits + Math.clz32(low) : Math.clz32(rest)
  const rank = Math.min(zeros + 1, highestRank)
  if ((sketch[index] ?? 0) >= rank) return sketch
  const changed = sketch.slice()
  changed[index] = rank
  return changed
}

/** The sketch of all values of both. */
export function unionOf(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((rank, i) => Math.max(rank, b[i] ?? 0))
}

/**
 * The estimate of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), section 2.4:
 * the standard error is 1.6 %, for few values too, without tables of corrections.
 */
export function estimate(sketch: Uint8Array): number {
  const counts = Array.from({ length: highestRank + 1 }, () => 0)
  for (const rank of sketch) counts[rank] = (counts[rank] ?? 0) + 1
  let z = registers * tau(1 - (counts[highestRank] ?? 0) / registers)
  for (let rank = highestRank - 1; rank > 0; rank--) z = 0.5 * (z + (counts[rank] ?? 0))
  z += registers * sigma((counts[0] ?? 0) / registers)
  return Math.round(registers ** 2 / (2 * Math.LN2 * z))
}

function sigma(share: number): number {
  if (share === 1) return Infinity
  let [x, y, z, before] = [share, 1, share, Number.NaN]
  while (z !== before) {
    before = z
    x *= x
    z += x * y
    y += y
  }
  return z
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let [x, y, z, before] = [share, 1, 1 - share, Number.NaN]
  while (z !== before) {
    before = z
    x = Math.sqrt(x)
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
