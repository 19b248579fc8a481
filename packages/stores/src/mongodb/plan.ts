/** How a batch becomes puts and removals of rows, in the order of the contract's fields. */

import type { Batch, CommitRow, SnapshotRow } from 'varve/engine'
import type { Row } from './cells.ts'
import { checkBatch, neededKeys, raiseHighest, tagChanges, type Knowledge } from './check.ts'
import { Draft, type Range } from './effects.ts'
import { beyond, from, key, num } from './keys.ts'
import { View } from './layers.ts'
import { wholeRow, type Pieces } from './pieces.ts'
import { documentField, type Rows } from './rows.ts'
import { planSearches } from './search-plan.ts'

/** Bytes of bodies in one row: reading a part of them reads little more. */
export const bodyBytes = 256 * 1024

/** Rows as they are while a batch is planned: what it changed so far, and what was read for it. */
export class Rewritten {
  readonly draft: Draft
  readonly #view: View
  readonly #found: ReadonlyMap<string, Row>

  constructor(draft: Draft, found: ReadonlyMap<string, Row>) {
    this.draft = draft
    this.#view = new View([draft])
    this.#found = found
  }

  get(name: string): Row | null {
    const row = this.#view.get(name)
    return row === undefined ? (this.#found.get(name) ?? null) : row
  }

  /** Changes fields of a row; nothing when it is not there. */
  set(name: string, fields: Row): void {
    const row = this.get(name)
    if (row !== null) this.draft.put(name, { ...row, ...fields })
  }
}

/** What the batch changes, on top of `view`. Throws when it cannot be applied; nothing is remembered then. */
export async function planBatch(batch: Batch, view: View, known: Knowledge, pieces: Pieces): Promise<Draft> {
  const found = await known.rows.get(view, await neededKeys(batch, view, known))
  await checkBatch(batch, view, found, known)
  const changes = tagChanges(batch.documents ?? [], found, known.tags)
  const words = await wholeWords(known, view, found)
  const snapshots = await known.rows.names(view, (batch.snapshotsRemoved ?? []).map(snapshotsFrom))
  const draft = new Draft()
  const rows = new Rewritten(draft, words)
  for (const [name, value] of batch.values ?? []) {
    if (value === null) pieces.remove(draft, key.value(name))
    else pieces.put(draft, key.value(name), {}, 'value', value)
  }
  for (const { no, ...row } of batch.feeds ?? []) draft.put(key.feed(no), { ...row })
  planLog(batch, rows)
  for (const { no, tag, state, changed } of batch.documents ?? [])
    pieces.put(draft, key.document(no), { tag, changed }, 'state', state)
  for (const tag of changes.changed) {
    const owner = changes.owners.get(tag) ?? null
    if (owner === null) draft.remove(`t${tag}`)
    else draft.put(`t${tag}`, { document: owner })
  }
  for (const name of snapshots) pieces.remove(draft, name)
  planEntries(batch, draft, pieces)
  planIndexes(batch, draft, known.rows)
  planSearches(batch, rows, pieces)
  planMarks(batch, draft)
  raiseHighest(batch, known.highest)
  known.tags.change(changes.tags, changes.owners)
  return draft
}

/** Words too large for one row are read whole, because what they say of a document goes with them. */
async function wholeWords({ rows }: Knowledge, view: View, found: ReadonlyMap<string, Row>): Promise<Map<string, Row>> {
  const whole = new Map(found)
  for (const [name, row] of found)
    if (name.startsWith('w')) whole.set(name, await wholeRow(rows, view, name, row, 'fields'))
  return whole
}

function planLog(batch: Batch, rows: Rewritten): void {
  const { draft } = rows
  for (const row of batch.commits ?? []) planCommit(row, draft)
  for (const { commit, signature } of batch.commitSignatures ?? []) rows.set(key.commit(commit), { signature })
  for (const { commit, record, at, refused } of batch.verdicts ?? [])
    rows.set(key.commit(commit), { record, at, refused })
  for (const range of batch.bodiesDropped ?? [])
    draft.clear({ from: `b${from(range.from)}`, to: `b${from(range.to + 1)}` })
  for (const { record, ...row } of batch.receipts ?? []) draft.put(key.receipt(record), { ...row })
  for (const { record, signature } of batch.receiptSignatures ?? []) rows.set(key.receipt(record), { signature })
}

function planCommit({ no, bodies, ...head }: CommitRow, draft: Draft): void {
  draft.put(key.commit(no), { ...head, size: bodies.length })
  draft.put(key.sequence(head.feed, head.seq), { commit: no })
  for (let at = 0; at < bodies.length; at += bodyBytes)
    draft.put(key.bodies(no, at / bodyBytes), { bodies: bodies.subarray(at, at + bodyBytes) })
}

function planEntries(batch: Batch, draft: Draft, pieces: Pieces): void {
  for (const { document, place, index } of batch.entriesRemoved ?? []) draft.remove(key.entry(document, place, index))
  for (const { document, place, index, ...row } of batch.entries ?? [])
    draft.put(key.entry(document, place, index), { ...row })
  for (const { document, place, state } of batch.snapshots ?? [])
    pieces.put(draft, key.snapshot(document, place), {}, 'state', state)
}

/** Few documents have any: their keys are looked up, because clearing a range costs more than removing a row. */
function snapshotsFrom({ document, place }: Pick<SnapshotRow, 'document' | 'place'>): Range {
  const prefix = `s${num(document)}`
  return { from: prefix + from(place), to: beyond(prefix) }
}

function planIndexes(batch: Batch, draft: Draft, all: Rows): void {
  for (const index of batch.indexesCleared ?? []) draft.clear({ from: `i${num(index)}`, to: beyond(`i${num(index)}`) })
  for (const { index, key: bytes, id } of batch.indexRowsRemoved ?? []) draft.remove(key.indexRow(index, bytes, id))
  for (const { index, key: bytes, id, document } of batch.indexRows ?? [])
    draft.put(key.indexRow(index, bytes, id), { document, [documentField]: all.id(key.document(document)) })
}

function planMarks(batch: Batch, draft: Draft): void {
  for (const { feed, on, seq, seen } of batch.dependencies ?? []) draft.put(key.dependency(feed, on, seq), { seen })
  for (const { position, document } of batch.touches ?? []) draft.put(key.touch(position), { document })
  for (const { key: name, document } of batch.lockedRemoved ?? []) draft.remove(key.locked(name, document))
  for (const { key: name, document } of batch.locked ?? []) draft.put(key.locked(name, document), {})
}
