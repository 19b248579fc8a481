/** The index of a segment: where each commit lies in the content, and each block in the object. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, wholeNumber } from '../encoding/decode.ts'
import { isVarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { hashBytes, segmentHead, wrongSegment } from './format.ts'

/** One block: `stored` bytes at `at` in the object are `size` bytes at `from` in the content. */
export interface Block {
  readonly at: number
  readonly stored: number
  readonly from: number
  readonly size: number
  /** SHA-256 of it as stored. */
  readonly hash: Uint8Array
}

/** Part of the content. */
export interface Span {
  readonly from: number
  readonly size: number
}

export class SegmentIndex {
  readonly blocks: readonly Block[]
  /** Numbers of the commits, and where each begins in the content, with its end as the last element. */
  readonly #nos: readonly number[]
  readonly #starts: readonly number[]

  constructor(blocks: readonly Block[], nos: readonly number[], starts: readonly number[]) {
    this.blocks = blocks
    this.#nos = nos
    this.#starts = starts
  }

  /** Bytes of memory, about. */
  get cost(): number {
    return this.#nos.length * 16 + this.blocks.length * 200
  }

  /** Where a commit's bodies lie; null when the segment does not hold them. */
  find(no: number): Span | null {
    const position = lower(this.#nos, no)
    if (this.#nos[position] !== no) return null
    const from = this.#starts[position] ?? 0
    return { from, size: (this.#starts[position + 1] ?? from) - from }
  }

  /** Positions of the first block of a span and of the one after its last; the span is not empty. */
  blocksOf({ from, size }: Span): readonly [number, number] {
    const ends = (position: number): number => {
      const block = this.blocks[position]
      return block === undefined ? Infinity : block.from + block.size
    }
    const reach = (target: number): number => {
      let [low, high] = [0, this.blocks.length]
      while (low < high) {
        const middle = (low + high) >>> 1
        if (ends(middle) <= target) low = middle + 1
        else high = middle
      }
      return low
    }
    return [reach(from), reach(from + size - 1) + 1]
  }
}

export interface IndexParts {
  readonly blocks: readonly Pick<Block, 'stored' | 'size' | 'hash'>[]
  readonly commits: readonly { readonly no: number; readonly size: number }[]
}

export function encodeIndex({ blocks, commits }: IndexParts): Uint8Array {
  let before = 0
  const numbers = commits.flatMap(({ no, size }) => {
    const gap = no - before
    before = no
    return [gap, size]
  })
  return encodeCbor([1, blocks.map(({ stored, size, hash }) => [stored, size, hash]), numbers])
}

/** `end` is where the index begins in the object. Throws `TAMPERED` naming the segment. */
export function decodeIndex(bytes: Uint8Array, end: number, key: string): SegmentIndex {
  try {
    assertLimit(bytes.length, limits.segmentIndexBytes, 'The index in bytes')
    const values = 8 + 4 * limits.segmentBlocks + 2 * limits.segmentCommits
    const [version, blocks, numbers] = listOf(decodeCbor(bytes, 'The index', values), 'the index')
    if (version !== 1) throw wrongSegment(key, `its index has version ${String(version)}`)
    const decoded = decodeBlocks(listOf(blocks, 'the blocks'), end, key)
    return decodeCommits(decoded, listOf(numbers, 'the commits'), key)
  } catch (error) {
    throw isVarveError(error, 'TAMPERED') ? error : wrongSegment(key, 'its index is malformed', error)
  }
}

function decodeBlocks(list: readonly unknown[], end: number, key: string): readonly Block[] {
  assertLimit(list.length, limits.segmentBlocks, 'The blocks')
  let [at, from] = [segmentHead.length, 0]
  const blocks = list.map((each) => {
    const [stored, size, hash] = listOf(each, 'a block')
    const block = {
      at,
      stored: wholeNumber(stored, 'the bytes of a block'),
      from,
      size: wholeNumber(size, 'the content of a block'),
      hash: bytesOf(hash, hashBytes, 'the hash of a block'),
    }
    assertLimit(block.size, limits.segmentBlockBytes, 'The block in bytes')
    if (block.stored === 0 || block.stored > block.size) throw wrongSegment(key, 'a block has a wrong size')
    at += block.stored
    from += block.size
    return block
  })
  if (at !== end) throw wrongSegment(key, 'its blocks do not fill it')
  return blocks
}

function decodeCommits(blocks: readonly Block[], list: readonly unknown[], key: string): SegmentIndex {
  assertLimit(list.length / 2, limits.segmentCommits, 'The commits')
  const nos: number[] = []
  const starts: number[] = [0]
  let [no, start] = [0, 0]
  for (let i = 0; i < list.length; i += 2) {
    const [gap, size] = [wholeNumber(list[i], 'a commit'), wholeNumber(list[i + 1], 'the size of a commit')]
    if ((gap === 0 && i > 0) || size === 0) throw wrongSegment(key, 'its commits are out of order')
    no += gap
    start += size
    nos.push(no)
    starts.push(start)
  }
  const last = blocks.at(-1)
  const content = last === undefined ? 0 : last.from + last.size
  if (start !== content || !Number.isSafeInteger(no)) throw wrongSegment(key, 'its commits do not fill it')
  return new SegmentIndex(blocks, nos, starts)
}

/** Position of the first number at or above `target`. */
function lower(numbers: readonly number[], target: number): number {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((numbers[middle] ?? Infinity) < target) low = middle + 1
    else high = middle
  }
  return low
}
