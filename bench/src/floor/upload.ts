/** The floor of an upload: what its author reads and notes, and what the recorder checks, signs and stores. */

import { decode } from 'cborg'
import { asBytes, asNumber, asText, isList } from '../json.ts'
import { bodiesRoot, databaseId, feedId, sha256, signHead, verifyHead } from './calls.ts'
import { encodeReceipt, publicKey, stateName } from './log.ts'
import type { FloorStore, Value } from './rows.ts'
import { firstDocument, readHeads, strict } from './work.ts'

/** Bytes that one batch of a sync aims at, as the engine does. */
const batchBytes = 1024 * 1024
const page = 64
/** Where the engine keeps the places of what is not recorded. */
const pendingPlace = 2 ** 50

interface PendingCommit {
  readonly no: number
  readonly stamp: string
  readonly header: Uint8Array
  readonly bodies: Uint8Array
  readonly signature: Uint8Array | null
}

interface GivenReceipt {
  readonly record: number
  readonly at: number
  readonly bytes: Uint8Array
}

interface Given {
  readonly receipts: readonly GivenReceipt[]
  /** Over the last of them. */
  readonly signature: Uint8Array
}

/** Makes what `Floor` created look like written on a device that does not record. */
export function makePending(store: FloorStore): void {
  store.transaction(() => {
    for (const sql of [
      'DELETE FROM receipts',
      'UPDATE commits SET record = NULL, at = NULL',
      `UPDATE entries SET place = ${pendingPlace} + commit_no, ov = 0, cv = 0`,
      'UPDATE feeds SET recorded = 0',
    ])
      store.run(sql, [])
    const [row] = store.all('SELECT no, id FROM commits ORDER BY no DESC LIMIT 1', [])
    if (!isList(row)) throw new Error('There is nothing to send')
    store.run('UPDATE commits SET signature = ? WHERE no = ?', [signHead(asBytes(row[1])), asNumber(row[0])])
  })
}

/** Both ends of an upload, each timed by itself: the bytes between them are timed over a bare socket. */
export class UploadFloor {
  readonly #author: Author
  readonly #recorder: Recorder
  readonly times = { author: 0, recorder: 0 }

  constructor(author: FloorStore, recorder: FloorStore) {
    this.#author = new Author(author)
    this.#recorder = new Recorder(recorder)
  }

  /** Returns the number of commits that were recorded. */
  run(): number {
    let recorded = 0
    for (;;) {
      const unit = this.#timed('author', () => this.#author.next())
      if (unit.length === 0) return recorded
      const given = this.#timed('recorder', () => this.#recorder.take(unit))
      this.#timed('author', () => {
        this.#author.note(given)
      })
      recorded += given.receipts.length
    }
  }

  #timed<R>(end: 'author' | 'recorder', work: () => R): R {
    const start = performance.now()
    const result = work()
    this.times[end] += performance.now() - start
    return result
  }
}

const readPending = `SELECT c.no, c.stamp, c.signature, p.header, p.bodies FROM commits c
  CROSS JOIN payloads p ON p.no = c.no WHERE c.no > ? ORDER BY c.no LIMIT ${page}`

class Author {
  readonly #store: FloorStore
  #last = 0
  #noted = 0
  #record: Uint8Array = new Uint8Array(32)

  constructor(store: FloorStore) {
    this.#store = store
  }

  /** A batch of commits that ends at a signature; empty after the last. */
  next(): readonly PendingCommit[] {
    const taken: PendingCommit[] = []
    let bytes = 0
    for (;;) {
      const rows = this.#store.all(readPending, [this.#last])
      if (rows.length === 0) return taken
      for (const row of rows) {
        const commit = pendingCommit(row)
        taken.push(commit)
        this.#last = commit.no
        bytes += commit.header.length + commit.bodies.length
        if (bytes >= batchBytes && commit.signature !== null) return taken
      }
    }
  }

  /** The receipts of a batch: checked, and every commit, entry and head put in its place. */
  note({ receipts, signature }: Given): void {
    this.#store.transaction(() => {
      const rows = this.#store.all(
        `SELECT c.no, c.id, p.header FROM commits c CROSS JOIN payloads p ON p.no = c.no
         WHERE c.no > ? ORDER BY c.no LIMIT ?`,
        [this.#noted, receipts.length],
      )
      const receiptRows: Value[] = []
      const tags = rows.map((row, i) => {
        const receipt = receipts[i]
        if (!isList(row) || receipt === undefined) throw new TypeError('A commit expected')
        const [no, id, header] = row
        decode(receipt.bytes, strict)
        this.#record = receiptId(this.#record, asBytes(id), receipt.bytes)
        const last = i === rows.length - 1
        receiptRows.push(receipt.record, asNumber(no), receipt.at, receipt.bytes, last ? signature : null)
        this.#store.run('UPDATE commits SET record = ?, at = ?, refused = ? WHERE no = ?', [
          receipt.record,
          receipt.at,
          null,
          asNumber(no),
        ])
        const fields: unknown = decode(asBytes(header), strict)
        return asBytes(isList(fields) ? fields[7] : null)
      })
      if (!verifyHead(this.#record, signature)) throw new Error('A signature of the record does not verify')
      this.#store.insert('receipts', receiptRows)
      this.#settle(receipts, tags)
      this.#noted += receipts.length
      this.#store.insert('named_values', [stateName, new Uint8Array(112)])
      this.#store.insert('feeds', [1, feedId, publicKey, this.#noted, this.#record, 0, this.#noted])
    })
  }

  /** Documents and entries, as the record counts them. */
  #settle(receipts: readonly GivenReceipt[], tags: readonly Uint8Array[]): void {
    const hex = JSON.stringify(tags.map((tag) => Buffer.from(tag.buffer, tag.byteOffset, 16).toString('hex')))
    const documentRows: Value[] = []
    const entryRows: Value[] = []
    this.#store.all(readHeads, [hex]).forEach((row, i) => {
      const [document, state] = isList(row) ? row : []
      const [receipt, tag] = [receipts[i], tags[i]]
      const head: unknown = JSON.parse(asText(state))
      if (!isList(head) || receipt === undefined || tag === undefined) throw new TypeError('A head should be a list')
      const no = asNumber(document)
      const commit = receipt.record + 1
      const settled = [...head.slice(0, 5), receipt.at, ...head.slice(6)]
      documentRows.push(no, tag, JSON.stringify(settled), commit)
      this.#store.run('DELETE FROM entries WHERE document = ? AND place = ? AND idx = ?', [
        no,
        pendingPlace + commit,
        0,
      ])
      entryRows.push(no, receipt.record, 0, commit, 0, receipt.record)
    })
    this.#store.insert('documents', documentRows)
    this.#store.insert('entries', entryRows)
  }
}

class Recorder {
  readonly #store: FloorStore
  #commit: Uint8Array = new Uint8Array(32)
  #receipt: Uint8Array = new Uint8Array(32)
  #length = 0

  constructor(store: FloorStore) {
    this.#store = store
  }

  /** Checks a batch without a key, gives every commit its receipt and stores both. */
  take(unit: readonly PendingCommit[]): Given {
    return this.#store.transaction(() => {
      const at = Date.now()
      const rows = { commits: [], payloads: [], documents: [], entries: [] } satisfies Record<string, Value[]>
      const receipts = unit.map((commit) => this.#record(commit, at, rows))
      const last = unit.at(-1)?.signature ?? null
      if (last === null || !verifyHead(this.#commit, last)) throw new Error('A signature of the feed does not verify')
      const signature = signHead(this.#receipt)
      const end = receipts.length - 1
      const receiptRows = receipts.flatMap(({ record, bytes }, i): Value[] => [
        record,
        record + 1,
        at,
        bytes,
        i === end ? signature : null,
      ])
      const store = this.#store
      store.insert('named_values', [stateName, new Uint8Array(112)])
      store.insert('feeds', [1, feedId, publicKey, this.#length, this.#commit, 0, this.#length])
      store.insert('commits', rows.commits)
      store.insert('payloads', rows.payloads)
      store.insert('receipts', receiptRows)
      store.insert('documents', rows.documents)
      store.insert('entries', rows.entries)
      return { receipts, signature }
    })
  }

  #record(
    { stamp, header, bodies, signature }: PendingCommit,
    at: number,
    rows: Readonly<Record<'commits' | 'payloads' | 'documents' | 'entries', Value[]>>,
  ): GivenReceipt {
    const record = this.#length++
    const no = record + 1
    this.#commit = sha256(Buffer.concat([databaseId, feedId, Buffer.alloc(8), this.#commit, header]))
    const tag = checkedTag(header, bodies)
    const bytes = encodeReceipt(at, [{ ov: 0 }], record)
    this.#receipt = receiptId(this.#receipt, this.#commit, bytes)
    const document = firstDocument + record
    const state = `[0,"",1,0,${record},${at},0,0,null,0,"0000000000000000",0,0,0,0,{}]`
    rows.commits.push(no, 1, record, stamp, this.#commit, signature, record, at, null)
    rows.payloads.push(no, bodies.length, header, bodies)
    rows.documents.push(document, tag, state, 0)
    rows.entries.push(document, record, 0, no, 0, record)
    return { record, at, bytes }
  }
}

function receiptId(previous: Uint8Array, commit: Uint8Array, bytes: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([databaseId, Buffer.alloc(8), previous, commit, bytes]))
}

/** The tag of the one document of a commit whose body is the one its header names. */
function checkedTag(header: Uint8Array, bodies: Uint8Array): Uint8Array {
  const fields: unknown = decode(header, strict)
  if (!isList(fields)) throw new TypeError('A header should be a list')
  if (Buffer.compare(bodiesRoot([bodies]), asBytes(fields[12])) !== 0) throw new Error('A root does not hold')
  return asBytes(fields[7])
}

function pendingCommit(row: unknown): PendingCommit {
  if (!isList(row)) throw new TypeError('A commit expected')
  const [no, stamp, signature, header, bodies] = row
  return {
    no: asNumber(no),
    stamp: asText(stamp),
    header: asBytes(header),
    bodies: asBytes(bodies),
    signature: signature === null ? null : asBytes(signature),
  }
}
