/** The hashes of the tree over a record: tiles of 256 on each level, cached as named values and checked when they are read. */

import { concat, equalBytes } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { hashBytes } from '../log/header.ts'
import { fullRoot, leafHash, type Subtrees } from '../log/tree.ts'
import type { Store } from '../store/store.ts'
import { decodeEdge, emptyEdge, encodeEdge, tileWidth, unpackHashes, type Edge, type Tile } from './edge.ts'
import type { Replica } from './replica.ts'

/** Name of the cached edge; full tiles follow as `tree/<level>/<index>`. */
const edgeName = 'tree'
/** log2 of the width of a tile. */
const tileHeight = 8
const page = 64

/** Where tiles are kept: the replica's store, or memory. What is lost there is made again. */
export type TileCache = Pick<Store, 'value' | 'write'>

/** A cache that begins empty: with it every hash is made from the receipts. */
export function freshTiles(): TileCache {
  const kept = new Map<string, Uint8Array | null>()
  return {
    value: (name) => Promise.resolve(kept.get(name) ?? null),
    write: ({ values = [] }) => {
      for (const [name, bytes] of values) kept.set(name, bytes)
      return Promise.resolve()
    },
  }
}

/** A receipt with the id of its commit: what a leaf is made of. */
export interface Leaf {
  readonly commit: Uint8Array
  readonly receipt: Uint8Array
}

/** Receipts from `from` up to, not including, `to`, at most a page of them; throws `TAMPERED` when one is missing. */
export async function readLeaves(replica: Replica, from: number, to: number): Promise<readonly Leaf[]> {
  const count = Math.min(to - from, page)
  const rows = await replica.store.receipts(from, count)
  const heads = await replica.store.commitHeads(rows.map(({ commit }) => commit))
  return Array.from({ length: count }, (_, i) => {
    const [row, head] = [rows[i], heads[i]]
    if (row?.record !== from + i || head === null || head === undefined)
      throw wrongReceipt(replica, from + i, 'it, or its commit, is missing')
    return { commit: head.id, receipt: row.bytes }
  })
}

export function wrongReceipt({ context }: Replica, record: number, why: string): VarveError {
  return new VarveError(
    'TAMPERED',
    `Receipt ${record} of database "${context.name}" is not as it was recorded: ${why}; run verify`,
    { details: { record } },
  )
}

/** Reads and writes the tiles of one replica; what it answers fits the edge, or it throws. */
export class Tiles {
  readonly #replica: Replica
  readonly #cache: TileCache

  constructor(replica: Replica, cache: TileCache) {
    this.#replica = replica
    this.#cache = cache
  }

  /** The cached edge; the empty one when there is none that counts. */
  async edge(): Promise<Edge> {
    const bytes = await this.#cache.value(edgeName)
    if (bytes === null) return emptyEdge
    try {
      return decodeEdge(this.#replica.context, bytes)
    } catch (error) {
      this.#warn('the cached tree of a record cannot be used', error)
      return emptyEdge
    }
  }

  /** Caching is only tried: a store may be open for reading alone. Tiles of receipts are not worth keeping. */
  async keep(edge: Edge | null, tiles: readonly Tile[]): Promise<void> {
    const values = new Map<string, Uint8Array>()
    for (const { level, index, hashes } of tiles) if (level > 0) values.set(tileName(level, index), concat(...hashes))
    if (edge !== null) values.set(edgeName, encodeEdge(this.#replica.context, edge))
    if (values.size === 0) return
    try {
      await this.#cache.write({ values })
    } catch (error) {
      this.#warn('the tree of a record was not cached', error)
    }
  }

  /** The subtrees below an edge; what is read for one answer is read once. */
  below(edge: Edge): Subtrees {
    const read = new Map<string, readonly Uint8Array[]>()
    const tile = async (level: number, index: number): Promise<readonly Uint8Array[]> => {
      if (index === Math.floor(edge.size / tileWidth ** (level + 1))) return edge.levels[level] ?? []
      const name = tileName(level, index)
      const known = read.get(name)
      if (known !== undefined) return known
      const above = await tile(level + 1, Math.floor(index / tileWidth))
      const hashes = await this.#full(level, index, above[index % tileWidth])
      read.set(name, hashes)
      return hashes
    }
    return async (height, index) => {
      const width = 2 ** (height % tileHeight)
      const first = index * width
      const hashes = await tile(Math.floor(height / tileHeight), Math.floor(first / tileWidth))
      return fullRoot(hashes.slice(first % tileWidth, (first % tileWidth) + width))
    }
  }

  /** A full tile with this root: the cached one, or made again from the receipts. */
  async #full(level: number, index: number, root: Uint8Array | undefined): Promise<readonly Uint8Array[]> {
    const fits = (hashes: readonly Uint8Array[]): boolean => root !== undefined && equalBytes(fullRoot(hashes), root)
    const bytes = level === 0 ? null : await this.#cache.value(tileName(level, index))
    const cached = bytes?.length === tileWidth * hashBytes ? unpackHashes(bytes, tileWidth) : null
    if (cached !== null && fits(cached)) return cached
    const hashes = await this.#made(level, index)
    if (!fits(hashes))
      throw wrongReceipt(this.#replica, index * tileWidth ** (level + 1), 'it, or one soon after, differs')
    await this.keep(null, [{ level, index, hashes }])
    return hashes
  }

  async #made(level: number, index: number): Promise<readonly Uint8Array[]> {
    const [from, to] = [index * tileWidth, (index + 1) * tileWidth]
    const hashes: Uint8Array[] = []
    if (level > 0) {
      for (let i = from; i < to; i++) hashes.push(fullRoot(await this.#made(level - 1, i)))
      return hashes
    }
    while (hashes.length < tileWidth) {
      const leaves = await readLeaves(this.#replica, from + hashes.length, to)
      hashes.push(...leaves.map(({ commit, receipt }) => leafHash(commit, receipt)))
    }
    return hashes
  }

  #warn(message: string, error: unknown): void {
    if (!(error instanceof VarveError)) throw error
    const { name, env } = this.#replica.context
    env.log('warn', message, { database: name, code: error.code, reason: error.message })
  }
}

function tileName(level: number, index: number): string {
  return `${edgeName}/${level}/${index}`
}
