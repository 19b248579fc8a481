/** The floor's log: commits of the right shape and size, made with plain calls and stored with the rows they need. */

import { randomBytes } from 'node:crypto'
import { encode } from 'cborg'
import { bodiesRoot, collectionTag, CommitSealer, databaseId, feedId, keyId, sha256, signHead } from './calls.ts'
import type { FloorStore } from './rows.ts'

export const stateName = Buffer.from('state')
export const publicKey = randomBytes(32)

/** One entry before sealing. */
export interface FloorEntry {
  readonly tag: Uint8Array
  readonly body: Uint8Array
  /** 0 creates, 1 changes. */
  readonly kind: number
  readonly ov: number
}

export interface FloorCommit {
  readonly no: number
  readonly record: number
  readonly stamp: string
  readonly at: number
}

export class FloorLog {
  readonly #store: FloorStore
  #no = 0
  #cv = 0
  #head: Uint8Array = new Uint8Array(32)
  #receipt: Uint8Array = new Uint8Array(32)
  #unsignedCommits = 0
  #unsignedBytes = 0

  constructor(store: FloorStore) {
    this.#store = store
  }

  get cv(): number {
    return this.#cv
  }

  /** The number and time of the commit that comes next. */
  next(): FloorCommit {
    const at = Date.now()
    const stamp = at.toString(16).padStart(12, '0') + '0000'
    return { no: this.#no + 1, record: this.#no, stamp, at }
  }

  /** Seals, hashes, chains and signs like the format, and stores commit, payload, receipt, feed and state. */
  append({ no, record, stamp, at }: FloorCommit, entries: readonly FloorEntry[]): void {
    const salt = randomBytes(16)
    const sealer = new CommitSealer(salt, record)
    const bodies = entries.map(({ tag, kind, body }, index) => sealer.seal(index, tag, kind, body))
    const header = encodeHeader(stamp, salt, entries, bodies)
    const id = sha256(Buffer.concat([databaseId, feedId, Buffer.alloc(8), this.#head, header]))
    const receipt = encodeReceipt(at, entries, this.#cv)
    const receiptId = sha256(Buffer.concat([databaseId, Buffer.alloc(8), this.#receipt, id, receipt]))
    const joined = Buffer.concat(bodies)
    this.#cv += entries.length
    this.#no = no
    this.#head = id
    this.#receipt = receiptId
    this.#unsignedCommits++
    this.#unsignedBytes += header.length + joined.length
    const due = this.#unsignedCommits >= 64 || this.#unsignedBytes >= 512 * 1024
    if (due) this.#unsignedCommits = this.#unsignedBytes = 0
    const store = this.#store
    store.insert('named_values', [stateName, this.#state(stamp, at)])
    store.insert('feeds', [1, feedId, publicKey, no, id, 0, 0])
    const signature = due ? signHead(id) : null
    store.insert('commits', [no, 1, record, stamp, id, signature, record, at, null])
    store.insert('payloads', [no, joined.length, header, joined])
    store.insert('receipts', [record, no, at, receipt, due ? signHead(receiptId) : null])
  }

  /** The counters of a replica, of the same shape as the engine's. */
  #state(stamp: string, at: number): Uint8Array {
    const collection = [1, collectionTag, 'packages', this.#cv, this.#cv, 0, []]
    const unsigned = [this.#unsignedCommits, this.#unsignedBytes, this.#unsignedCommits]
    const record = [this.#no, this.#receipt, at]
    return encode([1, this.#no, Buffer.from(stamp, 'hex'), 1, 1, [collection], record, unsigned])
  }
}

function encodeHeader(
  stamp: string,
  salt: Uint8Array,
  entries: readonly FloorEntry[],
  bodies: readonly Uint8Array[],
): Uint8Array {
  const tags = Buffer.concat(entries.map(({ tag }) => tag))
  const kinds = Uint8Array.from(entries, ({ kind }) => kind)
  const sizes = bodies.map((body) => body.length)
  const none = new Uint8Array(0)
  const time = Buffer.from(stamp, 'hex')
  const root = bodiesRoot(bodies)
  return encode([1, time, [], salt, null, [collectionTag], [keyId], tags, kinds, none, none, sizes, root, []])
}

/** Equal versions, as creating makes them, are one pair. */
export function encodeReceipt(at: number, entries: readonly Pick<FloorEntry, 'ov'>[], cv: number): Uint8Array {
  const ovs = entries.map(({ ov }) => ov)
  const packed = ovs.length > 2 && ovs.every((ov) => ov === ovs[0]) ? [[ovs[0], ovs.length]] : ovs
  return encode([1, at, null, packed, [cv]])
}
