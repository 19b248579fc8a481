/** The right edge of a record's tree: what further receipts are added to, and its signed, disposable form in the store. */

import { primitives } from '../crypto/primitives.ts'
import { concat, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { hashBytes } from '../log/header.ts'
import { noReceipt, receiptId } from '../log/receipt.ts'
import { fullRoot, leafHash } from '../log/tree.ts'
import type { ReplicaContext } from './context.ts'

/** Hashes in a full tile; on level n each stands for 256^n receipts. */
export const tileWidth = 256

const edgeVersion = 1
const edgeDomain = utf8('varve/tree-edge/v1\0')

export interface Edge {
  /** Receipts below it. */
  readonly size: number
  /** Id of the last of them. */
  readonly head: Uint8Array
  /** For each level, the hashes after the last full tile. */
  readonly levels: readonly (readonly Uint8Array[])[]
}

export const emptyEdge: Edge = { size: 0, head: noReceipt, levels: [] }

/** A tile that became full. */
export interface Tile {
  readonly level: number
  readonly index: number
  readonly hashes: readonly Uint8Array[]
}

/** Adds receipts to an edge, which itself stays as it is. */
export class EdgeBuilder {
  readonly #database: Uint8Array
  readonly #levels: Uint8Array[][]
  #size: number
  #head: Uint8Array
  /** Full tiles since they were last taken. */
  #tiles: Tile[] = []

  constructor(database: Uint8Array, { size, head, levels }: Edge) {
    this.#database = database
    this.#size = size
    this.#head = head
    this.#levels = levels.map((hashes) => [...hashes])
  }

  get size(): number {
    return this.#size
  }

  /** Chains and adds the next receipt, given with the id of its commit. */
  add(commit: Uint8Array, receipt: Uint8Array): void {
    const place = { database: this.#database, record: this.#size, previous: this.#head, commit }
    this.#head = receiptId(place, receipt)
    this.#size++
    this.#push(0, leafHash(commit, receipt))
  }

  #push(level: number, hash: Uint8Array): void {
    const hashes = (this.#levels[level] ??= [])
    hashes.push(hash)
    if (hashes.length < tileWidth) return
    this.#tiles.push({ level, index: this.#size / tileWidth ** (level + 1) - 1, hashes })
    this.#levels[level] = []
    this.#push(level + 1, fullRoot(hashes))
  }

  takeTiles(): readonly Tile[] {
    const taken = this.#tiles
    this.#tiles = []
    return taken
  }

  edge(): Edge {
    return { size: this.#size, head: this.#head, levels: this.#levels.map((hashes) => [...hashes]) }
  }
}

/** The edge at the end of a full tile of receipts, signed by this device: nobody else can make a cache that counts. */
export function encodeEdge({ id, device }: ReplicaContext, { size, head, levels }: Edge): Uint8Array {
  const body = encodeCbor([edgeVersion, size, head, levels.slice(1).map((hashes) => concat(...hashes))])
  return encodeCbor([body, device.sign(concat(edgeDomain, id, body))])
}

/** Throws `INVALID`, `TAMPERED` or `UNSUPPORTED_VERSION` for bytes that this device did not write for this database. */
export function decodeEdge({ id, device }: ReplicaContext, bytes: Uint8Array): Edge {
  const what = 'The cached edge of the tree'
  const [body, signature] = listOf(decodeCbor(bytes, what), what)
  const signed = bytesOf(body, null, what)
  const message = concat(edgeDomain, id, signed)
  if (!primitives.ed25519.verify(device.publicKey, message, bytesOf(signature, 64, 'its signature')))
    throw new VarveError('TAMPERED', `${what} was damaged, or another device wrote it: it is made again`)
  const [version, size, head, levels] = listOf(decodeCbor(signed, what), what)
  if (version !== edgeVersion)
    throw new VarveError('UNSUPPORTED_VERSION', `${what} has format ${String(version)}: it is made again`)
  const receipts = wholeNumber(size, 'its size')
  const upper = listOf(levels, 'its levels').map((hashes, i) =>
    unpackHashes(bytesOf(hashes, null, 'its hashes'), Math.floor(receipts / tileWidth ** (i + 1)) % tileWidth),
  )
  return { size: receipts, head: bytesOf(head, hashBytes, 'its head'), levels: [[], ...upper] }
}

/** The hashes in `bytes`; throws `INVALID` when they are not `count`. */
export function unpackHashes(bytes: Uint8Array, count: number): readonly Uint8Array[] {
  if (bytes.length !== count * hashBytes)
    throw new VarveError('INVALID', `${bytes.length} bytes of a cached tree are not ${count} hashes: it is made again`)
  return Array.from({ length: count }, (_, i) => bytes.slice(i * hashBytes, (i + 1) * hashBytes))
}
