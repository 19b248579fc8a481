/** How a batch becomes statements: one per list, in the order of the contract's fields, each with one array per column. */

import type { Batch, DocumentRow } from 'varve/engine'
import { deletion, foundBy, hexOf, lastOf, rounds } from './columns.ts'
import { Merger, rowInsert, type RowInsert } from './merge.ts'
import type { Statement } from './pipeline.ts'
import { quoted } from './schema.ts'
import { searchStatements } from './search-writer.ts'
import * as tables from './tables.ts'
import { byteStrings, names, numbers, texts, type Value } from './values.ts'

type Made = Statement | RowInsert

/** Makes the statements of batches for one store. */
export class Writer {
  readonly #schema: string
  readonly #store: string
  readonly #merger: Merger
  readonly #texts = new Map<string, string>()

  constructor(schema: string, store: number) {
    this.#schema = quoted(schema)
    this.#store = String(store)
    this.#merger = new Merger(this.#schema, this.#store)
  }

  /** Whatever the batch holds is copied. Throws `INVALID` for keys that have no UTF-8 form. */
  statements(batch: Batch): readonly Statement[] {
    return this.#merger.statements([
      ...this.#values(batch),
      ...this.#log(batch),
      ...this.#documents(batch.documents ?? []),
      ...this.#entries(batch),
      ...this.#indexRows(batch),
      ...searchStatements(this.#schema, this.#store, batch),
      ...this.#marks(batch),
    ])
  }

  #values({ expect, values, feeds = [] }: Batch): Made[] {
    const s = this.#schema
    const made: Made[] = []
    if (expect !== undefined && expect.size > 0) {
      const arrays = [names([...expect.keys()]), byteStrings([...expect.values()])]
      made.push(this.#statement(`SELECT ${s}.expectation($1, $2::bytea[], $3::bytea[])`, arrays))
    }
    const set = [...(values ?? [])]
    const removed = set.filter(([, value]) => value === null).map(([name]) => name)
    if (removed.length > 0) {
      const text = deletion(`${s}.named_values`, 'unnest($2::bytea[]) AS k(name)', ['name'])
      made.push(this.#statement(text, [names(removed)]))
    }
    const put = set.filter(([, value]) => value !== null)
    made.push(...this.#put(tables.namedValues, put))
    const last = lastOf(feeds, ({ no }) => String(no))
    return [...made, ...this.#put(tables.feeds, last)]
  }

  #log({ commits = [], commitSignatures = [], verdicts = [], ...batch }: Batch): Made[] {
    const made: Made[] = []
    const s = this.#schema
    const update = (text: string, arrays: readonly Value[]): void => {
      made.push(this.#statement(text, arrays))
    }
    made.push(...this.#put(tables.commits, commits))
    if (commitSignatures.length > 0) {
      const last = lastOf(commitSignatures, ({ commit }) => String(commit))
      update(
        `UPDATE ${s}.commits c SET signature = k.signature FROM unnest($2::bigint[], $3::bytea[]) AS k(no, signature),
          ${foundBy(`${s}.commits`, ['no'], 'r.ctid')} WHERE c.ctid = f.ctid`,
        [numbers(last.map(({ commit }) => commit)), byteStrings(last.map(({ signature }) => signature))],
      )
    }
    if (verdicts.length > 0) {
      const last = lastOf(verdicts, ({ commit }) => String(commit))
      update(
        `UPDATE ${s}.commits c SET record = k.record, at = k.at, refused = k.refused
        FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[]) AS k(no, record, at, refused),
          ${foundBy(`${s}.commits`, ['no'], 'r.ctid')} WHERE c.ctid = f.ctid`,
        [
          numbers(last.map(({ commit }) => commit)),
          numbers(last.map(({ record }) => record)),
          numbers(last.map(({ at }) => at)),
          texts(last.map(({ refused }) => refused)),
        ],
      )
    }
    for (const { from, to } of batch.bodiesDropped ?? []) {
      update(
        `UPDATE ${s}.commits SET bodies = '' WHERE store = $1 AND no >= $2::bigint AND no <= $3::bigint
        AND octet_length(bodies) > 0`,
        [String(from), String(to)],
      )
    }
    const { receipts = [], receiptSignatures = [] } = batch
    made.push(...this.#put(tables.receipts, receipts))
    if (receiptSignatures.length > 0) {
      const last = lastOf(receiptSignatures, ({ record }) => String(record))
      update(
        `UPDATE ${s}.receipts t SET signature = k.signature
        FROM unnest($2::bigint[], $3::bytea[]) AS k(record, signature),
          ${foundBy(`${s}.receipts`, ['record'], 'r.ctid')} WHERE t.ctid = f.ctid`,
        [numbers(last.map(({ record }) => record)), byteStrings(last.map(({ signature }) => signature))],
      )
    }
    return made
  }

  /** One statement cannot change a row twice, and who has a tag at which moment matters: then there are several. */
  #documents(rows: readonly DocumentRow[]): Made[] {
    return rounds(rows).flatMap((round) => this.#put(tables.documents, round.map(tables.keptOf)))
  }

  #entries({ entriesRemoved = [], entries = [], snapshotsRemoved = [], snapshots = [] }: Batch): Made[] {
    const s = this.#schema
    const made: Made[] = []
    if (entriesRemoved.length > 0) {
      const text = deletion(
        `${s}.entries`,
        'unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS k(document, place, idx)',
        ['document', 'place', 'idx'],
      )
      const keys = [entriesRemoved.map((row) => row.document), entriesRemoved.map((row) => row.place)]
      made.push(this.#statement(text, [...keys, entriesRemoved.map((row) => row.index)].map(numbers)))
    }
    const last = lastOf(entries, ({ document, place, index }) => `${document} ${place} ${index}`)
    made.push(...this.#put(tables.entries, last))
    if (snapshotsRemoved.length > 0) {
      const text = `DELETE FROM ${s}.snapshots WHERE ctid = ANY(ARRAY(
        SELECT f.ctid FROM unnest($2::bigint[], $3::bigint[]) AS k(document, place), LATERAL (
          SELECT r.ctid FROM ${s}.snapshots r
          WHERE r.store = $1::integer AND r.document = k.document AND r.place >= k.place OFFSET 0) f))`
      const keys = [snapshotsRemoved.map((row) => row.document), snapshotsRemoved.map((row) => row.place)]
      made.push(this.#statement(text, keys.map(numbers)))
    }
    const kept = lastOf(snapshots, ({ document, place }) => `${document} ${place}`)
    return [...made, ...this.#put(tables.snapshots, kept.map(tables.keptOf))]
  }

  #indexRows({ indexesCleared = [], indexRowsRemoved = [], indexRows = [] }: Batch): Made[] {
    const s = this.#schema
    const made: Made[] = []
    if (indexesCleared.length > 0) {
      const text = `DELETE FROM ${s}.index_rows WHERE store = $1 AND idx = ANY($2::bigint[])`
      made.push(this.#statement(text, [numbers(indexesCleared)]))
    }
    if (indexRowsRemoved.length > 0) {
      const text = deletion(`${s}.index_rows`, 'unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS k(idx, key, id)', [
        'idx',
        'key',
        'id',
      ])
      const keys = [
        numbers(indexRowsRemoved.map((row) => row.index)),
        byteStrings(indexRowsRemoved.map((row) => row.key)),
        names(indexRowsRemoved.map((row) => row.id)),
      ]
      made.push(this.#statement(text, keys))
    }
    const last = lastOf(indexRows, ({ index, key, id }) => `${index} ${hexOf(key)} ${id}`)
    return [...made, ...this.#put(tables.indexRows, last)]
  }

  #marks({ dependencies = [], touches = [], lockedRemoved = [], locked = [] }: Batch): Made[] {
    const s = this.#schema
    const last = lastOf(dependencies, ({ feed, on, seq }) => `${feed} ${on} ${seq}`)
    const made = this.#put(tables.dependencies, last)
    const moved = lastOf(touches, ({ position }) => String(position))
    made.push(...this.#put(tables.touches, moved))
    if (lockedRemoved.length > 0) {
      const text = deletion(`${s}.locked`, 'unnest($2::bytea[], $3::bigint[]) AS k(key, document)', ['key', 'document'])
      const keys = [names(lockedRemoved.map((row) => row.key)), numbers(lockedRemoved.map((row) => row.document))]
      made.push(this.#statement(text, keys))
    }
    return [...made, ...this.#put(tables.locked, locked)]
  }

  #statement(text: string, values: readonly Value[]): Statement {
    return { text, values: [this.#store, ...values] }
  }

  /** A single row goes as values, together with others: taking arrays apart costs more than storing it. */
  #put<R>(table: tables.Table<R>, rows: readonly R[]): Made[] {
    const [row] = rows
    if (row === undefined) return []
    if (rows.length === 1) return [rowInsert(table, row)]
    const arrays = table.columns.map(({ all }) => all(rows))
    return [this.#statement(this.#insertText(table), arrays)]
  }

  #insertText({ list, columns, onConflict }: tables.TableShape): string {
    const known = this.#texts.get(list)
    if (known !== undefined) return known
    const listed = columns.map(({ name }) => name).join(', ')
    const unnested = columns.map(({ type }, i) => `$${i + 2}::${type}[]`).join(', ')
    const text = `INSERT INTO ${this.#schema}.${list} (store, ${listed})
      SELECT $1::integer, ${listed} FROM unnest(${unnested}) AS rows(${listed}) ${onConflict}`
    this.#texts.set(list, text)
    return text
  }
}
