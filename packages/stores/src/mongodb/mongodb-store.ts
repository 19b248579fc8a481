/** The MongoDB adapter's store: every read of the contract over ordered rows, writes through the log. */

import {
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
  VarveError,
} from 'varve/engine'
import { bytesIn, numberIn, textIn } from './cells.ts'
import * as decode from './decode-rows.ts'
import { guarded, type Place } from './errors.ts'
import { beyond, from, key, num } from './keys.ts'
import type { Tags } from './known.ts'
import type { Layers, View } from './layers.ts'
import type { Lease } from './lease.ts'
import { wholeRow } from './pieces.ts'
import type { Projector } from './projector.ts'
import * as reads from './reads.ts'
import type { Rows } from './rows.ts'
import { readHits, readPostings } from './search.ts'
import { readStats } from './stats.ts'
import type { Writer } from './writer.ts'

export const mongodbSupports: StoreSupports = { persistent: true, encryption: false, exclusive: true }

export interface Opened {
  readonly place: Place
  readonly rows: Rows
  readonly layers: Layers
  readonly lease: Lease
  readonly projector: Projector
  readonly writer: Writer
  readonly tags: Tags
  /** Ends what is written, brings everything into the rows, and gives the lease back. */
  readonly release: () => Promise<void>
}

export class MongodbStore implements Store {
  readonly supports = mongodbSupports
  readonly #opened: Opened
  #closing: Promise<void> | null = null

  constructor(opened: Opened) {
    this.#opened = opened
  }

  #checkOpen(): void {
    if (this.#closing === null) return
    const { store } = this.#opened.place
    throw new VarveError('CLOSED', `The store "${store ?? ''}" is closed: open it again`, { details: { store } })
  }

  /** One state of the store: all of what was answered before the call. */
  async #read<T>(work: (rows: Rows, view: View, version: number) => Promise<T>): Promise<T> {
    this.#checkOpen()
    const { rows, layers, lease, place } = this.#opened
    if (!lease.held) await lease.check()
    const answer = await guarded(place, () => layers.read((view, version) => work(rows, view, version)))
    // After a long rest of this process another holder may have written what was read.
    if (!lease.held && this.#closing === null) await lease.check()
    return answer
  }

  async write(batch: Batch): Promise<void> {
    this.#checkOpen()
    await guarded(this.#opened.place, () => this.#opened.writer.write(batch))
  }

  async value(name: string): Promise<Uint8Array | null> {
    return this.#read(async (rows, view) => {
      const row = await rows.one(view, key.value(name))
      return row === null ? null : bytesIn(await wholeRow(rows, view, key.value(name), row, 'value'), 'value')
    })
  }

  async values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const start = key.value(prefix)
    return this.#read(async (rows, view) => {
      const found = new Map<string, Uint8Array>()
      for (const [name, row] of await rows.range(view, { from: start, to: beyond(start) }, Infinity))
        found.set(reads.nameOf(name), bytesIn(await wholeRow(rows, view, name, row, 'value'), 'value'))
      return found
    })
  }

  async feeds(): Promise<readonly FeedRow[]> {
    return this.#read(async (rows, view) =>
      (await rows.range(view, { from: 'f', to: 'g' }, Infinity)).map(decode.feedOf),
    )
  }

  async commits(
    feed: number,
    seq: number,
    limit: number,
    options: { readonly bodies?: boolean } = {},
  ): Promise<readonly CommitRow[]> {
    const asked = { feed, seq, limit, bodies: options.bodies !== false }
    return this.#read((rows, view) => reads.readCommits(rows, view, asked))
  }

  async commitsAfter(after: number, limit: number): Promise<readonly CommitHead[]> {
    return this.#read(async (rows, view) =>
      (await rows.range(view, { from: `c${from(after + 1)}`, to: 'd' }, limit)).map(decode.headOf),
    )
  }

  async commitHeads(nos: readonly number[]): Promise<readonly (CommitHead | null)[]> {
    return this.#read(async (rows, view) => {
      const found = await rows.get(view, nos.map(key.commit))
      return nos.map((no) => {
        const row = found.get(key.commit(no))
        return row === undefined ? null : decode.headOf([key.commit(no), row])
      })
    })
  }

  async bodies(parts: Parameters<Store['bodies']>[0]): Promise<readonly Uint8Array[]> {
    return this.#read((rows, view) => reads.readBodies(rows, view, parts))
  }

  async receipts(record: number, limit: number): Promise<readonly ReceiptRow[]> {
    return this.#read(async (rows, view) =>
      (await rows.range(view, { from: `r${from(record)}`, to: 's' }, limit)).map(decode.receiptOf),
    )
  }

  async recordAt(at: number): Promise<number | null> {
    return this.#read((rows, view) => reads.readRecordAt(rows, view, at))
  }

  async documents(tags: readonly Uint8Array[]): Promise<readonly (DocumentRow | null)[]> {
    return this.#read((rows, view) => reads.readTagged(rows, view, tags, this.#opened.tags))
  }

  async documentsByNo(nos: readonly number[]): Promise<readonly (DocumentRow | null)[]> {
    return this.#read((rows, view) => reads.readDocuments(rows, view, nos))
  }

  async scan(collection: number, after: number, limit: number): Promise<readonly DocumentRow[]> {
    return this.#read(async (rows, view) =>
      reads.wholeDocuments(rows, view, await rows.range(view, reads.documentRange(collection, after), limit)),
    )
  }

  async scanWhere(scan: FilteredScan): Promise<DocumentPage> {
    return this.#read((rows, view) => reads.readFiltered(rows, view, scan, (row) => row))
  }

  async scanValues(scan: FilteredScan, places: readonly HeadPlace[]): Promise<FilteredPage<DocumentValues>> {
    return this.#read((rows, view) =>
      reads.readFiltered(rows, view, scan, ({ no }, fields) => ({ no, values: reads.valuesAt(fields, places) })),
    )
  }

  async scanIndex(scan: IndexScan): Promise<readonly IndexHit[]> {
    return this.#read((rows, view) => reads.readIndex(rows, view, scan))
  }

  async search(scan: SearchScan): Promise<readonly SearchHit[]> {
    return this.#read((rows, view) => readHits(rows, view, scan))
  }

  async searchPostings(search: number, after: Posting | null, limit: number): Promise<readonly Posting[]> {
    return this.#read((rows, view) => readPostings(rows, view, search, after, limit))
  }

  async entries(document: number, range: Parameters<Store['entries']>[1]): Promise<readonly EntryRow[]> {
    const prefix = `e${num(document)}`
    const keys = { from: prefix + from(range.from), to: prefix + from(range.to) }
    return this.#read(async (rows, view) =>
      (await rows.range(view, keys, range.limit, range.reverse === true)).map(decode.entryOf),
    )
  }

  async snapshot(document: number, below: number): Promise<SnapshotRow | null> {
    const prefix = `s${num(document)}`
    return this.#read(async (rows, view) => {
      const [found] = await rows.range(view, { from: prefix, to: prefix + from(below) }, 1, true)
      if (found === undefined) return null
      const [name, row] = found
      const place = decode.numberOf(name.slice(prefix.length - 1))
      return { document, place, state: textIn(await wholeRow(rows, view, name, row, 'state'), 'state') }
    })
  }

  async seen(feed: number, on: number, seq: number): Promise<number> {
    const prefix = `n${num(feed)}${num(on)}`
    return this.#read(async (rows, view) => {
      const [found] = await rows.range(view, { from: prefix, to: prefix + from(seq + 1) }, 1, true)
      return found === undefined ? 0 : numberIn(found[1], 'seen')
    })
  }

  async touches(after: number, limit: number): Promise<readonly TouchRow[]> {
    return this.#read(async (rows, view) =>
      (await rows.range(view, { from: `o${from(after + 1)}`, to: 'p' }, limit)).map(decode.touchOf),
    )
  }

  async locked(name: string, after: number, limit: number): Promise<readonly number[]> {
    return this.#read((rows, view) => reads.readLocked(rows, view, name, after, limit))
  }

  async stats(): Promise<StoreStats> {
    return this.#read(async (rows, _, version) => {
      await this.#opened.projector.upTo(version)
      return readStats(rows)
    })
  }

  async close(): Promise<void> {
    this.#closing ??= this.#opened.release()
    await this.#closing
  }
}
