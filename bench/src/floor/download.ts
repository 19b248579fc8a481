/** The floor of a first download: a recorded log read, checked, opened, decoded and stored, a batch at a time. */

import { decode } from 'cborg'
import { asBytes, asNumber, asText, isList } from '../json.ts'
import { databaseId, feedId, sha256, verifyHead } from './calls.ts'
import { publicKey, stateName } from './log.ts'
import type { FloorStore, Value } from './rows.ts'
import { cell, opened, readLog, strict } from './work.ts'

const page = 64

/** Times of reading at the sender and of all the rest at the receiver, in milliseconds. */
export interface DownloadTimes {
  readonly documents: number
  readonly sender: number
  readonly receiver: number
}

/** Every commit of `from` with its receipt: a transaction up to each one where feed and record are both signed. */
export function downloadFloor(from: FloorStore, to: FloorStore): DownloadTimes {
  const receiver = new Receiver(to)
  let [last, sender, received] = [0, 0, 0]
  for (;;) {
    const start = performance.now()
    const batch: (readonly unknown[])[] = []
    for (let whole = false; !whole;) {
      const rows = from.all(readLog, [last, page])
      if (rows.length === 0) break
      for (const row of rows) {
        if (!isList(row)) throw new TypeError('A commit expected')
        batch.push(row)
        last = asNumber(row[0])
        whole = row[3] !== null && row[10] !== null
        if (whole) break
      }
    }
    const read = performance.now()
    sender += read - start
    if (batch.length === 0) return { documents: receiver.documents, sender, receiver: received }
    receiver.take(batch)
    received += performance.now() - read
  }
}

class Receiver {
  documents = 0
  readonly #to: FloorStore
  #commit: Uint8Array = new Uint8Array(32)
  #receipt: Uint8Array = new Uint8Array(32)

  constructor(to: FloorStore) {
    this.#to = to
  }

  take(batch: readonly (readonly unknown[])[]): void {
    this.#to.transaction(() => {
      const rows = { commits: [], payloads: [], receipts: [], documents: [], entries: [] } satisfies Record<
        string,
        Value[]
      >
      for (const row of batch) this.#commitOf(row, rows)
      const [no, , , signature, , , , , , , recordSignature] = batch.at(-1) ?? []
      if (!verifyHead(this.#commit, asBytes(signature)) || !verifyHead(this.#receipt, asBytes(recordSignature)))
        throw new Error('A signature of the floor does not verify')
      const length = asNumber(no)
      const to = this.#to
      to.insert('named_values', [stateName, new Uint8Array(112)])
      to.insert('feeds', [1, feedId, publicKey, length, this.#commit, 0, length])
      to.insert('commits', rows.commits)
      to.insert('payloads', rows.payloads)
      to.insert('receipts', rows.receipts)
      to.insert('documents', rows.documents)
      to.insert('entries', rows.entries)
    })
  }

  #commitOf(
    row: readonly unknown[],
    rows: Readonly<Record<'commits' | 'payloads' | 'receipts' | 'documents' | 'entries', Value[]>>,
  ): void {
    const [no, seq, stamp, signature, record, at, size, header, bodies, receipt, recordSignature] = row
    const id = sha256(Buffer.concat([databaseId, feedId, Buffer.alloc(8), this.#commit, asBytes(header)]))
    this.#receipt = sha256(Buffer.concat([databaseId, Buffer.alloc(8), this.#receipt, id, asBytes(receipt)]))
    this.#commit = id
    decode(asBytes(receipt), strict)
    const { count, documents, entries } = opened(row, this.documents)
    this.documents += count
    const place = asNumber(no)
    rows.commits.push(place, 1, asNumber(seq), asText(stamp), id, cell(signature), cell(record), cell(at), null)
    rows.payloads.push(place, asNumber(size), asBytes(header), asBytes(bodies))
    rows.receipts.push(asNumber(record), place, asNumber(at), asBytes(receipt), cell(recordSignature))
    rows.documents.push(...documents)
    rows.entries.push(...entries)
  }
}
