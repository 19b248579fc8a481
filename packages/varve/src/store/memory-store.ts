/** The memory adapter's store: every read of the contract over sorted tables, writes one after the other. */

import { fromUtf8, utf8 } from '../encoding/bytes.ts'
import type { JsonValue } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import type { Journal } from './journal.ts'
import type * as rows from './rows.ts'
import { firstDocument } from './rows.ts'
import { comparePositions, comparePostings } from '../search/order.ts'
import type { Posting } from '../search/types.ts'
import { indexBounds } from './scan.ts'
import type { Batch, IndexHit, IndexScan, SearchHit, SearchScan, Store, StoreStats, StoreSupports } from './store.ts'
import { own, type Tables } from './tables.ts'
import { headFields, headId, valueAt, whereHolds } from './where-holds.ts'
import type { DocumentPage, DocumentValues, FilteredPage, FilteredScan, Place } from './where.ts'

export const memorySupports: StoreSupports = { persistent: true, encryption: false, exclusive: true }

/** Documents that one call of a filtered scan looks at. */
const examined = 1024

export class MemoryStore implements Store {
  readonly supports = memorySupports
  readonly #name: string
  readonly #tables: Tables
  readonly #journal: Journal | null
  readonly #closed: () => void
  #open = true
  /** Settles when every write so far has; never rejects. */
  #writes: Promise<void> = Promise.resolve()

  constructor(name: string, tables: Tables, journal: Journal | null, closed: () => void) {
    this.#name = name
    this.#tables = tables
    this.#journal = journal
    this.#closed = closed
  }

  /** The tables of an open store; throws `CLOSED` after `close`. */
  #read(): Tables {
    if (!this.#open) {
      throw new VarveError('CLOSED', `The store "${this.#name}" is closed: open it again`, {
        details: { store: this.#name },
      })
    }
    return this.#tables
  }

  async write(batch: Batch): Promise<void> {
    const tables = this.#read()
    const before = this.#writes
    const work = async (): Promise<void> => {
      await before
      tables.check(batch)
      if (this.#journal !== null) await this.#journal.append(batch)
      tables.apply(batch)
    }
    const done = work()
    this.#writes = done.catch(() => undefined)
    return done
  }

  async value(name: string): Promise<Uint8Array | null> {
    const row = this.#read().values.get({ name: utf8(name) })
    return row === undefined ? null : new Uint8Array(row.value)
  }

  async values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const values = this.#read().values
    const found = new Map<string, Uint8Array>()
    for (let position = values.lower({ name: utf8(prefix) }); ; position++) {
      const row = values.at(position)
      const name = row === undefined ? '' : fromUtf8(row.name)
      if (row === undefined || !name.startsWith(prefix)) return found
      found.set(name, new Uint8Array(row.value))
    }
  }

  async feeds(): Promise<readonly rows.FeedRow[]> {
    return this.#read().feeds.all().map(own)
  }

  async commits(feed: number, from: number, limit: number): Promise<readonly rows.CommitRow[]> {
    const tables = this.#read()
    return tables.sequences.range({ feed, seq: from }, { feed, seq: Infinity }, limit).flatMap((row) => {
      const commit = tables.commits.get(row)
      return commit === undefined ? [] : [rowOf(commit)]
    })
  }

  async commitsAfter(after: number, limit: number): Promise<readonly rows.CommitHead[]> {
    return this.#read()
      .commits.range({ no: after + 1 }, { no: Infinity }, limit)
      .map(headOf)
  }

  async commitHeads(nos: readonly number[]): Promise<readonly (rows.CommitHead | null)[]> {
    const { commits } = this.#read()
    return nos.map((no) => {
      const row = commits.get({ no })
      return row === undefined ? null : headOf(row)
    })
  }

  async bodies(parts: Parameters<Store['bodies']>[0]): Promise<readonly Uint8Array[]> {
    const { commits } = this.#read()
    return parts.map(({ commit, offset, size }) => {
      const bodies = commits.get({ no: commit })?.bodies
      return bodies === undefined ? new Uint8Array(0) : bodies.slice(offset, offset + size)
    })
  }

  async receipts(from: number, limit: number): Promise<readonly rows.ReceiptRow[]> {
    return this.#read().receipts.range({ record: from }, { record: Infinity }, limit).map(own)
  }

  async recordAt(at: number): Promise<number | null> {
    return (
      this.#read()
        .receipts.all()
        .findLast((row) => row.at <= at)?.record ?? null
    )
  }

  async documents(tags: readonly Uint8Array[]): Promise<readonly (rows.DocumentRow | null)[]> {
    const tables = this.#read()
    return tags.map((tag) => {
      const no = tables.tagged(tag)
      const row = no === undefined ? undefined : tables.documents.get({ no })
      return row === undefined ? null : own(row)
    })
  }

  async documentsByNo(nos: readonly number[]): Promise<readonly (rows.DocumentRow | null)[]> {
    const { documents } = this.#read()
    return nos.map((no) => {
      const row = documents.get({ no })
      return row === undefined ? null : own(row)
    })
  }

  async scan(collection: number, after: number, limit: number): Promise<readonly rows.DocumentRow[]> {
    const from = Math.max(after + 1, firstDocument(collection))
    return this.#read()
      .documents.range({ no: from }, { no: firstDocument(collection + 1) }, limit)
      .map(own)
  }

  async scanWhere(scan: FilteredScan): Promise<DocumentPage> {
    return this.#filtered(scan, (row) => own(row))
  }

  async scanValues(scan: FilteredScan, places: readonly Place[]): Promise<FilteredPage<DocumentValues>> {
    return this.#filtered(scan, ({ no }, fields) => ({
      no,
      values: places.map((place) => structuredClone(valueAt(fields, place))),
    }))
  }

  #filtered<Row>(
    { collection, after, limit, where }: FilteredScan,
    made: (row: rows.DocumentRow, fields: readonly JsonValue[]) => Row,
  ): FilteredPage<Row> {
    const from = Math.max(after + 1, firstDocument(collection))
    const all = this.#read().documents.range({ no: from }, { no: firstDocument(collection + 1) }, examined)
    const found: Row[] = []
    for (const row of all) {
      const fields = row.state === null ? null : headFields(row.state)
      if (fields === null || !whereHolds(where, fields)) continue
      if (found.length >= limit) return { rows: found, next: row.no - 1 }
      found.push(made(row, fields))
    }
    return { rows: found, next: all.length < examined ? null : (all.at(-1)?.no ?? null) }
  }

  async scanIndex(scan: IndexScan): Promise<readonly IndexHit[]> {
    const tables = this.#read()
    const { from, to } = indexBounds(scan)
    return tables.indexRows.range(from, to, scan.limit, scan.reverse).map(({ key, id, document }) => ({
      key: new Uint8Array(key),
      id: fromUtf8(id),
      document,
      state: tables.documents.get({ no: document })?.state ?? null,
    }))
  }

  async search(scan: SearchScan): Promise<readonly SearchHit[]> {
    const { searches, documents } = this.#read()
    const found = searches.get(scan.search)?.search(scan.terms, scan.weights) ?? []
    const hits = found.map((hit) => {
      const state = documents.get({ no: hit.document })?.state ?? null
      return { ...hit, id: scan.weights === null ? '' : headId(state), state }
    })
    const { after } = scan
    return hits
      .filter((hit) => after === null || comparePositions(hit, after) > 0)
      .toSorted(comparePositions)
      .slice(0, Math.max(0, scan.limit))
  }

  async searchPostings(search: number, after: Posting | null, limit: number): Promise<readonly Posting[]> {
    const postings = this.#read().searches.get(search)?.postings() ?? []
    const start = after === null ? 0 : postings.findIndex((posting) => comparePostings(posting, after) > 0)
    return start === -1 ? [] : postings.slice(start, start + Math.max(0, limit))
  }

  async entries(document: number, range: Parameters<Store['entries']>[1]): Promise<readonly rows.EntryRow[]> {
    const from = { document, place: range.from, index: 0 }
    return this.#read()
      .entries.range(from, { document, place: range.to, index: 0 }, range.limit, range.reverse)
      .map(own)
  }

  async snapshot(document: number, below: number): Promise<rows.SnapshotRow | null> {
    const row = this.#read().snapshots.range({ document, place: 0 }, { document, place: below }, 1, true)[0]
    return row === undefined ? null : own(row)
  }

  async seen(feed: number, on: number, seq: number): Promise<number> {
    const rows = this.#read().dependencies.range({ feed, on, seq: 0 }, { feed, on, seq: seq + 1 }, 1, true)
    return rows[0]?.seen ?? 0
  }

  async touches(after: number, limit: number): Promise<readonly rows.TouchRow[]> {
    return this.#read()
      .touches.range({ position: after + 1 }, { position: Infinity }, limit)
      .map(own)
  }

  async locked(key: string, after: number, limit: number): Promise<readonly number[]> {
    const bytes = utf8(key)
    const found = this.#read().locked.range(
      { key: bytes, document: after + 1 },
      { key: bytes, document: Infinity },
      limit,
    )
    return found.map((row) => row.document)
  }

  async stats(): Promise<StoreStats> {
    const tables = this.#read()
    const commits = tables.commits.all()
    const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0)
    return {
      commits: commits.length,
      receipts: tables.receipts.size,
      documents: tables.documents.size,
      entries: tables.entries.size,
      snapshots: tables.snapshots.size,
      indexRows: tables.indexRows.size,
      headerBytes: sum(commits.map((row) => row.header.length)),
      bodyBytes: sum(commits.map((row) => row.bodies.length)),
      stateBytes: sum(tables.documents.all().map((row) => utf8(row.state ?? '').length)),
      diskBytes: this.#journal === null ? null : this.#journal.length,
    }
  }

  async close(): Promise<void> {
    if (this.#open) {
      this.#open = false
      this.#writes = this.#writes.then(this.#closed)
    }
    await this.#writes
  }
}

type StoredCommit = rows.CommitRow & rows.CommitHead

function headOf(stored: StoredCommit): rows.CommitHead {
  const { bodies: _, ...head } = stored
  return own(head)
}

function rowOf(stored: StoredCommit): rows.CommitRow {
  const { size: _, ...row } = stored
  return own(row)
}
