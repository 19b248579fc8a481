/** Full-text search as SQL over the words of documents: phrases by their places, scores as the specification has them. */

import type { Posting, SearchHit, SearchPhrase, SearchScan } from 'varve/engine'
import { nameAt, numberAt } from './cells.ts'
import { textOfCells } from './heads.ts'
import type { Row, Statement } from './pipeline.ts'
import { fieldWidth } from './search-writer.ts'
import { byteStrings, limitValue, nameValue, numbers, type Value } from './values.ts'

/** One word that is asked for: it is at or above `low` and below `high`. */
interface Wanted {
  readonly phrase: number
  readonly position: number
  readonly low: Buffer
  readonly high: Buffer
}

/** Null when nothing can be found. */
export function searchStatement(s: string, store: number, scan: SearchScan): Statement | null {
  const { terms, weights } = scan
  if (terms.all.length === 0 || scan.limit <= 0) return null
  const wanted = [...terms.all, ...terms.none].flatMap(wantedIn)
  const values: Value[] = [
    String(store),
    String(scan.search),
    numbers(wanted.map(({ phrase }) => phrase)),
    numbers(wanted.map(({ position }) => position)),
    byteStrings(wanted.map(({ low }) => low)),
    byteStrings(wanted.map(({ high }) => high)),
    String(terms.all.length),
    limitValue(scan.limit),
  ]
  const none = terms.none.length > 0
  return weights === null ? stored(s, values, scan, none) : ranked(s, values, scan, { weights, none })
}

function wantedIn({ tokens, prefix }: SearchPhrase, phrase: number): readonly Wanted[] {
  return tokens.map((token, position) => {
    const low = nameValue(token)
    const isBeginning = prefix && position === tokens.length - 1
    // UTF-8 never holds 255, and the least text above a word is the word with a zero character.
    const high = Buffer.concat([low, Buffer.of(isBeginning ? 255 : 0)])
    return { phrase, position, low, high }
  })
}

/** Where each phrase begins: at a place behind which every one of its words stands at its own. */
function starts(s: string): string {
  return `wanted AS MATERIALIZED (
      SELECT * FROM unnest($3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[]) AS w(phrase, position, low, high)),
    sizes AS MATERIALIZED (SELECT phrase, count(*) AS words FROM wanted GROUP BY phrase),
    starts AS (
      SELECT w.phrase, p.document, place - w.position AS start
      FROM wanted w, LATERAL (
          SELECT document, places FROM ${s}.search_words r
          WHERE r.store = $1::integer AND r.search = $2::bigint AND r.term >= w.low AND r.term < w.high OFFSET 0) p,
        unnest(p.places) AS place
      GROUP BY w.phrase, p.document, place - w.position
      HAVING count(*) = (SELECT words FROM sizes WHERE sizes.phrase = w.phrase))`
}

/** Documents that have every phrase that is wanted and none of the others. */
function without(none: boolean): string {
  return none ? `AND NOT EXISTS (SELECT FROM counts n WHERE n.phrase >= $7::bigint AND n.document = c.document)` : ''
}

function stored(s: string, values: readonly Value[], { after }: SearchScan, none: boolean): Statement {
  const text = `WITH ${starts(s)},
    counts AS MATERIALIZED (SELECT DISTINCT phrase, document FROM starts),
    found AS (
      SELECT c.document FROM counts c WHERE c.phrase < $7::bigint AND c.document > $9::bigint ${without(none)}
      GROUP BY c.document HAVING count(*) = $7::bigint ORDER BY c.document LIMIT $8::bigint)
    SELECT f.document, 0, NULL, d.state, d.state_bytes
    FROM found f LEFT JOIN ${s}.documents d ON d.store = $1::integer AND d.no = f.document ORDER BY f.document`
  return { text, values: [...values, String(after?.document ?? -1)] }
}

/**
 * Every hit is scored once, then heads are read for as many as are wanted and those that share a score with them. Sums
 * are in a fixed order: a score is a position, and must come out the same again.
 */
function ranked(
  s: string,
  values: readonly Value[],
  { after }: SearchScan,
  { weights, none }: { readonly weights: readonly number[]; readonly none: boolean },
): Statement {
  const bound: Value[] = [...values, `{${weights.map(String).join(',')}}`]
  const from = after === null ? { score: 'Infinity', rest: 'true' } : positionSql(after, bound)
  bound.push(from.score)
  const beyond = `$${bound.length}::float8`
  const idf = `ln((t.documents - h.holding + 0.5::float8) / (h.holding + 0.5::float8))`
  const text = `WITH ${starts(s)},
    counts AS MATERIALIZED (
      SELECT phrase, document, sum(coalesce(($9::float8[])[(start / ${fieldWidth})::integer + 1], 0) ORDER BY start) AS places
      FROM starts GROUP BY phrase, document),
    totals AS MATERIALIZED (
      SELECT documents::float8, tokens::float8 FROM ${s}.search_totals WHERE store = $1::integer AND search = $2::bigint),
    havings AS MATERIALIZED (
      SELECT phrase, CASE WHEN idf > 0 THEN idf ELSE 1e-6 END AS idf FROM (
        SELECT h.phrase, ${idf} AS idf FROM totals t, (
          SELECT phrase, count(*)::float8 AS holding FROM counts GROUP BY phrase) h) i),
    found AS MATERIALIZED (
      SELECT c.document, sum(h.idf * (c.places * 2.2::float8 / (c.places + 1.2::float8 *
        (0.25::float8 + 0.75::float8 * r.tokens / (t.tokens / t.documents)))) ORDER BY c.phrase) AS score
      FROM totals t, counts c JOIN havings h ON h.phrase = c.phrase, LATERAL (
        SELECT tokens FROM ${s}.search_rows d
        WHERE d.store = $1::integer AND d.search = $2::bigint AND d.document = c.document OFFSET 0) r
      WHERE c.phrase < $7::bigint ${without(none)} GROUP BY c.document HAVING count(*) = $7::bigint),
    last AS MATERIALIZED (
      SELECT coalesce(min(score), ${beyond}) AS score FROM (
        SELECT score FROM found WHERE score < ${beyond} ORDER BY score DESC LIMIT $8::bigint) l),
    tied AS (
      SELECT f.document, f.score, coalesce(d.id, '') AS id, d.state, d.state_bytes
      FROM found f LEFT JOIN ${s}.documents d ON d.store = $1::integer AND d.no = f.document
      WHERE f.score <= ${beyond} AND f.score >= (SELECT score FROM last))
    SELECT document, score, id, state, state_bytes FROM tied WHERE ${from.rest}
    ORDER BY score DESC, id, document LIMIT $8::bigint`
  return { text, values: bound }
}

function positionSql(
  { score, id, document }: NonNullable<SearchScan['after']>,
  bound: Value[],
): { readonly score: string; readonly rest: string } {
  const byId = `$${bound.push(nameValue(id))}::bytea`
  const byDocument = `$${bound.push(String(document))}::bigint`
  const same = `(id, document) > (${byId}, ${byDocument})`
  return { score: String(score), rest: `(score < $${bound.length + 1}::float8 OR ${same})` }
}

export function searchHitOf(row: Row): SearchHit {
  return {
    document: numberAt(row, 0),
    score: numberAt(row, 1),
    id: row[2] === null ? '' : nameAt(row, 2),
    state: textOfCells(row, 3),
  }
}

/** Every word at its place, from a place on. */
export function postingsStatement(
  s: string,
  store: number,
  search: number,
  after: Posting | null,
  limit: number,
): Statement {
  const values: Value[] = [String(store), String(search), limitValue(limit)]
  let beyond = ''
  if (after !== null) {
    const term = `$${values.push(nameValue(after.term))}::bytea`
    const document = `$${values.push(String(after.document))}::bigint`
    const place = `$${values.push(String(after.field * fieldWidth + after.position))}::integer`
    beyond = `AND (w.term, w.document) >= (${term}, ${document})
      AND (w.term, w.document, place) > (${term}, ${document}, ${place})`
  }
  const text = `SELECT w.term, w.document, place / ${fieldWidth}, place % ${fieldWidth}
    FROM ${s}.search_words w, unnest(w.places) AS place
    WHERE w.store = $1::integer AND w.search = $2::bigint ${beyond}
    ORDER BY w.term, w.document, place LIMIT $3::bigint`
  return { text, values }
}

export function postingOf(row: Row): Posting {
  return { term: nameAt(row, 0), document: numberAt(row, 1), field: numberAt(row, 2), position: numberAt(row, 3) }
}
