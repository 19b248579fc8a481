/** The documents of a collection right after a record: worked out from those of another record, or of now. */

import { absentHead, decodeHead, encodeHead, type Head } from '../document/head.ts'
import { compareBytes, fromHex, toHex } from '../encoding/bytes.ts'
import { takingTurns } from '../env/pause.ts'
import { decodeReceipt } from '../log/receipt.ts'
import { rowTag } from '../log/tag.ts'
import { foldEntries } from '../replica/count.ts'
import { foldBelow, rowAtRecord } from '../replica/history.ts'
import type { ReadEntry } from '../replica/reader.ts'
import { firstDocument, type DocumentRow, type EntryRow } from '../store/rows.ts'
import { historySource } from './reads.ts'
import type { Space } from './space.ts'

/** A document that had entries by then, readable or not. */
interface PastDocument {
  /** Local number. */
  readonly no: number
  readonly head: Head
  /** Bytes of memory, about. */
  readonly bytes: number
}

export interface PastDocuments {
  /** The last record number that is included. */
  readonly record: number
  /** By row tag in hex. */
  readonly documents: ReadonlyMap<string, PastDocument>
  /** Bytes of memory, about. */
  readonly bytes: number
}

/** Before the first record. */
export const nothing: PastDocuments = { record: -1, documents: new Map(), bytes: 0 }

const pageRecords = 256
const pageDocuments = 256

/** Collects documents until they are more than may be kept. */
class Gathered {
  readonly documents: Map<string, PastDocument>
  #bytes: number

  constructor(base: PastDocuments) {
    this.documents = new Map(base.documents)
    this.#bytes = base.bytes
  }

  get bytes(): number {
    return this.#bytes
  }

  set(name: string, no: number, head: Head, text = encodeHead(head)): void {
    // An object takes a few times the memory of its text.
    const bytes = 256 + 4 * text.length
    this.#bytes += bytes - (this.documents.get(name)?.bytes ?? 0)
    this.documents.set(name, { no, head, bytes })
  }
}

/** Onwards from an earlier record: folds what was recorded since. Null when it is more than `limit` bytes. */
export async function pastAfter(
  space: Space,
  base: PastDocuments,
  record: number,
  limit: number,
): Promise<PastDocuments | null> {
  const { replica } = space
  const gathered = new Gathered(base)
  const late = new Set<string>()
  const turn = takingTurns(replica.context.env)
  for (let from = base.record + 1; from <= record; from += pageRecords) {
    const entries = await recordedEntries(space, from, Math.min(record + 1, from + pageRecords))
    for (const [name, list] of entries) {
      const known = gathered.documents.get(name)
      const head = known?.head ?? absentHead
      if (list.some(({ order, entry }) => entry !== null && replica.compare(order, head.order) < 0)) late.add(name)
      gathered.set(name, known?.no ?? 0, foldEntries(head, list, replica.compare))
    }
    if (gathered.bytes > limit) return null
    await turn()
  }
  await number(space, gathered)
  for (const name of late) {
    const no = gathered.documents.get(name)?.no ?? 0
    gathered.set(name, no, await foldBelow(historySource(replica), no, record + 1))
    await turn()
  }
  return { record, documents: gathered.documents, bytes: gathered.bytes }
}

/** Back from a later record, or from now when `base` is null: folds again what has changed since. Null as above. */
export async function pastBefore(
  space: Space,
  base: PastDocuments | null,
  record: number,
  limit: number,
): Promise<PastDocuments | null> {
  const gathered = new Gathered(nothing)
  const turn = takingTurns(space.replica.context.env)
  const headAt = await headsAt(space, record)
  if (base !== null) {
    for (const [name, { no, head }] of base.documents) {
      const then = await headAt(no, head)
      if (then !== null) gathered.set(name, no, then)
      if (then !== head) await turn()
      if (gathered.bytes > limit) return null
    }
    return { record, documents: gathered.documents, bytes: gathered.bytes }
  }
  for await (const rows of presentRows(space)) {
    for (const row of rows) {
      const head = row.state === null ? absentHead : decodeHead(row.state)
      const then = await headAt(row.no, head)
      if (then !== null) gathered.set(toHex(row.tag), row.no, then, then === head ? (row.state ?? '') : undefined)
    }
    if (gathered.bytes > limit) return null
    await turn()
  }
  return { record, documents: gathered.documents, bytes: gathered.bytes }
}

/**
 * A function from a later head of a document to that right after `record`; null when there was nothing of it yet. What
 * has not changed since is known by its collection version, without a look at its history.
 */
export async function headsAt(
  space: Space,
  record: number,
): Promise<(no: number, later: Head) => Head | Promise<Head | null>> {
  const next = await nextVersion(space, record)
  const { replica } = space
  const fold = async (no: number): Promise<Head | null> => {
    const row = await rowAtRecord(replica.store, no, record)
    return row === null ? null : foldBelow(historySource(replica), no, row.place + 1)
  }
  return (no, later) => (later.recorded > 0 && later.pending === 0 && later.cv < next ? later : fold(no))
}

/** The first version of the collection that was recorded after `record`, or will be. */
async function nextVersion(space: Space, record: number): Promise<number> {
  const { replica, tag } = space
  // What is recorded from now on counts on from here; looked at first, so that nothing gets in between.
  const recorded = replica.collection(tag)?.recorded ?? 0
  const turn = takingTurns(replica.context.env)
  for (let from = record + 1; ; from += pageRecords) {
    const receipts = await replica.store.receipts(from, pageRecords)
    const commits = await replica.reader.commits(receipts.map(({ commit }) => commit))
    for (const { commit, bytes } of receipts) {
      const read = commits.get(commit)
      const i = read?.header.collections.findIndex((each) => compareBytes(each, tag) === 0) ?? -1
      const version = i < 0 || read?.head.refused !== null ? undefined : decodeReceipt(bytes, null).cvs[i]
      if (version !== undefined) return version
    }
    if (receipts.length < pageRecords) return recorded
    await turn()
  }
}

/** The entries of the collection with `from` ≤ record < `to`, by row tag of their document in hex, in record order. */
async function recordedEntries(
  { replica, tag }: Space,
  from: number,
  to: number,
): Promise<ReadonlyMap<string, readonly ReadEntry[]>> {
  const receipts = await replica.store.receipts(from, to - from)
  const commits = await replica.reader.commits(receipts.map(({ commit }) => commit))
  const rows: EntryRow[] = []
  const names: string[] = []
  for (const { record, commit, bytes } of receipts) {
    const { head, header } = commits.get(commit) ?? {}
    const collection = header?.collections.findIndex((each) => compareBytes(each, tag) === 0) ?? -1
    if (head === undefined || header === undefined || collection < 0 || head.refused !== null) continue
    const { ovs, cvs } = decodeReceipt(bytes, header.entries.length)
    let cv = cvs[collection] ?? 0
    for (const [index, entry] of header.entries.entries()) {
      if (entry.collection !== collection) continue
      rows.push({ document: 0, place: record, index, commit, ov: ovs[index] ?? 0, cv: cv++ })
      names.push(toHex(rowTag(tag, entry.tag)))
    }
  }
  const found = new Map<string, ReadEntry[]>()
  for (const [i, entry] of (await replica.reader.read(rows)).entries()) {
    const name = names[i] ?? ''
    const list = found.get(name)
    if (list === undefined) found.set(name, [entry])
    else list.push(entry)
  }
  return found
}

/** Documents that the record alone told of get their local numbers. */
async function number({ replica }: Space, gathered: Gathered): Promise<void> {
  const missing = [...gathered.documents].filter(([, { no }]) => no === 0)
  for (let i = 0; i < missing.length; i += pageDocuments) {
    const page = missing.slice(i, i + pageDocuments)
    const rows = await replica.store.documents(page.map(([name]) => fromHex(name)))
    for (const [j, [name, document]] of page.entries()) {
      const row = rows[j]
      if (row === null || row === undefined) gathered.documents.delete(name)
      else gathered.documents.set(name, { ...document, no: row.no })
    }
  }
}

async function* presentRows({ replica, tag }: Space): AsyncGenerator<readonly DocumentRow[]> {
  const collection = replica.collection(tag)
  if (collection === undefined) return
  let after = firstDocument(collection.no)
  for (;;) {
    const rows = await replica.store.scan(collection.no, after, pageDocuments)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.no
    yield rows
  }
}
