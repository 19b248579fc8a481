/** The PostgreSQL adapter's store: every read of the contract as one statement, a batch as one round trip. */

import {
  firstDocument,
  toHex,
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
  type Place,
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
import { bytesAt, nameAt, numberAt, numberOrNullAt } from './cells.ts'
import { closeStore } from './close.ts'
import { foundBy } from './columns.ts'
import * as decode from './decode-rows.ts'
import { Gather } from './gather.ts'
import { textOfCells } from './heads.ts'
import type { Lease } from './lease.ts'
import type { Home } from './migrate.ts'
import type { Row, Statement } from './pipeline.ts'
import { bodiesStatement, partsOf, recordAtStatement } from './read-log.ts'
import { hitOf, indexStatement } from './scan-index.ts'
import { scanValues, scanWhere } from './scan-where.ts'
import { quoted } from './schema.ts'
import { postingOf, postingsStatement, searchHitOf, searchStatement } from './search.ts'
import { statsOf, statsStatement } from './stats.ts'
import { byteStrings, limitValue, nameValue, numbers, type Value } from './values.ts'
import { WriteQueue } from './write-queue.ts'
import { Writer } from './writer.ts'

export const postgresSupports: StoreSupports = { persistent: true, encryption: false, exclusive: true }

export class PostgresStore implements Store {
  readonly supports = postgresSupports
  readonly #home: Home
  readonly #name: string
  readonly #lease: Lease
  readonly #writes: WriteQueue
  readonly #schema: string
  readonly #store: number
  readonly #byTag: Gather<Uint8Array, DocumentRow | null>
  readonly #byNo: Gather<number, DocumentRow | null>
  #open = true
  #closing: Promise<void> | null = null

  constructor(home: Home, name: string, lease: Lease) {
    this.#home = home
    this.#name = name
    this.#lease = lease
    this.#schema = quoted(home.schema)
    this.#store = lease.taken.store
    this.#writes = new WriteQueue(home, name, lease, new Writer(home.schema, this.#store))
    this.#byTag = new Gather((tags) =>
      this.#documentsBy('tag', 'bytea', byteStrings(tags), tags.map(toHex), (row) => toHex(row.tag)),
    )
    this.#byNo = new Gather((nos) => this.#documentsBy('no', 'bigint', numbers(nos), nos, (row) => row.no))
  }

  #checkOpen(): void {
    if (this.#open) return
    throw new VarveError('CLOSED', `The store "${this.#name}" is closed: open it again`, {
      details: { store: this.#name },
    })
  }

  async #ask(statement: Statement): Promise<readonly Row[]> {
    this.#checkOpen()
    await this.#lease.check()
    await this.#writes.check()
    const [rows = []] = await this.#home.pool.ask([statement], this.#home.where)
    // After a long rest of this process, or from another server, it may be another state than that of the last write.
    if (this.#open && !this.#lease.held) await this.#lease.check()
    return rows
  }

  /** `text` has the schema in front of tables, and the store as its first value. */
  async #all<T>(text: string, values: readonly Value[], decodeRow: (row: Row) => T): Promise<T[]> {
    const rows = await this.#ask({ text, values: [String(this.#store), ...values] })
    return rows.map(decodeRow)
  }

  async #first<T>(text: string, values: readonly Value[], decodeRow: (row: Row) => T): Promise<T | null> {
    const [found] = await this.#all(text, values, decodeRow)
    return found ?? null
  }

  async write(batch: Batch): Promise<void> {
    this.#checkOpen()
    await this.#writes.write(batch)
  }

  value(name: string): Promise<Uint8Array | null> {
    const text = `SELECT value FROM ${this.#schema}.named_values WHERE store = $1 AND name = $2`
    return this.#first(text, [nameValue(name)], (row) => bytesAt(row, 0))
  }

  async values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const from = nameValue(prefix)
    // UTF-8 never holds 255.
    const to = Buffer.concat([from, Buffer.of(255)])
    const text = `SELECT name, value FROM ${this.#schema}.named_values
      WHERE store = $1 AND name >= $2 AND name < $3 ORDER BY name`
    return new Map(await this.#all(text, [from, to], (row) => [nameAt(row, 0), bytesAt(row, 1)] as const))
  }

  feeds(): Promise<readonly FeedRow[]> {
    const text = `SELECT ${decode.feedColumns} FROM ${this.#schema}.feeds WHERE store = $1 ORDER BY no`
    return this.#all(text, [], decode.feedOf)
  }

  commits(
    feed: number,
    from: number,
    limit: number,
    options: { readonly bodies?: boolean } = {},
  ): Promise<readonly CommitRow[]> {
    const columns = options.bodies === false ? decode.bodilessColumns : decode.commitColumns
    const text = `SELECT ${columns} FROM ${this.#schema}.commits
      WHERE store = $1 AND feed = $2 AND seq >= $3 ORDER BY seq LIMIT $4`
    return this.#all(text, [String(feed), String(from), limitValue(limit)], decode.commitOf)
  }

  commitsAfter(after: number, limit: number): Promise<readonly CommitHead[]> {
    const text = `SELECT ${decode.headColumns} FROM ${this.#schema}.commits WHERE store = $1 AND no > $2 ORDER BY no LIMIT $3`
    return this.#all(text, [String(after), limitValue(limit)], decode.headOf)
  }

  async commitHeads(nos: readonly number[]): Promise<readonly (CommitHead | null)[]> {
    const taken = foundBy(`${this.#schema}.commits`, ['no'], decode.headColumns)
    const text = `SELECT f.* FROM unnest($2::bigint[]) AS k(no), ${taken}`
    const found = new Map((await this.#all(text, [numbers(nos)], decode.headOf)).map((head) => [head.no, head]))
    return inOrder(nos, found)
  }

  async bodies(parts: Parameters<Store['bodies']>[0]): Promise<readonly Uint8Array[]> {
    return partsOf(await this.#ask(bodiesStatement(this.#schema, this.#store, parts)), parts)
  }

  receipts(from: number, limit: number): Promise<readonly ReceiptRow[]> {
    const text = `SELECT ${decode.receiptColumns} FROM ${this.#schema}.receipts
      WHERE store = $1 AND record >= $2 ORDER BY record LIMIT $3`
    return this.#all(text, [String(from), limitValue(limit)], decode.receiptOf)
  }

  async recordAt(at: number): Promise<number | null> {
    const [row] = await this.#ask(recordAtStatement(this.#schema, this.#store, at))
    return row === undefined ? null : numberOrNullAt(row, 0)
  }

  documents(tags: readonly Uint8Array[]): Promise<readonly (DocumentRow | null)[]> {
    return this.#byTag.get(tags)
  }

  documentsByNo(nos: readonly number[]): Promise<readonly (DocumentRow | null)[]> {
    return this.#byNo.get(nos)
  }

  async #documentsBy<Key>(
    column: 'tag' | 'no',
    type: 'bytea' | 'bigint',
    keys: Value,
    wanted: readonly Key[],
    keyOf: (row: DocumentRow) => Key,
  ): Promise<readonly (DocumentRow | null)[]> {
    const found = foundBy(`${this.#schema}.documents`, [column], decode.documentColumns)
    const text = `SELECT f.* FROM unnest($2::${type}[]) AS k(${column}), ${found}`
    const rows = new Map((await this.#all(text, [keys], decode.documentOf)).map((row) => [keyOf(row), row]))
    return inOrder(wanted, rows)
  }

  scan(collection: number, after: number, limit: number): Promise<readonly DocumentRow[]> {
    const from = Math.max(after + 1, firstDocument(collection))
    const text = `SELECT ${decode.documentColumns} FROM ${this.#schema}.documents d
      WHERE store = $1 AND no >= $2 AND no < $3 ORDER BY no LIMIT $4`
    return this.#all(text, [String(from), String(firstDocument(collection + 1)), limitValue(limit)], decode.documentOf)
  }

  scanWhere(scan: FilteredScan): Promise<DocumentPage> {
    return scanWhere((statement) => this.#ask(statement), this.#schema, this.#store, scan)
  }

  scanValues(scan: FilteredScan, places: readonly Place[]): Promise<FilteredPage<DocumentValues>> {
    return scanValues((statement) => this.#ask(statement), this.#schema, this.#store, scan, places)
  }

  async scanIndex(scan: IndexScan): Promise<readonly IndexHit[]> {
    return (await this.#ask(indexStatement(this.#schema, this.#store, scan))).map(hitOf)
  }

  async search(scan: SearchScan): Promise<readonly SearchHit[]> {
    const statement = searchStatement(this.#schema, this.#store, scan)
    if (statement !== null) return (await this.#ask(statement)).map(searchHitOf)
    this.#checkOpen()
    return []
  }

  async searchPostings(search: number, after: Posting | null, limit: number): Promise<readonly Posting[]> {
    return (await this.#ask(postingsStatement(this.#schema, this.#store, search, after, limit))).map(postingOf)
  }

  entries(document: number, range: Parameters<Store['entries']>[1]): Promise<readonly EntryRow[]> {
    const order = range.reverse === true ? 'place DESC, idx DESC' : 'place, idx'
    const text = `SELECT ${decode.entryColumns} FROM ${this.#schema}.entries
      WHERE store = $1 AND document = $2 AND place >= $3 AND place < $4 ORDER BY ${order} LIMIT $5`
    const { from, to, limit } = range
    return this.#all(text, [...[document, from, to].map(String), limitValue(limit)], decode.entryOf)
  }

  snapshot(document: number, below: number): Promise<SnapshotRow | null> {
    const text = `SELECT place, state, state_bytes FROM ${this.#schema}.snapshots
      WHERE store = $1 AND document = $2 AND place < $3 ORDER BY place DESC LIMIT 1`
    return this.#first(text, [document, below].map(String), (row) => ({
      document,
      place: numberAt(row, 0),
      state: textOfCells(row, 1) ?? '',
    }))
  }

  async seen(feed: number, on: number, seq: number): Promise<number> {
    const text = `SELECT seen FROM ${this.#schema}.dependencies
      WHERE store = $1 AND feed = $2 AND on_feed = $3 AND seq <= $4 ORDER BY seq DESC LIMIT 1`
    return (await this.#first(text, [feed, on, seq].map(String), (row) => numberAt(row, 0))) ?? 0
  }

  touches(after: number, limit: number): Promise<readonly TouchRow[]> {
    const text = `SELECT position, document FROM ${this.#schema}.touches
      WHERE store = $1 AND position > $2 ORDER BY position LIMIT $3`
    return this.#all(text, [String(after), limitValue(limit)], (row) => ({
      position: numberAt(row, 0),
      document: numberAt(row, 1),
    }))
  }

  locked(key: string, after: number, limit: number): Promise<readonly number[]> {
    const text = `SELECT document FROM ${this.#schema}.locked
      WHERE store = $1 AND key = $2 AND document > $3 ORDER BY document LIMIT $4`
    return this.#all(text, [nameValue(key), String(after), limitValue(limit)], (row) => numberAt(row, 0))
  }

  async stats(): Promise<StoreStats> {
    return statsOf(await this.#ask(statsStatement(this.#schema, this.#store)))
  }

  close(): Promise<void> {
    this.#open = false
    this.#closing ??= closeStore(this.#home.pool, this.#writes, this.#lease)
    return this.#closing
  }
}

/** The rows in the order of the keys; one that is asked for again is another one, since answers share no memory. */
function inOrder<Key, Found extends object>(
  keys: readonly Key[],
  rows: ReadonlyMap<Key, Found>,
): readonly (Found | null)[] {
  const given = new Set<Key>()
  return keys.map((key) => {
    const row = rows.get(key)
    if (row === undefined) return null
    if (given.has(key)) return structuredClone(row)
    given.add(key)
    return row
  })
}
