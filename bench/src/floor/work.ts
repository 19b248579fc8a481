/** The floors of the workloads: the work that the format cannot do without, as plain calls in a loop. */

import { randomFillSync } from 'node:crypto'
import { decode, encode } from 'cborg'
import { asBytes, asNumber, asText, isList, isRecord } from '../json.ts'
import { bodiesRoot, CommitSealer, databaseId, documentTag, feedId, sha256, verifyHead } from './calls.ts'
import { FloorLog, type FloorEntry } from './log.ts'
import type { FloorStore, Value } from './rows.ts'

type Json = Readonly<Record<string, unknown>>

const ordered = { mapSorter: () => 0 }
export const strict = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
} as const
/** Number of the first document of the first collection. */
export const firstDocument = 2 ** 32 + 1

/** Bodies and heads made beforehand: to see how much of a floor is encoding. */
export interface Prepared {
  readonly id: string
  readonly tag: Uint8Array
  readonly body: Uint8Array
  readonly state: string
}

export class Floor {
  readonly ids: string[] = []
  readonly store: FloorStore
  readonly #log: FloorLog

  constructor(store: FloorStore) {
    this.store = store
    this.#log = new FloorLog(store)
  }

  /** One transaction, one commit: id, tag, CBOR body, sealing, head as JSON, three rows' worth of cells for each. */
  create(documents: readonly Json[], prepared: readonly Prepared[] | null = null): void {
    this.store.transaction(() => {
      const commit = this.#log.next()
      const { no, record, stamp, at } = commit
      const cv = this.#log.cv
      const entries: FloorEntry[] = []
      const documentRows: Value[] = []
      const entryRows: Value[] = []
      documents.forEach((data, i) => {
        const ready = prepared?.[i]
        const id = ready?.id ?? newId(at)
        const tag = ready?.tag ?? documentTag(id, at)
        const body = ready?.body ?? encode([1, id, 'packages', 'ada', null, [[0, data]]], ordered)
        const state = ready?.state ?? JSON.stringify([1, id, 1, 0, cv + i, at, 0, 0, 'ada', 0, stamp, 1, 0, 0, 0, data])
        const document = firstDocument + this.ids.length
        this.ids.push(id)
        entries.push({ tag, body, kind: 0, ov: 0 })
        documentRows.push(document, tag, state, no)
        entryRows.push(document, record, i, no, 0, cv + i)
      })
      this.#log.append(commit, entries)
      this.store.insert('documents', documentRows)
      this.store.insert('entries', entryRows)
    })
  }

  /** What `create` would make of these documents. */
  prepare(documents: readonly Json[]): readonly Prepared[] {
    const at = Date.now()
    const stamp = at.toString(16).padStart(12, '0') + '0000'
    return documents.map((data, i) => {
      const id = newId(at)
      const body = encode([1, id, 'packages', 'ada', null, [[0, data]]], ordered)
      const state = JSON.stringify([1, id, 1, 0, i, at, 0, 0, 'ada', 0, stamp, 1, 0, 0, 0, data])
      return { id, tag: documentTag(id, at), body, state }
    })
  }

  /** One transaction, one commit: heads read by tag in one statement, parsed, changed and written again. */
  patch(ids: readonly string[], attribute: string, value: unknown): void {
    this.store.transaction(() => {
      const commit = this.#log.next()
      const { no, record, stamp, at } = commit
      const cv = this.#log.cv
      const entries: FloorEntry[] = []
      const documentRows: Value[] = []
      const entryRows: Value[] = []
      const tags = ids.map((id) => documentTag(id, timeOf(id)))
      const hex = JSON.stringify(tags.map((tag) => Buffer.from(tag.buffer, tag.byteOffset, 16).toString('hex')))
      const rows = this.store.all(readHeads, [hex])
      rows.forEach((row, i) => {
        const [document, state] = isList(row) ? row : []
        const head: unknown = JSON.parse(asText(state))
        const tag = tags[i]
        if (!isList(head) || tag === undefined) throw new TypeError('A head should be a list')
        const data = head[15]
        const ov = asNumber(head[2])
        const changed = { ...(isRecord(data) ? data : {}), [attribute]: value }
        const body = encode([1, null, null, 'ada', null, [[1, [attribute], value]]], ordered)
        const [status, id, , , , insertedAt] = head
        const next = [status, id, ov + 1, 0, cv + i, insertedAt, at, 0, 'ada', 0, stamp, 1, 0, 0, 0, changed]
        entries.push({ tag, body, kind: 1, ov })
        documentRows.push(asNumber(document), tag, JSON.stringify(next), no)
        entryRows.push(asNumber(document), record, i, no, ov, cv + i)
      })
      this.#log.append(commit, entries)
      this.store.insert('documents', documentRows)
      this.store.insert('entries', entryRows)
    })
  }
}

export const readHeads = `SELECT d.no, d.state FROM json_each(?) k
  LEFT JOIN documents d ON d.tag = unhex(k.value) ORDER BY k.key`
export const readLog = `SELECT c.no, c.seq, c.stamp, c.signature, c.record, c.at, p.size, p.header, p.bodies,
    r.bytes, r.signature FROM commits c CROSS JOIN payloads p ON p.no = c.no
  CROSS JOIN receipts r ON r.record = c.record WHERE c.no > ? ORDER BY c.no LIMIT ?`

/** Everything of one log, checked, opened, decoded and written to another store: a transaction for each signed run. */
export function syncFloor(from: FloorStore, to: FloorStore): number {
  const sync = new Sync(from, to)
  const run = (): boolean => sync.run()
  while (to.transaction(run));
  return sync.documents
}

class Sync {
  documents = 0
  readonly #from: FloorStore
  readonly #to: FloorStore
  #last = 0
  #previous: Uint8Array = new Uint8Array(32)
  #receipt: Uint8Array = new Uint8Array(32)

  constructor(from: FloorStore, to: FloorStore) {
    this.#from = from
    this.#to = to
  }

  /** Takes over commits up to a signed one; false when there are no more. */
  run(): boolean {
    for (;;) {
      const [row] = this.#from.all(readLog, [this.#last, 1])
      if (!isList(row)) return false
      const [, , , signature] = row
      const recordSignature = row[10]
      this.#take(row)
      if (signature === null) continue
      if (!verifyHead(this.#previous, asBytes(signature)) || !verifyHead(this.#receipt, asBytes(recordSignature)))
        throw new Error('A signature of the floor does not verify')
      return true
    }
  }

  #take(row: readonly unknown[]): void {
    const [no, seq, stamp, signature, record, at, size, header, bodies, receipt, recordSignature] = row
    const head = sha256(Buffer.concat([databaseId, feedId, Buffer.alloc(8), this.#previous, asBytes(header)]))
    this.#receipt = sha256(Buffer.concat([databaseId, Buffer.alloc(8), this.#receipt, head, asBytes(receipt)]))
    this.#previous = head
    decode(asBytes(receipt), strict)
    const last = asNumber(no)
    this.#last = last
    const to = this.#to
    this.documents += take(to, row, this.documents)
    to.insert('named_values', [Buffer.from('state'), new Uint8Array(160)])
    to.insert('feeds', [1, feedId, head, last, head, 0, 0])
    to.insert('commits', [last, 1, asNumber(seq), asText(stamp), head, cell(signature), cell(record), cell(at), null])
    to.insert('payloads', [last, asNumber(size), asBytes(header), asBytes(bodies)])
    to.insert('receipts', [asNumber(record), last, asNumber(at), asBytes(receipt), cell(recordSignature)])
  }
}

/** Hashes, opens, decodes and writes the entries of one commit; returns how many there are. */
function take(to: FloorStore, row: readonly unknown[], before: number): number {
  const { count, documents, entries } = opened(row, before)
  to.insert('documents', documents)
  to.insert('entries', entries)
  return count
}

/** The entries of one commit, hashed, opened and decoded, as rows behind `before` documents. */
export function opened(
  row: readonly unknown[],
  before: number,
): { readonly count: number; readonly documents: readonly Value[]; readonly entries: readonly Value[] } {
  const [no, seq, stamp, , record, at, , header, bodies] = row
  const fields: unknown = decode(asBytes(header), strict)
  if (!isList(fields)) throw new TypeError('A header should be a list')
  const sizes = fields[11]
  if (!isList(sizes)) throw new TypeError('Sizes should be a list')
  const all = asBytes(bodies)
  const tags = asBytes(fields[7])
  let offset = 0
  const parts = sizes.map((size) => all.subarray(offset, (offset += asNumber(size))))
  if (Buffer.compare(bodiesRoot(parts), asBytes(fields[12])) !== 0) throw new Error('A root does not hold')
  const sealer = new CommitSealer(asBytes(fields[3]), asNumber(seq))
  const documents: Value[] = []
  const entries: Value[] = []
  parts.forEach((part, i) => {
    const tag = tags.subarray(i * 16, i * 16 + 16)
    const entry: unknown = decode(sealer.open(i, tag, 0, part), strict)
    if (!isList(entry)) throw new TypeError('A body should be a list')
    const id = asText(entry[1])
    if (Buffer.compare(documentTag(id, timeOf(id)), tag) !== 0) throw new Error('A tag does not fit')
    const operations = entry[5]
    const operation = isList(operations) ? operations[0] : null
    const data = isList(operation) ? operation[1] : null
    const document = firstDocument + before + i
    const state = JSON.stringify([1, id, 1, 0, before + i, at, 0, 0, 'ada', 0, stamp, 1, 0, 0, 0, data])
    documents.push(document, tag, state, asNumber(no))
    entries.push(document, asNumber(record), i, asNumber(no), 0, before + i)
  })
  return { count: parts.length, documents, entries }
}

export function cell(value: unknown): Value {
  return typeof value === 'number' || typeof value === 'string' || value instanceof Uint8Array ? value : null
}

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const random = new Uint8Array(16 * 256)
let used = random.length

/** A generated id: 48 bits of time and 80 of chance in base32. */
function newId(ms: number): string {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  let text = ''
  for (let rest = ms, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) text = alphabet.charAt(rest % 32) + text
  for (let i = 0; i < 16; i++) text += alphabet.charAt((random[used++] ?? 0) & 31)
  return text
}

function timeOf(id: string): number {
  let ms = 0
  for (let i = 0; i < 10; i++) ms = ms * 32 + alphabet.indexOf(id.charAt(i))
  return ms
}
