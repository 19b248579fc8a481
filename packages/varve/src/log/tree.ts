/** Merkle trees of RFC 6962: roots and proofs from the hashes of full subtrees, and the verification of proofs. */

import { primitives } from '../crypto/primitives.ts'
import { emptyBytes, equalBytes } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { hashBytes } from './header.ts'

const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)

/** The root of the tree without leaves. */
export const emptyRoot: Uint8Array = primitives.sha256(emptyBytes)

/** SHA-256(0x00 || data), the data given in parts. */
export function leafHash(...data: readonly Uint8Array[]): Uint8Array {
  return primitives.sha256(leafPrefix, ...data)
}

/** SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return primitives.sha256(nodePrefix, left, right)
}

/** The root over a power of two of hashes that stand side by side on one level. */
export function fullRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < row.length; i += 2) above.push(nodeHash(row[i] ?? emptyBytes, row[i + 1] ?? emptyBytes))
    row = above
  }
  return row[0] ?? emptyRoot
}

/** Gives the hash of the full subtree of 2^`level` leaves that is number `index` from the left. */
export type Subtrees = (level: number, index: number) => Promise<Uint8Array>

/** The root of the first `size` leaves (RFC 9162 §2.1.1). */
export async function treeRoot(size: number, subtrees: Subtrees): Promise<Uint8Array> {
  assertNumbers(0, size)
  return size === 0 ? emptyRoot : rangeRoot(0, size, subtrees)
}

/**
 * The hashes beside the way from leaf `index` up to the root over `size` leaves, lowest first
 * (RFC 9162 §2.1.3.1). Throws `INVALID` unless the leaf is in the tree.
 */
export async function inclusionPath(index: number, size: number, subtrees: Subtrees): Promise<readonly Uint8Array[]> {
  assertNumbers(index, size)
  assertNumbers(index + 1, size)
  const path: Uint8Array[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = middleOf(from, to)
    if (index < middle) {
      path.push(await rangeRoot(middle, to, subtrees))
      to = middle
    } else {
      path.push(await rangeRoot(from, middle, subtrees))
      from = middle
    }
  }
  return path.toReversed()
}

/**
 * The hashes that lead from the root over `first` leaves to the one over `second`, lowest first
 * (RFC 9162 §2.1.4.1); none when the sizes are equal or `first` is 0. Throws `INVALID` when `first` is above `second`.
 */
export async function consistencyPath(
  first: number,
  second: number,
  subtrees: Subtrees,
): Promise<readonly Uint8Array[]> {
  assertNumbers(first, second)
  if (first === 0) return []
  const path: Uint8Array[] = []
  let [from, to] = [0, second]
  while (first < to) {
    const middle = middleOf(from, to)
    if (first <= middle) {
      path.push(await rangeRoot(middle, to, subtrees))
      to = middle
    } else {
      path.push(await rangeRoot(from, middle, subtrees))
      from = middle
    }
  }
  // Whoever verifies has the root of the first tree, so it is left out when it is a subtree of the second.
  if (from > 0) path.push(await rangeRoot(from, to, subtrees))
  return path.toReversed()
}

/** Where RFC 6962 splits leaves `from` to `to`: after the largest power of two below their number. */
function middleOf(from: number, to: number): number {
  return from + 2 ** (levelOf(to - from) - 1)
}

/** The height of a tree of `width` leaves. */
function levelOf(width: number): number {
  let level = 0
  while (2 ** level < width) level++
  return level
}

/** The hash over leaves `from` to `to`, where the splits of a tree have put them. */
async function rangeRoot(from: number, to: number, subtrees: Subtrees): Promise<Uint8Array> {
  const level = levelOf(to - from)
  if (2 ** level === to - from) return subtrees(level, from / 2 ** level)
  const middle = middleOf(from, to)
  return nodeHash(await rangeRoot(from, middle, subtrees), await rangeRoot(middle, to, subtrees))
}

/** What an inclusion path proves: that a leaf hash stands at `index` in the tree of `size` leaves with this root. */
export interface Inclusion {
  readonly leaf: Uint8Array
  readonly index: number
  readonly size: number
  readonly root: Uint8Array
}

/** True when the path proves it (RFC 9162 §2.1.3.2); false for whatever else comes in, never an exception. */
export function verifyInclusion({ leaf, index, size, root }: Inclusion, path: readonly Uint8Array[]): boolean {
  if (!areNumbers(index, size) || index === size || !areHashes([leaf, root, ...path])) return false
  let [at, last, hash] = [index, size - 1, leaf]
  for (const beside of path) {
    if (last === 0) return false
    if (isOdd(at) || at === last) {
      hash = nodeHash(beside, hash)
      while (!isOdd(at) && at !== 0) [at, last] = [at / 2, half(last)]
    } else {
      hash = nodeHash(hash, beside)
    }
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && equalBytes(hash, root)
}

/** A tree at one size. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/**
 * True when the path proves that the leaves of `first` are the first ones of `second` (RFC 9162 §2.1.4.2);
 * false for whatever else comes in, never an exception. The empty tree begins every tree.
 */
export function verifyConsistency(first: TreeHead, second: TreeHead, path: readonly Uint8Array[]): boolean {
  if (!areNumbers(first.size, second.size) || !areHashes([first.root, second.root, ...path])) return false
  if (first.size === second.size) return path.length === 0 && equalBytes(first.root, second.root)
  if (first.size === 0) return path.length === 0 && equalBytes(first.root, emptyRoot)
  let [at, last] = [first.size - 1, second.size - 1]
  while (isOdd(at)) [at, last] = [half(at), half(last)]
  const [start, ...rest] = at === 0 ? [first.root, ...path] : path
  if (start === undefined) return false
  let [one, two] = [start, start]
  for (const beside of rest) {
    if (last === 0) return false
    if (isOdd(at) || at === last) {
      ;[one, two] = [nodeHash(beside, one), nodeHash(beside, two)]
      while (!isOdd(at) && at !== 0) [at, last] = [at / 2, half(last)]
    } else {
      two = nodeHash(two, beside)
    }
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && equalBytes(one, first.root) && equalBytes(two, second.root)
}

function isOdd(value: number): boolean {
  return value % 2 === 1
}

function half(value: number): number {
  return Math.floor(value / 2)
}

/** True for whole numbers with 0 ≤ `low` ≤ `high`. */
function areNumbers(low: number, high: number): boolean {
  return Number.isSafeInteger(low) && Number.isSafeInteger(high) && low >= 0 && low <= high
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.every((value) => value.length === hashBytes)
}

function assertNumbers(low: number, high: number): void {
  if (areNumbers(low, high)) return
  throw new VarveError(
    'INVALID',
    `No tree has a part from ${low} to ${high}: ask for whole numbers within the record`,
    {
      details: { low, high },
    },
  )
}
