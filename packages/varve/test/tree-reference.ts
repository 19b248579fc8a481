/** RFC 6962 §2.1 word by word, slow and recursive: what the tests of trees compare with. */

import { createHash } from 'node:crypto'
import type { Subtrees } from '../src/log/tree.ts'

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** A list of leaves; hashes of its parts are remembered, so that thousands of proofs stay quick. */
export class ReferenceTree {
  readonly #leaves: readonly Uint8Array[]
  readonly #hashes = new Map<string, Uint8Array>()

  constructor(leaves: readonly Uint8Array[]) {
    this.#leaves = leaves
  }

  /** MTH(D[from:to]). */
  hash(from: number, to: number): Uint8Array {
    const name = `${from}:${to}`
    const known = this.#hashes.get(name)
    if (known !== undefined) return known
    const made = this.#hash(from, to)
    this.#hashes.set(name, made)
    return made
  }

  #hash(from: number, to: number): Uint8Array {
    if (to === from) return sha256()
    if (to - from === 1) return sha256(Uint8Array.of(0), this.#leaves[from] ?? new Uint8Array())
    const k = from + split(to - from)
    return sha256(Uint8Array.of(1), this.hash(from, k), this.hash(k, to))
  }

  /** PATH(m, D[from:to]), m counted from `from`. */
  path(m: number, from: number, to: number): readonly Uint8Array[] {
    if (to - from === 1) return []
    const k = split(to - from)
    return m < k
      ? [...this.path(m, from, from + k), this.hash(from + k, to)]
      : [...this.path(m - k, from + k, to), this.hash(from, from + k)]
  }

  /** PROOF(m, D[n]). */
  proof(m: number, n: number): readonly Uint8Array[] {
    return this.#subproof(m, 0, n, true)
  }

  #subproof(m: number, from: number, to: number, whole: boolean): readonly Uint8Array[] {
    if (m === to - from) return whole ? [] : [this.hash(from, to)]
    const k = split(to - from)
    return m <= k
      ? [...this.#subproof(m, from, from + k, whole), this.hash(from + k, to)]
      : [...this.#subproof(m - k, from + k, to, false), this.hash(from, from + k)]
  }

  readonly subtrees: Subtrees = (level, index) =>
    Promise.resolve(this.hash(index * 2 ** level, (index + 1) * 2 ** level))
}

/** The largest power of two below n. */
function split(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}
