/** Reading commits' bodies back from segments: by ranges, checked against the descriptor, through one bounded cache. */

import { primitives } from '../crypto/primitives.ts'
import { emptyBytes, equalBytes } from '../encoding/bytes.ts'
import { isVarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import { Cache } from './cache.ts'
import { inflated } from './deflate.ts'
import type { Descriptor } from './descriptor.ts'
import { wrongSegment } from './format.ts'
import { decodeIndex, type Block, type SegmentIndex, type Span } from './segment-index.ts'
import type { SegmentStorage } from './storage.ts'

/** Part of a commit's bodies; what lies behind their end is left out. */
export interface Part {
  readonly commit: number
  readonly offset: number
  readonly size: number
}

export class SegmentCache {
  readonly indexes: Cache<SegmentIndex>
  readonly blocks: Cache<Uint8Array>

  /** A quarter of the bytes is for indexes. */
  constructor(bytes: number) {
    this.indexes = new Cache(bytes / 4)
    this.blocks = new Cache((bytes * 3) / 4)
  }
}

/** A run of blocks that one request reads. */
interface Run {
  readonly first: number
  readonly end: number
}

export class SegmentReader {
  readonly #storage: SegmentStorage
  readonly #cache: SegmentCache
  /** Indexes being read, by key: many readers wait for one request. */
  readonly #reading = new Map<string, Promise<SegmentIndex>>()

  constructor(storage: SegmentStorage, cache: SegmentCache) {
    this.#storage = storage
    this.#cache = cache
  }

  /** The parts in the order asked; null for commits that the segment does not hold. Throws `STORE_FAILED`, `TAMPERED`. */
  async read(segment: Descriptor, parts: readonly Part[]): Promise<readonly (Uint8Array | null)[]> {
    const index = await this.#index(segment)
    const spans = parts.map((part) => spanOf(index, part))
    const wanted = new Set<number>()
    for (const span of spans) {
      if (span === null || span.size === 0) continue
      const [first, end] = index.blocksOf(span)
      for (let position = first; position < end; position++) wanted.add(position)
    }
    const blocks = await this.#blocks(
      segment,
      index,
      [...wanted].toSorted((a, b) => a - b),
    )
    return spans.map((span) => (span === null ? null : cutOut(index, blocks, span)))
  }

  async #index(segment: Descriptor): Promise<SegmentIndex> {
    const { key } = segment
    const known = this.#cache.indexes.get(key)
    if (known !== undefined) return known
    const reading = this.#reading.get(key) ?? this.#readIndex(segment)
    this.#reading.set(key, reading)
    try {
      return await reading
    } finally {
      this.#reading.delete(key)
    }
  }

  async #readIndex(segment: Descriptor): Promise<SegmentIndex> {
    const { key, index: place } = segment
    return twice(async () => {
      const bytes = await this.#storage.get(key, { offset: place.offset, length: place.size })
      if (!equalBytes(primitives.sha256(bytes), place.hash)) throw wrongSegment(key, 'its index differs')
      const index = decodeIndex(bytes, place.offset, key)
      this.#cache.indexes.put(key, index, index.cost)
      return index
    })
  }

  /** The content of these blocks by position. */
  async #blocks(
    segment: Descriptor,
    index: SegmentIndex,
    positions: readonly number[],
  ): Promise<ReadonlyMap<number, Uint8Array>> {
    const found = new Map<number, Uint8Array>()
    const missing: number[] = []
    for (const position of positions) {
      const content = this.#cache.blocks.get(blockKey(segment, position))
      if (content === undefined) missing.push(position)
      else found.set(position, content)
    }
    const runs = runsOf(index.blocks, missing).map((run) => this.#ahead(segment, index.blocks, run))
    for (const contents of await Promise.all(runs.map((run) => this.#readRun(segment, index.blocks, run))))
      for (const [position, content] of contents) found.set(position, content)
    return found
  }

  /** Who has read the block before, and the one after what it had then, reads the segment in order. */
  #ahead(segment: Descriptor, blocks: readonly Block[], run: Run): Run {
    if (run.first === 0 || !this.#cache.blocks.has(blockKey(segment, run.first - 1))) return run
    let { end } = run
    for (let bytes = 0; end < blocks.length; end++) {
      bytes += blocks[end]?.stored ?? 0
      if (bytes > limits.segmentAheadBytes) break
    }
    return { first: run.first, end }
  }

  #readRun(
    segment: Descriptor,
    blocks: readonly Block[],
    { first, end }: Run,
  ): Promise<readonly (readonly [number, Uint8Array])[]> {
    const run = blocks.slice(first, end)
    const offset = run[0]?.at ?? 0
    const length = run.reduce((sum, block) => sum + block.stored, 0)
    return twice(async () => {
      const bytes = await this.#storage.get(segment.key, { offset, length })
      return Promise.all(
        run.map(async (block, i) => {
          const stored = bytes.subarray(block.at - offset, block.at - offset + block.stored)
          const content = await open(segment, block, stored)
          this.#cache.blocks.put(blockKey(segment, first + i), content, content.length)
          return [first + i, content] as const
        }),
      )
    })
  }
}

function blockKey({ key }: Descriptor, position: number): string {
  return `${key}#${position}`
}

/** Wrong bytes may come of a bad connection: they are read once more before they count. */
async function twice<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!isVarveError(error, 'TAMPERED')) throw error
    return read()
  }
}

async function open({ key }: Descriptor, block: Block, stored: Uint8Array): Promise<Uint8Array> {
  if (!equalBytes(primitives.sha256(stored), block.hash)) throw wrongSegment(key, `the block at ${block.at} differs`)
  // A copy of its own: a part of the answer would keep all of it in memory.
  if (block.stored === block.size) return stored.slice()
  try {
    return await inflated(stored, block.size)
  } catch (error) {
    throw wrongSegment(key, `the block at ${block.at} does not inflate`, error)
  }
}

function spanOf(index: SegmentIndex, { commit, offset, size }: Part): Span | null {
  const whole = index.find(commit)
  if (whole === null) return null
  const skipped = Math.min(offset, whole.size)
  return { from: whole.from + skipped, size: Math.max(0, Math.min(size, whole.size - skipped)) }
}

/** Blocks that lie together, or nearly, are read together. */
function runsOf(blocks: readonly Block[], positions: readonly number[]): readonly Run[] {
  const runs: Run[] = []
  for (const position of positions) {
    const block = blocks[position]
    const last = runs.at(-1)
    const [begin, before] = [blocks[last?.first ?? 0], blocks[(last?.end ?? 0) - 1]]
    if (block === undefined) continue
    if (
      last !== undefined &&
      begin !== undefined &&
      before !== undefined &&
      block.at - before.at - before.stored <= limits.segmentGapBytes &&
      block.at + block.stored - begin.at <= limits.segmentRequestBytes
    )
      runs[runs.length - 1] = { first: last.first, end: position + 1 }
    else runs.push({ first: position, end: position + 1 })
  }
  return runs
}

function cutOut(index: SegmentIndex, contents: ReadonlyMap<number, Uint8Array>, span: Span): Uint8Array {
  const target = new Uint8Array(span.size)
  const [first, end] = span.size === 0 ? [0, 0] : index.blocksOf(span)
  for (let position = first; position < end; position++) {
    const content = contents.get(position) ?? emptyBytes
    const start = (index.blocks[position]?.from ?? 0) - span.from
    const part = content.subarray(Math.max(0, -start), Math.min(content.length, span.size - start))
    target.set(part, Math.max(0, start))
  }
  return target
}
