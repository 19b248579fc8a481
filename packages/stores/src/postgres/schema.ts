/** PostgreSQL layout: the tables of one schema, which holds the stores of one provider, and how later versions are made. */

import { VarveError } from 'varve/engine'
import { leaseLost, notExpected, outOfStep } from './errors.ts'

/** Names the schema in SQL; whatever it is, it cannot be taken for more than a name. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text in SQL, whatever it holds. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Throws `INVALID` unless PostgreSQL can have a schema of this name. */
export function checkSchema(name: string): string {
  const size = Buffer.byteLength(name, 'utf8')
  if (size === 0 || size > 63 || name.includes('\0') || !name.isWellFormed() || name.startsWith('pg_')) {
    throw new VarveError(
      'INVALID',
      `"${name}" cannot name a schema: use 1 to 63 bytes that do not begin with "pg_" and hold no zero character`,
      { details: { schema: name } },
    )
  }
  return name
}

/** The tables of stores, in an order in which they can be removed. */
export const tables = [
  'named_values',
  'feeds',
  'commits',
  'receipts',
  'documents',
  'entries',
  'snapshots',
  'index_rows',
  'search_rows',
  'search_words',
  'search_totals',
  'dependencies',
  'touches',
  'locked',
  'stores',
] as const

/**
 * Rows that are changed often have room in their pages, so that an index is not written again. What is enciphered is
 * not tried to compress. Small files of others stay when a tenant is removed, and so does their table.
 */
const first = (s: string): readonly string[] => [
  `CREATE TABLE ${s}.stores (
    no integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE, holder text, address text,
    epoch bigint NOT NULL, until timestamptz NOT NULL, batch bigint NOT NULL
  ) WITH (fillfactor = 20)`,
  `CREATE TABLE IF NOT EXISTS ${s}.files (name text COLLATE "C" PRIMARY KEY, bytes bytea NOT NULL)`,
  `CREATE TABLE ${s}.named_values (
    store integer NOT NULL, name bytea NOT NULL, value bytea NOT NULL, PRIMARY KEY (store, name)
  ) WITH (fillfactor = 50)`,
  `CREATE TABLE ${s}.feeds (
    store integer NOT NULL, no bigint NOT NULL, id bytea NOT NULL, public_key bytea NOT NULL, length bigint NOT NULL,
    head bytea NOT NULL, listed bigint NOT NULL, recorded bigint NOT NULL, PRIMARY KEY (store, no)
  ) WITH (fillfactor = 50)`,
  `CREATE TABLE ${s}.commits (
    store integer NOT NULL, no bigint NOT NULL, feed bigint NOT NULL, seq bigint NOT NULL, record bigint, at bigint,
    size bigint NOT NULL, stamp text COLLATE "C" NOT NULL, id bytea NOT NULL, refused text COLLATE "C", signature bytea,
    header bytea NOT NULL, bodies bytea NOT NULL, PRIMARY KEY (store, no), UNIQUE (store, feed, seq)
  )`,
  `ALTER TABLE ${s}.commits ALTER bodies SET STORAGE EXTERNAL`,
  `CREATE TABLE ${s}.receipts (
    store integer NOT NULL, record bigint NOT NULL, commit_no bigint NOT NULL, at bigint NOT NULL, bytes bytea NOT NULL,
    signature bytea, PRIMARY KEY (store, record)
  )`,
  `CREATE TABLE ${s}.documents (
    store integer NOT NULL, no bigint NOT NULL, changed bigint NOT NULL, tag bytea NOT NULL, id bytea,
    state text COLLATE "C", state_bytes bytea, PRIMARY KEY (store, no), UNIQUE (store, tag)
  ) WITH (fillfactor = 80)`,
  `CREATE TABLE ${s}.entries (
    store integer NOT NULL, document bigint NOT NULL, place bigint NOT NULL, idx bigint NOT NULL,
    commit_no bigint NOT NULL, ov bigint NOT NULL, cv bigint NOT NULL, PRIMARY KEY (store, document, place, idx)
  )`,
  `CREATE TABLE ${s}.snapshots (
    store integer NOT NULL, document bigint NOT NULL, place bigint NOT NULL, state text COLLATE "C", state_bytes bytea,
    PRIMARY KEY (store, document, place)
  )`,
  `CREATE TABLE ${s}.index_rows (
    store integer NOT NULL, idx bigint NOT NULL, document bigint NOT NULL, key bytea NOT NULL, id bytea NOT NULL,
    PRIMARY KEY (store, idx, key, id)
  )`,
  `CREATE TABLE ${s}.search_rows (
    store integer NOT NULL, search bigint NOT NULL, document bigint NOT NULL, tokens bigint NOT NULL,
    terms bytea[] NOT NULL, PRIMARY KEY (store, search, document)
  )`,
  `CREATE TABLE ${s}.search_words (
    store integer NOT NULL, search bigint NOT NULL, term bytea NOT NULL, document bigint NOT NULL,
    places integer[] NOT NULL, PRIMARY KEY (store, search, term, document)
  )`,
  `CREATE TABLE ${s}.search_totals (
    store integer NOT NULL, search bigint NOT NULL, documents bigint NOT NULL, tokens bigint NOT NULL,
    PRIMARY KEY (store, search)
  ) WITH (fillfactor = 50)`,
  `CREATE TABLE ${s}.dependencies (
    store integer NOT NULL, feed bigint NOT NULL, on_feed bigint NOT NULL, seq bigint NOT NULL, seen bigint NOT NULL,
    PRIMARY KEY (store, feed, on_feed, seq)
  )`,
  `CREATE TABLE ${s}.touches (
    store integer NOT NULL, position bigint NOT NULL, document bigint NOT NULL, PRIMARY KEY (store, position)
  )`,
  `CREATE TABLE ${s}.locked (
    store integer NOT NULL, key bytea NOT NULL, document bigint NOT NULL, PRIMARY KEY (store, key, document)
  )`,
  fence(s),
  expectation(s),
  heads(s),
]

/** The first statement of every batch: whoever has lost the lease fails, and a takeover waits for the batch. */
function fence(s: string): string {
  return `CREATE FUNCTION ${s}.fence(mine integer, held bigint, before bigint, now bigint, lease double precision)
  RETURNS void LANGUAGE plpgsql AS ${literal(`
  DECLARE found_epoch bigint;
  BEGIN
    UPDATE ${s}.stores SET batch = now, until = clock_timestamp() + lease * interval '1 millisecond'
      WHERE no = mine AND epoch = held AND batch = before;
    IF FOUND THEN RETURN; END IF;
    SELECT epoch INTO found_epoch FROM ${s}.stores WHERE no = mine;
    IF found_epoch = held THEN RAISE 'batches are out of step' USING ERRCODE = '${outOfStep}'; END IF;
    RAISE 'the lease was taken over' USING ERRCODE = '${leaseLost}';
  END`)}`
}

function expectation(s: string): string {
  return `CREATE FUNCTION ${s}.expectation(mine integer, names bytea[], expected bytea[])
  RETURNS void LANGUAGE plpgsql AS ${literal(`
  DECLARE other bytea;
  BEGIN
    SELECT e.name INTO other FROM unnest(names, expected) AS e(name, value)
      LEFT JOIN ${s}.named_values v ON v.store = mine AND v.name = e.name
      WHERE v.value IS DISTINCT FROM e.value LIMIT 1;
    IF FOUND THEN RAISE '%', encode(other, 'hex') USING ERRCODE = '${notExpected}'; END IF;
  END`)}`
}

/** For ordinary SQL tools: the documents of open databases as rows. */
function heads(s: string): string {
  return `CREATE VIEW ${s}.heads AS
  SELECT s.name AS store, d.no >> 32 AS collection, d.no AS document, h.head ->> 1 AS id,
    (ARRAY['absent', 'live', 'deleted'])[(h.head ->> 0)::integer + 1] AS status,
    (h.head ->> 2)::bigint + (h.head ->> 3)::bigint - 1 AS version,
    h.head -> 15 AS data
  FROM ${s}.documents d JOIN ${s}.stores s ON s.no = d.store, LATERAL (SELECT d.state::jsonb AS head) h
  WHERE d.state IS NOT NULL`
}

/** By version: what makes it of the version before. */
export const migrations: readonly ((s: string) => readonly string[])[] = [first]

export const layoutVersion = migrations.length
