/** How a batch becomes SQLite rows: one prepared statement per list, in the order of the contract's fields. */

import {
  equalBytes,
  VarveError,
  type Batch,
  type CommitRow,
  type DependencyRow,
  type DocumentRow,
  type EntryRow,
  type FeedRow,
  type IndexRow,
  type LockedRow,
  type ReceiptRow,
  type SnapshotRow,
  type TouchRow,
} from 'varve/engine'
import { bytesAt, bytesColumns, nameValue, textValue } from './cells.ts'
import type { Command, Connection, Value } from './connection.ts'
import { Insert } from './insert.ts'
import { SearchWriter } from './search-writer.ts'

/** Applies batches inside a transaction of its caller, who rolls back on any error. */
export class Writer {
  readonly #connection: Connection
  readonly #commands = new Map<string, Command>()
  readonly #feeds: Insert<FeedRow>
  readonly #commits: Insert<CommitRow>
  readonly #payloads: Insert<CommitRow>
  readonly #receipts: Insert<ReceiptRow>
  readonly #documents: Insert<DocumentRow>
  readonly #entries: Insert<EntryRow>
  readonly #snapshots: Insert<SnapshotRow>
  readonly #indexRows: Insert<IndexRow>
  readonly #searches: SearchWriter
  readonly #dependencies: Insert<DependencyRow>
  readonly #touches: Insert<TouchRow>
  readonly #locked: Insert<LockedRow>

  constructor(connection: Connection) {
    this.#connection = connection
    this.#searches = new SearchWriter(connection, (sql, values) => {
      this.#run(sql, values)
    })
    const insert = <Row>(table: string, columns: number, cells: (row: Row, into: Value[]) => void): Insert<Row> =>
      new Insert(connection, { head: `INSERT INTO ${table}`, columns }, cells)
    const replace = <Row>(table: string, columns: number, cells: (row: Row, into: Value[]) => void): Insert<Row> =>
      new Insert(connection, { head: `INSERT OR REPLACE INTO ${table}`, columns }, cells)
    this.#feeds = replace('feeds', 7, (row, to) =>
      to.push(row.no, row.id, row.publicKey, row.length, row.head, row.listed, row.recorded),
    )
    this.#commits = insert('commits', 9, (row, to) =>
      to.push(row.no, row.feed, row.seq, row.stamp, row.id, row.signature, row.record, row.at, row.refused),
    )
    this.#payloads = insert('payloads', 4, (row, to) => to.push(row.no, row.bodies.length, row.header, row.bodies))
    this.#receipts = insert('receipts', 5, (row, to) =>
      to.push(row.record, row.commit, row.at, row.bytes, row.signature),
    )
    // OR REPLACE would silently remove another document with the same tag.
    this.#documents = new Insert(
      connection,
      {
        head: 'INSERT INTO documents',
        columns: 4,
        tail: 'ON CONFLICT (no) DO UPDATE SET tag = excluded.tag, state = excluded.state, changed = excluded.changed',
      },
      (row, to) => to.push(row.no, row.tag, row.state === null ? null : textValue(row.state), row.changed),
    )
    this.#entries = replace('entries', 6, (row, to) =>
      to.push(row.document, row.place, row.index, row.commit, row.ov, row.cv),
    )
    this.#snapshots = replace('snapshots', 3, (row, to) => to.push(row.document, row.place, textValue(row.state)))
    this.#indexRows = replace('index_rows', 4, (row, to) =>
      to.push(row.index, row.key, nameValue(row.id), row.document),
    )
    this.#dependencies = replace('dependencies', 4, (row, to) => to.push(row.feed, row.on, row.seq, row.seen))
    this.#touches = replace('touches', 2, (row, to) => to.push(row.position, row.document))
    this.#locked = replace('locked', 2, (row, to) => to.push(nameValue(row.key), row.document))
  }

  apply(batch: Batch): void {
    for (const [name, expected] of batch.expect ?? []) this.#expect(name, expected)
    for (const [name, value] of batch.values ?? []) {
      if (value === null) this.#run('DELETE FROM named_values WHERE name = ?', [nameValue(name)])
      else this.#run('INSERT OR REPLACE INTO named_values VALUES (?, ?)', [nameValue(name), value])
    }
    this.#feeds.run(batch.feeds)
    this.#log(batch)
    this.#documents.run(batch.documents)
    for (const { document, place, index } of batch.entriesRemoved ?? []) {
      this.#run('DELETE FROM entries WHERE document = ? AND place = ? AND idx = ?', [document, place, index])
    }
    this.#entries.run(batch.entries)
    for (const { document, place } of batch.snapshotsRemoved ?? []) {
      this.#run('DELETE FROM snapshots WHERE document = ? AND place >= ?', [document, place])
    }
    this.#snapshots.run(batch.snapshots)
    for (const index of batch.indexesCleared ?? []) this.#run('DELETE FROM index_rows WHERE idx = ?', [index])
    for (const { index, key, id } of batch.indexRowsRemoved ?? []) {
      this.#run('DELETE FROM index_rows WHERE idx = ? AND key = ? AND id = ?', [index, key, nameValue(id)])
    }
    this.#indexRows.run(batch.indexRows)
    this.#searches.apply(batch)
    this.#dependencies.run(batch.dependencies)
    this.#touches.run(batch.touches)
    for (const { key, document } of batch.lockedRemoved ?? []) {
      this.#run('DELETE FROM locked WHERE key = ? AND document = ?', [nameValue(key), document])
    }
    this.#locked.run(batch.locked)
  }

  #log(batch: Batch): void {
    this.#commits.run(batch.commits)
    this.#payloads.run(batch.commits)
    for (const { commit, signature } of batch.commitSignatures ?? []) {
      this.#run('UPDATE commits SET signature = ? WHERE no = ?', [signature, commit])
    }
    for (const { commit, record, at, refused } of batch.verdicts ?? []) {
      this.#run('UPDATE commits SET record = ?, at = ?, refused = ? WHERE no = ?', [record, at, refused, commit])
    }
    for (const { from, to } of batch.bodiesDropped ?? []) {
      this.#run("UPDATE payloads SET bodies = x'' WHERE no BETWEEN ? AND ?", [from, to])
    }
    this.#receipts.run(batch.receipts)
    for (const { record, signature } of batch.receiptSignatures ?? []) {
      this.#run('UPDATE receipts SET signature = ? WHERE record = ?', [signature, record])
    }
  }

  #expect(name: string, expected: Uint8Array | null): void {
    const row = this.#connection
      .query(`SELECT ${bytesColumns('value')} FROM named_values WHERE name = ?`)
      .first([nameValue(name)])
    const same = row === undefined || expected === null ? row === undefined && expected === null : equal(row, expected)
    if (same) return
    throw new VarveError('CONFLICT', `The stored value "${name}" is not the expected one: read it and try again`, {
      details: { name },
    })
  }

  #run(sql: string, values: readonly Value[]): void {
    let command = this.#commands.get(sql)
    if (command === undefined) {
      command = this.#connection.command(sql)
      this.#commands.set(sql, command)
    }
    command.run(values)
  }
}

function equal(row: readonly unknown[], expected: Uint8Array): boolean {
  return equalBytes(expected, bytesAt(row, 0))
}
