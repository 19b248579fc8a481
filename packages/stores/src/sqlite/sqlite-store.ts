/** The SQLite adapter's store: every read of the contract as one statement, writes by group commit. */

import {
  firstDocument,
  VarveError,
  type Batch,
  type CommitHead,
  type CommitRow,
  type DocumentPage,
  type DocumentRow,
  type DocumentValues,
  type EntryRow,
  type FeedRow,
  type FilteredPage,
  type FilteredScan,
  type IndexHit,
  type IndexScan,
  type Place as HeadPlace,
  type Posting,
  type ReceiptRow,
  type SearchHit,
  type SearchScan,
  type SnapshotRow,
  type Store,
  type StoreStats,
  type StoreSupports,
  type TouchRow,
} from 'varve/engine'
import { hex } from '#bytes'
import { readBodies } from './bodies.ts'
import { bytesAt, bytesColumns, nameValue, numberAt, numberColumns, textAt } from './cells.ts'
import type { Connection, Row, Value } from './connection.ts'
import * as decode from './decode-rows.ts'
import { guard, type Place } from './errors.ts'
import { GroupCommit } from './group-commit.ts'
import { limitValue } from './limit.ts'
import { readIndex } from './scan-index.ts'
import { scanValues, scanWhere } from './scan-where.ts'
import { readHits, readPostings } from './search.ts'
import { readStats } from './stats.ts'
import { Writer } from './writer.ts'

export const sqliteSupports: StoreSupports = { persistent: true, encryption: true, exclusive: true }

/** Lists up to this long are read row by row; longer ones in one statement. */
const fewRows = 4

const heads = `SELECT ${decode.headColumns} FROM commits c CROSS JOIN payloads p ON p.no = c.no`
const documents = `SELECT ${decode.documentColumns} FROM documents d`
const listed = `SELECT ${decode.documentColumns} FROM json_each(?) k LEFT JOIN documents d`

export interface Opened {
  readonly connection: Connection
  readonly place: Place
  /** Bytes the store's files take up. */
  readonly diskBytes: () => number
  /** Lets go of the files. */
  readonly release: () => void
}

export class SqliteStore implements Store {
  readonly supports = sqliteSupports
  readonly #opened: Opened
  /** Made for the first write: many stores are opened to be read. */
  #writes: GroupCommit | null = null
  #open = true

  constructor(opened: Opened) {
    this.#opened = opened
  }

  #checkOpen(): void {
    if (this.#open) return
    const { file } = this.#opened.place
    throw new VarveError('CLOSED', `The store "${file}" is closed: open it again`, { details: { file } })
  }

  #read<T>(work: (connection: Connection) => T): T {
    this.#checkOpen()
    return guard(this.#opened.place, () => work(this.#opened.connection))
  }

  #all<T>(sql: string, values: readonly Value[], decodeRow: (row: Row) => T): T[] {
    return this.#read((connection) => connection.query(sql).all(values).map(decodeRow))
  }

  #first<T>(sql: string, values: readonly Value[], decodeRow: (row: Row) => T): T | null {
    return this.#read((connection) => {
      const row = connection.query(sql).first(values)
      return row === undefined ? null : decodeRow(row)
    })
  }

  async write(batch: Batch): Promise<void> {
    this.#checkOpen()
    const { connection, place } = this.#opened
    this.#writes ??= new GroupCommit(connection, new Writer(connection), place)
    await this.#writes.write(batch)
  }

  async value(name: string): Promise<Uint8Array | null> {
    const sql = `SELECT ${bytesColumns('value')} FROM named_values WHERE name = ?`
    return this.#first(sql, [nameValue(name)], (row) => bytesAt(row, 0))
  }

  async values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const select = `SELECT ${bytesColumns('name', 'value')} FROM named_values`
    const from = nameValue(prefix)
    const decodeRow = (row: Row): readonly [string, Uint8Array] => [textAt(row, 0), bytesAt(row, 1)]
    if (from.length === 0) return new Map(this.#all(`${select} ORDER BY name`, [], decodeRow))
    // UTF-8 never holds 255, so that the next name without the prefix differs in the last byte alone.
    const to = from.map((byte, i) => (i === from.length - 1 ? byte + 1 : byte))
    return new Map(this.#all(`${select} WHERE name >= ? AND name < ? ORDER BY name`, [from, to], decodeRow))
  }

  async feeds(): Promise<readonly FeedRow[]> {
    return this.#all(`SELECT ${decode.feedColumns} FROM feeds ORDER BY no`, [], decode.feedOf)
  }

  async commits(feed: number, from: number, limit: number): Promise<readonly CommitRow[]> {
    const sql = `SELECT ${decode.commitColumns} FROM commits c CROSS JOIN payloads p ON p.no = c.no
      WHERE c.feed = ? AND c.seq >= ? ORDER BY c.seq LIMIT ?`
    return this.#all(sql, [feed, from, limitValue(limit)], decode.commitOf)
  }

  async commitsAfter(after: number, limit: number): Promise<readonly CommitHead[]> {
    return this.#all(`${heads} WHERE c.no > ? ORDER BY c.no LIMIT ?`, [after, limitValue(limit)], decode.headOf)
  }

  async commitHeads(nos: readonly number[]): Promise<readonly (CommitHead | null)[]> {
    if (nos.length <= fewRows) return nos.map((no) => this.#first(`${heads} WHERE c.no = ?`, [no], decode.headOf))
    const sql = `SELECT ${decode.headColumns} FROM json_each(?) k
      LEFT JOIN commits c ON c.no = k.value LEFT JOIN payloads p ON p.no = c.no ORDER BY k.key`
    return this.#all(sql, [JSON.stringify(nos)], (row) => (row[0] === null ? null : decode.headOf(row)))
  }

  async bodies(parts: Parameters<Store['bodies']>[0]): Promise<readonly Uint8Array[]> {
    return this.#read((connection) => readBodies(connection, parts))
  }

  async receipts(from: number, limit: number): Promise<readonly ReceiptRow[]> {
    const sql = `SELECT ${decode.receiptColumns} FROM receipts WHERE record >= ? ORDER BY record LIMIT ?`
    return this.#all(sql, [from, limitValue(limit)], decode.receiptOf)
  }

  /** Trusted time never decreases along the record, which makes an index on it unnecessary. */
  async recordAt(at: number): Promise<number | null> {
    return this.#read((connection) => {
      const ends = connection.query('SELECT min(record), max(record) FROM receipts').first([])
      if (ends === undefined || ends[0] === null) return null
      const below = connection.query(
        `SELECT record, ${numberColumns('at')} FROM receipts WHERE record <= ? ORDER BY record DESC LIMIT 1`,
      )
      let low = numberAt(ends, 0) - 1
      let high = numberAt(ends, 1)
      let found: number | null = null
      while (low < high) {
        const middle = Math.ceil((low + high) / 2)
        const row = below.first([middle])
        if (row === undefined || numberAt(row, 1) <= at) {
          if (row !== undefined) found = numberAt(row, 0)
          low = middle
        } else high = Math.min(middle, numberAt(row, 0)) - 1
      }
      return found
    })
  }

  async documents(tags: readonly Uint8Array[]): Promise<readonly (DocumentRow | null)[]> {
    if (tags.length <= fewRows)
      return tags.map((tag) => this.#first(`${documents} WHERE d.tag = ?`, [tag], decode.documentOf))
    const named = JSON.stringify(tags.map((tag) => hex(tag)))
    return this.#all(`${listed} ON d.tag = unhex(k.value) ORDER BY k.key`, [named], decode.documentOrNullOf)
  }

  async documentsByNo(nos: readonly number[]): Promise<readonly (DocumentRow | null)[]> {
    if (nos.length <= fewRows)
      return nos.map((no) => this.#first(`${documents} WHERE d.no = ?`, [no], decode.documentOf))
    return this.#all(`${listed} ON d.no = k.value ORDER BY k.key`, [JSON.stringify(nos)], decode.documentOrNullOf)
  }

  async scan(collection: number, after: number, limit: number): Promise<readonly DocumentRow[]> {
    const from = Math.max(after + 1, firstDocument(collection))
    const sql = `${documents} WHERE d.no >= ? AND d.no < ? ORDER BY d.no LIMIT ?`
    return this.#all(sql, [from, firstDocument(collection + 1), limitValue(limit)], decode.documentOf)
  }

  async scanWhere(scan: FilteredScan): Promise<DocumentPage> {
    return this.#read((connection) => scanWhere(connection, scan))
  }

  async scanValues(scan: FilteredScan, places: readonly HeadPlace[]): Promise<FilteredPage<DocumentValues>> {
    return this.#read((connection) => scanValues(connection, scan, places))
  }

  async scanIndex(scan: IndexScan): Promise<readonly IndexHit[]> {
    return this.#read((connection) => readIndex(connection, scan))
  }

  async search(scan: SearchScan): Promise<readonly SearchHit[]> {
    return this.#read((connection) => readHits(connection, scan))
  }

  async searchPostings(search: number, after: Posting | null, limit: number): Promise<readonly Posting[]> {
    return this.#read((connection) => readPostings(connection, search, after, limit))
  }

  async entries(document: number, range: Parameters<Store['entries']>[1]): Promise<readonly EntryRow[]> {
    const order = range.reverse === true ? 'place DESC, idx DESC' : 'place, idx'
    const sql = `SELECT ${decode.entryColumns} FROM entries
      WHERE document = ? AND place >= ? AND place < ? ORDER BY ${order} LIMIT ?`
    return this.#all(sql, [document, range.from, range.to, limitValue(range.limit)], decode.entryOf)
  }

  async snapshot(document: number, below: number): Promise<SnapshotRow | null> {
    const sql = `SELECT ${numberColumns('place')}, ${bytesColumns('state')} FROM snapshots
      WHERE document = ? AND place < ? ORDER BY place DESC LIMIT 1`
    return this.#first(sql, [document, below], (row) => ({ document, place: numberAt(row, 0), state: textAt(row, 1) }))
  }

  async seen(feed: number, on: number, seq: number): Promise<number> {
    const sql = `SELECT ${numberColumns('seen')} FROM dependencies
      WHERE feed = ? AND on_feed = ? AND seq <= ? ORDER BY seq DESC LIMIT 1`
    return this.#first(sql, [feed, on, seq], (row) => numberAt(row, 0)) ?? 0
  }

  async touches(after: number, limit: number): Promise<readonly TouchRow[]> {
    const sql = `SELECT position, ${numberColumns('document')} FROM touches WHERE position > ? ORDER BY position LIMIT ?`
    return this.#all(sql, [after, limitValue(limit)], (row) => ({
      position: numberAt(row, 0),
      document: numberAt(row, 1),
    }))
  }

  async locked(key: string, after: number, limit: number): Promise<readonly number[]> {
    const sql = `SELECT ${numberColumns('document')} FROM locked
      WHERE key = ? AND document > ? ORDER BY document LIMIT ?`
    return this.#all(sql, [nameValue(key), after, limitValue(limit)], (row) => numberAt(row, 0))
  }

  async stats(): Promise<StoreStats> {
    return this.#read((connection) => ({ ...readStats(connection), diskBytes: this.#opened.diskBytes() }))
  }

  async close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    this.#writes?.flush()
    this.#opened.release()
  }
}
