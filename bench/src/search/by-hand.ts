/** What people would write instead of a search index: FTS5 by hand on the same driver, and MiniSearch in memory. */

import Sqlite from 'libsql'
import MiniSearch from 'minisearch'
import type { PackageRecord } from '../data.ts'
import { slices } from '../files.ts'
import { asText, isList, isRecord } from '../json.ts'

/** One search: words that must all be there, the last one as a prefix, or all of them as a phrase. */
export interface Asked {
  readonly kind: 'word' | 'two words' | 'prefix' | 'phrase'
  readonly words: readonly string[]
}

export const found = 50

export interface Searcher {
  /** Documents a search gives at most: the 50 best, read and decoded. */
  search(asked: Asked): number
  close(): void
}

/** Documents as JSON in one table, words in an FTS5 table without content, in transactions of 500. */
export function ftsByHand(path: string, records: readonly PackageRecord[]): { readonly build: () => void } & Searcher {
  const database = new Sqlite(path)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000;
    CREATE TABLE documents (no INTEGER PRIMARY KEY, state TEXT);
    CREATE VIRTUAL TABLE words USING fts5(description, name, content = '', contentless_delete = 1,
      tokenize = 'unicode61 remove_diacritics 2')`)
  const put = database.prepare('INSERT INTO documents VALUES (?, ?)')
  const begin = database.prepare('BEGIN')
  const commit = database.prepare('COMMIT')
  const numbered = records.map((record, no) => ({ no, record }))
  begin.run()
  for (const { no, record } of numbered) put.run([no, JSON.stringify(record)])
  commit.run()
  const page = database.prepare('SELECT no, state FROM documents WHERE no >= ? ORDER BY no LIMIT 500').raw()
  const add = database.prepare('INSERT INTO words (rowid, description, name) VALUES (?, ?, ?)')
  const query = database
    .prepare(
      `SELECT d.state FROM (SELECT rowid AS no, bm25(words, 1.0, 3.0) AS score FROM words WHERE words MATCH ?
       ORDER BY score, rowid LIMIT ${found}) w JOIN documents d USING (no) ORDER BY w.score, no`,
    )
    .raw()
  return {
    build: () => {
      for (const part of slices(numbered, 500)) {
        const rows: readonly unknown[] = page.all([part[0]?.no ?? 0])
        begin.run()
        for (const row of rows) {
          if (!isList(row)) continue
          const document: unknown = JSON.parse(asText(row[1]))
          if (isRecord(document)) add.run([Number(row[0]), asText(document['description']), asText(document['name'])])
        }
        commit.run()
      }
    },
    search: (asked) => {
      const rows: readonly unknown[] = query.all([matchOf(asked)])
      const documents = rows.map((row): unknown => JSON.parse(asText(isList(row) ? row[0] : null)))
      return documents.length
    },
    close: () => {
      database.close()
    },
  }
}

function matchOf({ kind, words }: Asked): string {
  if (kind === 'phrase') return `"${words.join(' ')}"`
  const quoted = words.map((word) => `"${word}"`).join(' AND ')
  return kind === 'prefix' ? `${quoted} *` : quoted
}

/** Everything in memory; it knows no phrases. */
export function miniSearch(records: readonly PackageRecord[]): { readonly build: () => void } & Searcher {
  const index = new MiniSearch<{ readonly id: number }>({
    fields: ['name', 'description'],
    searchOptions: { boost: { name: 3 }, combineWith: 'AND' },
  })
  return {
    build: () => {
      index.addAll(records.map((record, id) => ({ ...record, id })))
    },
    search: ({ kind, words }) =>
      index
        .search(words.join(' '), { prefix: kind === 'prefix' })
        .slice(0, found)
        .map(({ id }) => records[Number(id)]).length,
    close: () => undefined,
  }
}
