/** Whether a batch may be written, and what of the store must be known for that. */

import { collectionOf, equalBytes, firstDocument, utf8, VarveError, type Batch, type DocumentRow } from 'varve/engine'
import { bytesIn, numberIn, type Row } from './cells.ts'
import type { Range } from './effects.ts'
import { bytesKey, key, num } from './keys.ts'
import type { Highest, Tags } from './known.ts'
import type { View } from './layers.ts'
import { valueOf } from './pieces.ts'
import type { Rows } from './rows.ts'

export interface Knowledge {
  readonly rows: Rows
  readonly highest: Highest
  readonly tags: Tags
}

/** Ranges whose highest number is remembered, by name. */
const highestOf = {
  commit: ['c', { from: 'c', to: 'd' }],
  record: ['r', { from: 'r', to: 's' }],
  sequence: (feed: number) => [`q${feed}`, { from: `q${num(feed)}`, to: `q${num(feed + 1)}` }],
  document: (collection: number) => [
    `d${collection}`,
    { from: key.document(firstDocument(collection)), to: key.document(firstDocument(collection + 1)) },
  ],
} as const satisfies Record<string, Named | ((no: number) => Named)>

type Named = readonly [name: string, range: Range]

/** Takes over the numbers of a batch that is going to be written. */
export function raiseHighest(batch: Batch, highest: Highest): void {
  for (const { no, feed, seq } of batch.commits ?? []) {
    highest.raise('c', no)
    highest.raise(`q${feed}`, seq)
  }
  for (const { record } of batch.receipts ?? []) highest.raise('r', record)
  for (const { no } of batch.documents ?? []) highest.raise(`d${collectionOf(no)}`, no)
}

/** Keys of the rows that checking and applying the batch look at. */
export async function neededKeys(batch: Batch, view: View, { highest, tags }: Knowledge): Promise<ReadonlySet<string>> {
  const needed = new Set<string>()
  for (const name of batch.expect?.keys() ?? []) needed.add(key.value(name))
  const commits = empty(batch.commits) ? -1 : await highest.of(view, ...highestOf.commit)
  for (const { no, feed, seq } of batch.commits ?? []) {
    if (no <= commits) needed.add(key.commit(no))
    if (seq <= (await highest.of(view, ...highestOf.sequence(feed)))) needed.add(key.sequence(feed, seq))
  }
  for (const { commit } of [...(batch.commitSignatures ?? []), ...(batch.verdicts ?? [])])
    needed.add(key.commit(commit))
  const records = empty(batch.receipts) ? -1 : await highest.of(view, ...highestOf.record)
  for (const { record } of batch.receipts ?? []) if (record <= records) needed.add(key.receipt(record))
  for (const { record } of batch.receiptSignatures ?? []) needed.add(key.receipt(record))
  for (const { no, tag } of batch.documents ?? []) {
    const isNew = no > (await highest.of(view, ...highestOf.document(collectionOf(no))))
    if (!isNew && tags.tag(no) === undefined) needed.add(key.document(no))
    if (tags.owner(bytesKey(tag)) === undefined && !tags.isNew(bytesKey(tag))) needed.add(key.tag(tag))
  }
  for (const { search, document } of [...(batch.searchRowsRemoved ?? []), ...(batch.searchRows ?? [])])
    needed.add(key.words(search, document)).add(key.totals(search))
  return needed
}

function empty(rows: readonly unknown[] | undefined): boolean {
  return rows === undefined || rows.length === 0
}

/** Throws `CONFLICT` or `STORE_FAILED` when the batch cannot be applied. `found` holds the rows of `neededKeys`. */
export async function checkBatch(
  batch: Batch,
  view: View,
  found: ReadonlyMap<string, Row>,
  { rows }: Knowledge,
): Promise<void> {
  checkTexts(batch)
  for (const [name, expected] of batch.expect ?? []) {
    const row = found.get(key.value(name))
    const value = row === undefined ? null : await valueOf(rows, view, key.value(name), row, 'value')
    const same = value instanceof Uint8Array && expected !== null ? equalBytes(value, expected) : value === expected
    if (same) continue
    throw new VarveError('CONFLICT', `The stored value "${name}" is not the expected one: read it and try again`, {
      details: { name },
    })
  }
  const seen = new Set<string>()
  const once = (name: string, what: string): void => {
    if (found.has(name) || seen.has(name)) repeated(what)
    seen.add(name)
  }
  for (const { no, feed, seq } of batch.commits ?? []) {
    const what = `commit ${no} (feed ${feed}, sequence ${seq})`
    once(key.commit(no), what)
    once(key.sequence(feed, seq), what)
  }
  for (const { record } of batch.receipts ?? []) once(key.receipt(record), `receipt ${record}`)
}

/** What documents change about tags: the tag of each document, and whom each tag belongs to then. */
export interface TagChanges {
  readonly tags: ReadonlyMap<number, string>
  readonly owners: ReadonlyMap<string, number | null>
  /** Tags of documents whose tag stays as it was need no row. */
  readonly changed: ReadonlySet<string>
}

/** Goes through the documents as they will be applied: a tag given up by one row is free for the next. */
export function tagChanges(
  documents: readonly DocumentRow[],
  found: ReadonlyMap<string, Row>,
  known: Tags,
): TagChanges {
  const tags = new Map<number, string>()
  const owners = new Map<string, number | null>()
  const changed = new Set<string>()
  const tagBefore = (no: number): string | null => {
    const given = tags.get(no) ?? known.tag(no)
    if (given !== undefined) return given
    const row = found.get(key.document(no))
    return row === undefined ? null : bytesKey(bytesIn(row, 'tag'))
  }
  const ownerBefore = (tag: string): number | null => {
    const given = owners.has(tag) ? owners.get(tag) : known.owner(tag)
    if (given !== undefined) return given
    const row = found.get(`t${tag}`)
    return row === undefined ? null : numberIn(row, 'document')
  }
  for (const { no, tag } of documents) {
    const now = bytesKey(tag)
    const owner = ownerBefore(now)
    if (owner !== null && owner !== no)
      repeated(`document tag ${Buffer.from(tag).toString('hex')} (documents ${owner}, ${no})`)
    const before = tagBefore(no)
    if (before !== null && before !== now) {
      owners.set(before, null)
      changed.add(before)
    }
    if (before !== now) changed.add(now)
    owners.set(now, no)
    tags.set(no, now)
  }
  return { tags, owners, changed }
}

/** Throws `INVALID` for a key that has no UTF-8 form, before anything is applied. */
function checkTexts(batch: Batch): void {
  for (const name of batch.values?.keys() ?? []) utf8(name)
  for (const { id } of [...(batch.indexRowsRemoved ?? []), ...(batch.indexRows ?? [])]) utf8(id)
  for (const { fields } of batch.searchRows ?? []) for (const field of fields) utf8(field)
  for (const { key: name } of [...(batch.lockedRemoved ?? []), ...(batch.locked ?? [])]) utf8(name)
}

function repeated(what: string): never {
  throw new VarveError('STORE_FAILED', `The store already holds ${what}: it is written once`, { details: { what } })
}
