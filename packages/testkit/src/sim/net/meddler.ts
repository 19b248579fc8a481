/** A man in the middle: changes, repeats, swaps, drops and invents what passes on a line that nothing protects. */

import type { SeededRandom } from '../random.ts'

export class Meddler {
  readonly #random: SeededRandom
  readonly #chance: number
  /** What passed before, by direction, to be repeated. */
  readonly #seen: [Uint8Array[], Uint8Array[]] = [[], []]
  /** Kept back until the next one has passed. */
  readonly #kept: [Uint8Array | null, Uint8Array | null] = [null, null]
  #touched = 0

  /** `chance`: how likely each frame or piece of bytes is touched. */
  constructor(random: SeededRandom, chance: number) {
    this.#random = random
    this.#chance = chance
  }

  /** How often it did something. */
  get touched(): number {
    return this.#touched
  }

  /** What arrives in place of `bytes`. */
  meddle(direction: 0 | 1, bytes: Uint8Array): readonly Uint8Array[] {
    const kept = this.#kept[direction]
    this.#kept[direction] = null
    const arrived = this.#random.chance(this.#chance) ? this.#change(direction, bytes) : [bytes]
    const seen = this.#seen[direction]
    seen.push(bytes)
    if (seen.length > 8) seen.shift()
    return kept === null ? arrived : [...arrived, kept]
  }

  #change(direction: 0 | 1, bytes: Uint8Array): readonly Uint8Array[] {
    this.#touched++
    const random = this.#random
    switch (random.below(7)) {
      case 0:
        return [bytes, bytes]
      case 1:
        return []
      case 2:
        return [bytes.slice(0, random.below(bytes.length))].filter((part) => part.length > 0)
      case 3:
        this.#kept[direction] = bytes
        return []
      case 4:
        return [random.pick([...this.#seen[direction], bytes]), bytes]
      case 5:
        return [random.bytes(1 + random.below(40)), bytes]
      default:
        return [flipped(bytes, random)]
    }
  }
}

/** The bytes with one bit changed. */
export function flipped(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const copy = bytes.slice()
  const at = random.below(copy.length)
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
  return copy
}
