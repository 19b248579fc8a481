/** Search indexes as FTS5 tables, one each: which words stand where, without the text, in the same file as all else. */

import { utf8 } from '#bytes'
import type { Posting, SearchHit, SearchPhrase, SearchScan, SearchTerms } from 'varve/engine'
import { bytesColumns, nameValue, numberAt, numberColumns, textAt, textOrNullAt } from './cells.ts'
import type { Connection, Row, Value } from './connection.ts'
import { limitValue } from './limit.ts'

/** Words come as the engine made them, so that the simplest tokenizer does: all but ASCII signs belong to a word. */
const options = `content = '', contentless_delete = 1, tokenize = 'ascii'`

export function searchTable(search: number): string {
  return `search_${search}`
}

export function createSearch(search: number, fields: number): string {
  return `CREATE VIRTUAL TABLE IF NOT EXISTS ${searchTable(search)} USING fts5(${columns(fields)}, ${options})`
}

/** The columns of a search table's fields. */
export function columns(fields: number): string {
  return Array.from({ length: fields }, (_, i) => `f${i}`).join(', ')
}

export function hasSearch(connection: Connection, search: number): boolean {
  return connection.query('SELECT 1 FROM sqlite_schema WHERE name = ?').first([searchTable(search)]) !== undefined
}

export function readHits(connection: Connection, scan: SearchScan): readonly SearchHit[] {
  if (scan.terms.all.length === 0 || scan.limit <= 0 || !hasSearch(connection, scan.search)) return []
  return scan.weights === null ? readStored(connection, scan) : readRanked(connection, scan, scan.weights)
}

function readStored(connection: Connection, { search, terms, after, limit }: SearchScan): readonly SearchHit[] {
  const table = searchTable(search)
  const sql = `SELECT w.rowid, 0, x'', ${bytesColumns('d.state')} FROM ${table} w LEFT JOIN documents d ON d.no = w.rowid
    WHERE ${table} MATCH ? AND w.rowid > ? ORDER BY w.rowid LIMIT ?`
  return connection
    .query(sql)
    .all([matchText(terms), after?.document ?? -1, limitValue(limit)])
    .map(hitOf)
}

/** Below every rank, which is a score below zero. */
const lowest = -1e308

/** The id in a head, by which ties are broken. */
const headId = `CASE WHEN json_valid(d.state) AND json_type(d.state, '$[1]') = 'text'
  THEN CAST(json_extract(d.state, '$[1]') AS BLOB) ELSE x'' END`

/**
 * Every hit is scored once, then heads are read for as many as are wanted and those that share a score with them.
 * Materialized, because a condition on the score, or a join, would have it computed again.
 */
function readRanked(
  connection: Connection,
  { search, terms, after, limit }: SearchScan,
  weights: readonly number[],
): readonly SearchHit[] {
  const table = searchTable(search)
  const values: Value[] = [after === null ? lowest : -after.score, limitValue(limit), matchText(terms), ...weights]
  const bm25 = `bm25(${[table, ...weights.map((_, i) => `?${i + 4}`)].join(', ')})`
  if (after !== null) values.push(nameValue(after.id), after.document)
  const from = after === null ? '' : `WHERE (rank, id, document) > (?1, ?${values.length - 1}, ?${values.length})`
  const sql = `WITH
    found AS MATERIALIZED (SELECT rowid AS document, ${bm25} AS rank FROM ${table} WHERE ${table} MATCH ?3),
    last AS MATERIALIZED (
      SELECT coalesce(max(rank), ?1) AS rank FROM (SELECT rank FROM found WHERE rank > ?1 ORDER BY rank LIMIT ?2)),
    tied AS (
      SELECT f.document, f.rank, ${headId} AS id, d.state FROM found f LEFT JOIN documents d ON d.no = f.document
      WHERE f.rank >= ?1 AND f.rank <= (SELECT rank FROM last))
    SELECT document, ${numberColumns('rank')}, id, ${bytesColumns('state')} FROM tied ${from}
    ORDER BY rank, id, document LIMIT ?2`
  return connection.query(sql).all(values).map(hitOf)
}

function hitOf(row: Row): SearchHit {
  const rank = numberAt(row, 1)
  return {
    document: numberAt(row, 0),
    score: rank === 0 ? 0 : -rank,
    id: textAt(row, 2),
    state: textOrNullAt(row, 3),
  }
}

/** The terms in FTS5's own language; every word in quotes, so that nothing in it can be taken for more. */
function matchText({ all, none }: SearchTerms): string {
  const wanted = all.map(phraseText).join(' AND ')
  return none.length === 0 ? wanted : `(${wanted}) NOT (${none.map(phraseText).join(' OR ')})`
}

function phraseText({ tokens, prefix }: SearchPhrase): string {
  return `"${tokens.join(' ').replaceAll('"', '""')}"${prefix ? ' *' : ''}`
}

/** Where every word stands, from the index itself. */
export function readPostings(
  connection: Connection,
  search: number,
  after: Posting | null,
  limit: number,
): readonly Posting[] {
  if (!hasSearch(connection, search)) return []
  const view = `temp.${searchTable(search)}_words`
  connection.exec(`CREATE VIRTUAL TABLE IF NOT EXISTS ${view} USING fts5vocab(main, ${searchTable(search)}, instance)`)
  const field = 'CAST(substr(col, 2) AS INTEGER)'
  const beyond = `WHERE term >= ? AND (CAST(term AS BLOB), doc, ${field}, offset) > (?, ?, ?, ?)`
  const sql = `SELECT ${bytesColumns('term')}, doc, ${field} AS field, offset FROM ${view} ${after === null ? '' : beyond}
    ORDER BY CAST(term AS BLOB), doc, field, offset LIMIT ?`
  const bound = after === null ? [] : [after.term, utf8(after.term), after.document, after.field, after.position]
  return connection
    .query(sql)
    .all([...bound, limitValue(limit)])
    .map(postingOf)
}

function postingOf(row: Row): Posting {
  return { term: textAt(row, 0), document: numberAt(row, 1), field: numberAt(row, 2), position: numberAt(row, 3) }
}
