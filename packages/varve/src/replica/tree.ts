/** The Merkle tree over the record of one replica: roots, signed checkpoints and proofs, made when they are asked for. */

import { equalBytes } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { signCheckpoint, verifyCheckpoint } from '../log/checkpoint.ts'
import { encodeProof, verifyProof } from '../log/proof.ts'
import { consistencyPath, inclusionPath, treeRoot } from '../log/tree.ts'
import { EdgeBuilder, emptyEdge, tileWidth, type Edge } from './edge.ts'
import type { Replica } from './replica.ts'
import { readLeaves, Tiles, wrongReceipt, type TileCache } from './tiles.ts'

const trees = new WeakMap<Replica, RecordTree>()

/** The tree of a replica; one for all who ask. */
export function recordTree(replica: Replica): RecordTree {
  const known = trees.get(replica)
  if (known !== undefined) return known
  const made = new RecordTree(replica)
  trees.set(replica, made)
  return made
}

/**
 * Nothing is trusted but the receipts. What is hashed is chained at the same time, and the chain must end
 * at the head of the record. A cached edge counts with this device's signature only, and every other hash
 * that is read or made again must lead to one in the edge.
 *
 * All methods throw `INVALID` for what is beyond the record, and `TAMPERED` when the store does not hold
 * the record it should.
 */
export class RecordTree {
  readonly #replica: Replica
  readonly #tiles: Tiles
  #edge: Edge | null = null
  /** Settles when the growing so far has; never rejects. */
  #growing: Promise<unknown> = Promise.resolve()

  /** `cache` is where hashes are kept, by default the replica's store. */
  constructor(replica: Replica, cache: TileCache = replica.store) {
    this.#replica = replica
    this.#tiles = new Tiles(replica, cache)
  }

  /** The root over the first `size` receipts; over all of them without it. */
  async root(size?: number): Promise<Uint8Array> {
    const edge = await this.#grown(size ?? 0)
    return treeRoot(size ?? edge.size, this.#tiles.below(edge))
  }

  /** The signed checkpoint of the whole record; throws `FORBIDDEN` unless this device is its recorder. */
  async checkpoint(): Promise<string> {
    const { context, records } = this.#replica
    if (!records) {
      throw new VarveError(
        'FORBIDDEN',
        `Only the recorder of database "${context.name}" signs its checkpoints: take the one you were sent`,
      )
    }
    const edge = await this.#grown(0)
    const root = await treeRoot(edge.size, this.#tiles.below(edge))
    return signCheckpoint(context.id, { size: edge.size, root }, context.device)
  }

  /** The path that proves receipt `record` in the tree of `size` receipts. */
  async inclusion(record: number, size: number): Promise<readonly Uint8Array[]> {
    return inclusionPath(record, size, this.#tiles.below(await this.#grown(size)))
  }

  /** The path that proves that the first `from` of `to` receipts are the same in both trees. */
  async consistency(from: number, to: number): Promise<readonly Uint8Array[]> {
    return consistencyPath(from, to, this.#tiles.below(await this.#grown(to)))
  }

  /**
   * The proof of receipt `record` as a text, under a checkpoint that `recorder` has signed. Also throws as
   * `verifyProof` does: `TAMPERED` when the checkpoint is of another record than the one held here.
   */
  async prove(record: number, checkpoint: string, recorder: Uint8Array): Promise<string> {
    const log = { database: this.#replica.context.id, recorder }
    const { size } = verifyCheckpoint(checkpoint, log)
    const path = await this.inclusion(record, size)
    const [leaf] = await readLeaves(this.#replica, record, record + 1)
    if (leaf === undefined) throw wrongReceipt(this.#replica, record, 'it is missing')
    const proof = encodeProof({ record, ...leaf, path, checkpoint })
    verifyProof(proof, log)
    return proof
  }

  /** The edge at the end of the record, which must hold at least `size` receipts. */
  async #grown(size: number): Promise<Edge> {
    const done = this.#growing.then(() => this.#grow())
    this.#growing = done.catch(() => undefined)
    const edge = await done
    if (size > edge.size) {
      throw new VarveError(
        'INVALID',
        `The record of database "${this.#replica.context.name}" has ${edge.size} receipts here, not ${size}: sync first`,
        { details: { size, record: edge.size } },
      )
    }
    return edge
  }

  async #grow(): Promise<Edge> {
    const { length, head } = this.#replica.state.record
    const known = this.#edge ?? (await this.#tiles.edge())
    let edge = known.size > length ? emptyEdge : await this.#extended(known, length)
    // The cache is of another branch: the store was put back to an older state, and the record went on from there.
    if (!equalBytes(edge.head, head) && known.size > 0) edge = await this.#extended(emptyEdge, length)
    if (!equalBytes(edge.head, head))
      throw wrongReceipt(this.#replica, length - 1, 'the chain of receipts does not lead to its id')
    this.#edge = edge
    return edge
  }

  async #extended(from: Edge, size: number): Promise<Edge> {
    if (from.size === size) return from
    const builder = new EdgeBuilder(this.#replica.context.id, from)
    let full: Edge | null = null
    while (builder.size < size) {
      for (const { commit, receipt } of await readLeaves(this.#replica, builder.size, size)) {
        builder.add(commit, receipt)
        if (builder.size % tileWidth === 0) full = builder.edge()
      }
      const tiles = builder.takeTiles().filter(({ level }) => level > 0)
      if (tiles.length === 0) continue
      await this.#tiles.keep(full, tiles)
      full = null
    }
    if (full !== null) await this.#tiles.keep(full, [])
    return builder.edge()
  }
}
