/** Verification: everything is recomputed from the log and compared with what is stored. */

import { primitives } from '../crypto/primitives.ts'
import { decodeHead, encodeHead, type Head } from '../document/head.ts'
import { documentOf } from '../document/head.ts'
import { compareBytes, equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError, type ErrorCode } from '../errors.ts'
import { bodiesRoot, commitId, feedHeadMessage, noCommit } from '../log/commit.ts'
import { decodeHeader, splitBodies } from '../log/header.ts'
import { decodeReceipt, noReceipt, receiptId, recordHeadMessage } from '../log/receipt.ts'
import { indexKeys } from '../query/order-key.ts'
import { firstDocument, type CommitRow, type DocumentRow, type FeedRow } from '../store/rows.ts'
import { absentHead } from '../document/head.ts'
import { foldEntries } from './count.ts'
import { entryRows } from './history.ts'
import type { Replica } from './replica.ts'
import type { CollectionState } from './state.ts'

export interface Verified {
  readonly ok: boolean
  readonly commits: number
  readonly entries: number
  readonly problems: readonly { readonly code: ErrorCode; readonly where: string }[]
}

const page = 64

/** Checks feeds, record, bodies, heads, versions and indexes. Never throws for what it finds. */
export function verifyReplica(replica: Replica): Promise<Verified> {
  return replica.exclusive(() => new Verification(replica).run())
}

class Verification {
  readonly #replica: Replica
  readonly #problems: { code: ErrorCode; where: string }[] = []
  #commits = 0
  #entries = 0

  constructor(replica: Replica) {
    this.#replica = replica
  }

  async run(): Promise<Verified> {
    for (const feed of this.#replica.feeds.values()) await this.#guard(`feed ${toHex(feed.id)}`, () => this.#feed(feed))
    await this.#guard('record', () => this.#record())
    for (const collection of this.#replica.state.collections) {
      await this.#guard(`collection ${collection.name ?? toHex(collection.tag)}`, () => this.#collection(collection))
    }
    return { ok: this.#problems.length === 0, commits: this.#commits, entries: this.#entries, problems: this.#problems }
  }

  #report(where: string, code: ErrorCode = 'TAMPERED'): void {
    this.#problems.push({ code, where })
  }

  async #guard(where: string, check: () => Promise<void>): Promise<void> {
    try {
      await check()
    } catch (error) {
      if (!(error instanceof VarveError)) throw error
      this.#report(`${where}: ${error.message}`, error.code)
    }
  }

  async #feed(feed: FeedRow): Promise<void> {
    const name = `feed ${toHex(feed.id)}`
    let previous = noCommit
    let seq = 0
    while (seq < feed.length) {
      const rows = await this.#replica.store.commits(feed.no, seq, page)
      if (rows.length === 0) break
      for (const row of rows) {
        if (row.seq !== seq) return this.#report(`${name}: commit ${seq} is missing`)
        await this.#guard(`${name}, commit ${seq}`, () => Promise.resolve(this.#commit(feed, row, previous)))
        previous = row.id
        seq++
      }
    }
    if (seq !== feed.length) this.#report(`${name}: commits ${seq} to ${feed.length - 1} are missing`)
    else if (feed.length > 0 && !equalBytes(previous, feed.head))
      this.#report(`${name}: its head is not its last commit`)
  }

  #commit(feed: FeedRow, row: CommitRow, previous: Uint8Array): void {
    const name = `feed ${toHex(feed.id)}, commit ${row.seq}`
    const place = { database: this.#replica.context.id, feed: feed.id, seq: row.seq, previous }
    if (!equalBytes(commitId(place, row.header), row.id)) this.#report(`${name}: the header or the chain was changed`)
    if (
      row.signature !== null &&
      !primitives.ed25519.verify(feed.publicKey, feedHeadMessage(place, row.id), row.signature)
    ) {
      this.#report(`${name}: the signature does not fit`)
    }
    const header = decodeHeader(row.header)
    const bodies = splitBodies(header, row.bodies)
    if (header.stamp !== row.stamp) this.#report(`${name}: the stored stamp is not the header's`)
    if (!equalBytes(bodiesRoot(bodies), header.root)) this.#report(`${name}: the bodies were changed`)
    const commit = this.#replica.reader.decode({ ...row, size: row.bodies.length }, header)
    bodies.forEach((body, index) => {
      const read = this.#replica.reader.unseal(commit, index, body)
      if (read?.void === true) this.#report(`${name}, entry ${index}: ${read.reason ?? 'void'}`, 'INVALID')
    })
    this.#commits++
    this.#entries += bodies.length
  }

  async #record(): Promise<void> {
    const { context, state, store } = this.#replica
    let previous = noReceipt
    let at = 0
    let record = 0
    while (record < state.record.length) {
      const rows = await store.receipts(record, page)
      const heads = await store.commitHeads(rows.map((row) => row.commit))
      if (rows.length === 0) break
      for (const [i, row] of rows.entries()) {
        const head = heads[i]
        if (row.record !== record || head === null || head === undefined)
          return this.#report(`record ${record}: it, or its commit, is missing`)
        const id = receiptId({ database: context.id, record, previous, commit: head.id }, row.bytes)
        const receipt = decodeReceipt(row.bytes, decodeHeader(head.header).entries.length)
        if (
          row.signature !== null &&
          !primitives.ed25519.verify(context.recorder, recordHeadMessage(context.id, record, id), row.signature)
        ) {
          this.#report(`record ${record}: the signature of the recorder does not fit`)
        }
        if (
          receipt.at !== row.at ||
          receipt.at < at ||
          head.at !== row.at ||
          head.record !== record ||
          (receipt.refused?.code ?? null) !== head.refused
        ) {
          this.#report(`record ${record}: what is stored beside the receipt differs from it`)
        }
        previous = id
        at = receipt.at
        record++
      }
    }
    if (record !== state.record.length) this.#report(`record ${record}: it is missing`)
    else if (!equalBytes(previous, state.record.head)) this.#report('record: its head is not its last receipt')
  }

  async #collection(collection: CollectionState): Promise<void> {
    let after = firstDocument(collection.no)
    for (;;) {
      const rows = await this.#replica.store.scan(collection.no, after, page)
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.no
      for (const row of rows) await this.#guard(`document ${toHex(row.tag)}`, () => this.#document(collection, row))
    }
  }

  async #document(collection: CollectionState, row: DocumentRow): Promise<void> {
    const where = `document ${toHex(row.tag)}`
    const { store, reader, compare } = this.#replica
    const entries = await reader.read(await entryRows(store, row.no))
    const folded = foldEntries(absentHead, entries, compare)
    const stored = row.state === null ? absentHead : decodeHead(row.state)
    if (encodeHead(folded) !== encodeHead(stored)) this.#report(`${where}: the head is not what its entries say`)
    for (const { row: entry, header } of entries) {
      if (!equalBytes(header.tag, row.tag))
        this.#report(`${where}: entry ${entry.index} of commit ${entry.commit} belongs to another document`)
    }
    for (const [ov, { row: entry }] of entries.entries()) {
      if (entry.place < 2 ** 50 && entry.ov !== ov) this.#report(`${where}: version ${ov} is stored as ${entry.ov}`)
    }
    await this.#indexes(collection, row, folded)
  }

  async #indexes(collection: CollectionState, row: DocumentRow, head: Head): Promise<void> {
    for (const index of collection.indexes) {
      const keys = head.state.status === 'live' ? indexKeys(index.path, documentOf(head)) : []
      for (const key of keys) {
        const to = new Uint8Array([...key, 0])
        const hits = await this.#replica.store.scanIndex({
          index: index.no,
          range: { from: key, to },
          reverse: false,
          after: beforeId(key, head.state.id),
          limit: 1,
        })
        const [hit] = hits
        if (hit === undefined || hit.document !== row.no || compareBytes(hit.key, key) !== 0) {
          this.#report(`document ${toHex(row.tag)}: its row in index "${index.path}" is missing`)
        }
      }
    }
  }
}

/** A position right before an id, so that a scan finds exactly that row first. */
function beforeId(key: Uint8Array, id: string): { readonly key: Uint8Array; readonly id: string } | null {
  return id === '' ? null : { key, id: id.slice(0, -1) }
}
