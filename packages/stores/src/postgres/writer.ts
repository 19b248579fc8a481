/** How a batch becomes statements: one per list, in the order of the contract's fields, each with one array per column. */

import type { Batch, DocumentRow } from 'varve/engine'
import {
  bytes,
  commitColumns,
  deletion,
  documentColumns,
  entryColumns,
  feedColumns,
  foundBy,
  hexOf,
  lastOf,
  receiptColumns,
  rounds,
  snapshotColumns,
  whole,
  type Columns,
} from './columns.ts'
import { Merger, type RowInsert } from './merge.ts'
import type { Statement } from './pipeline.ts'
import { quoted } from './schema.ts'
import { searchStatements } from './search-writer.ts'
import { byteStrings, nameValue, names, numbers, texts, type Value } from './values.ts'

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
    const rows = {
      list: 'named_values',
      arrays: [
        bytes(
          'name',
          put.map(([name]) => nameValue(name)),
        ),
        bytes(
          'value',
          put.map(([, value]) => value),
        ),
      ],
    }
    made.push(...this.#put(put.length, rows, ['name']))
    const last = lastOf(feeds, ({ no }) => String(no))
    return [...made, ...this.#put(last.length, feedColumns(last), ['no'])]
  }

  #log({ commits = [], commitSignatures = [], verdicts = [], ...batch }: Batch): Made[] {
    const made: Made[] = []
    const s = this.#schema
    const update = (text: string, arrays: readonly Value[]): void => {
      made.push(this.#statement(text, arrays))
    }
    made.push(...this.#insert(commits.length, commitColumns(commits)))
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
    made.push(...this.#insert(receipts.length, receiptColumns(receipts)))
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
    return rounds(rows).flatMap((round) => this.#put(round.length, documentColumns(round), ['no']))
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
    made.push(...this.#put(last.length, entryColumns(last), ['document', 'place', 'idx']))
    if (snapshotsRemoved.length > 0) {
      const text = `DELETE FROM ${s}.snapshots WHERE ctid = ANY(ARRAY(
        SELECT f.ctid FROM unnest($2::bigint[], $3::bigint[]) AS k(document, place), LATERAL (
          SELECT r.ctid FROM ${s}.snapshots r
          WHERE r.store = $1::integer AND r.document = k.document AND r.place >= k.place OFFSET 0) f))`
      const keys = [snapshotsRemoved.map((row) => row.document), snapshotsRemoved.map((row) => row.place)]
      made.push(this.#statement(text, keys.map(numbers)))
    }
    const kept = lastOf(snapshots, ({ document, place }) => `${document} ${place}`)
    return [...made, ...this.#put(kept.length, snapshotColumns(kept), ['document', 'place'])]
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
    const rows = {
      list: 'index_rows',
      arrays: [
        whole(
          'idx',
          last.map((row) => row.index),
        ),
        whole(
          'document',
          last.map((row) => row.document),
        ),
        bytes(
          'key',
          last.map((row) => row.key),
        ),
        bytes(
          'id',
          last.map((row) => nameValue(row.id)),
        ),
      ],
    } as const
    return [...made, ...this.#put(last.length, rows, ['idx', 'key', 'id'])]
  }

  #marks({ dependencies = [], touches = [], lockedRemoved = [], locked = [] }: Batch): Made[] {
    const s = this.#schema
    const last = lastOf(dependencies, ({ feed, on, seq }) => `${feed} ${on} ${seq}`)
    const made = this.#put(
      last.length,
      {
        list: 'dependencies',
        arrays: [
          whole(
            'feed',
            last.map((row) => row.feed),
          ),
          whole(
            'on_feed',
            last.map((row) => row.on),
          ),
          whole(
            'seq',
            last.map((row) => row.seq),
          ),
          whole(
            'seen',
            last.map((row) => row.seen),
          ),
        ],
      },
      ['feed', 'on_feed', 'seq'],
    )
    const moved = lastOf(touches, ({ position }) => String(position))
    const positions = [
      whole(
        'position',
        moved.map((row) => row.position),
      ),
      whole(
        'document',
        moved.map((row) => row.document),
      ),
    ]
    made.push(...this.#put(moved.length, { list: 'touches', arrays: positions }, ['position']))
    if (lockedRemoved.length > 0) {
      const text = deletion(`${s}.locked`, 'unnest($2::bytea[], $3::bigint[]) AS k(key, document)', ['key', 'document'])
      const keys = [names(lockedRemoved.map((row) => row.key)), numbers(lockedRemoved.map((row) => row.document))]
      made.push(this.#statement(text, keys))
    }
    const arrays = [
      bytes(
        'key',
        locked.map((row) => nameValue(row.key)),
      ),
      whole(
        'document',
        locked.map((row) => row.document),
      ),
    ]
    return [...made, ...this.#put(locked.length, { list: 'locked', arrays }, ['key', 'document'])]
  }

  #statement(text: string, values: readonly Value[]): Statement {
    return { text, values: [this.#store, ...values] }
  }

  /** Inserts rows, of which none may be there. */
  #insert(count: number, columns: Columns): Made[] {
    return count === 0 ? [] : [this.#inserting(count, columns, '')]
  }

  /** Inserts rows, or replaces those with the same key. */
  #put(count: number, columns: Columns, key: readonly string[]): Made[] {
    if (count === 0) return []
    const others = columns.arrays.map(({ name }) => name).filter((name) => !key.includes(name))
    const change = others.map((column) => `${column} = excluded.${column}`).join(', ')
    const then = `ON CONFLICT (store, ${key.join(', ')}) DO ${others.length === 0 ? 'NOTHING' : `UPDATE SET ${change}`}`
    return [this.#inserting(count, columns, then)]
  }

  /** A single row goes as values, together with others: taking arrays apart costs more than storing it. */
  #inserting(count: number, { list, arrays }: Columns, then: string): Made {
    if (count === 1) return { list, columns: arrays, onConflict: then }
    return this.#statement(
      this.#insertText({ list, arrays }, then),
      arrays.map(({ array }) => array()),
    )
  }

  #insertText({ list, arrays }: Columns, then: string): string {
    const known = this.#texts.get(list)
    if (known !== undefined) return known
    const columns = arrays.map(({ name }) => name).join(', ')
    const unnested = arrays.map(({ type }, i) => `$${i + 2}::${type}[]`).join(', ')
    const text = `INSERT INTO ${this.#schema}.${list} (store, ${columns})
      SELECT $1::integer, ${columns} FROM unnest(${unnested}) AS rows(${columns}) ${then}`
    this.#texts.set(list, text)
    return text
  }
}
