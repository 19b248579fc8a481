/** The reads of the contract that take more than one request, each on one state of the store. */

import {
  concat,
  firstDocument,
  fromUtf8,
  headFields,
  valueAt,
  whereHolds,
  type CommitHead,
  type CommitRow,
  type DocumentRow,
  type DocumentValues,
  type FilteredPage,
  type FilteredScan,
  type IndexHit,
  type IndexScan,
  type JsonValue,
  type Place,
  type Store,
} from 'varve/engine'
import { bytesIn, numberIn, textOrNullIn, type Row } from './cells.ts'
import * as decode from './decode-rows.ts'
import type { Range } from './effects.ts'
import { beyond, bytesKey, ended, from, key, KeyReader, num, textKey } from './keys.ts'
import type { Tags } from './known.ts'
import type { View } from './layers.ts'
import { wholeRow } from './pieces.ts'
import { bodyBytes } from './plan.ts'
import type { Found, Rows } from './rows.ts'

/** Documents that one call of a filtered scan looks at. */
const examined = 1024

/** Times that one step of a search for a moment asks for at once. */
const probes = 16

export async function readCommits(
  rows: Rows,
  view: View,
  {
    feed,
    seq,
    limit,
    bodies,
  }: { readonly feed: number; readonly seq: number; readonly limit: number; readonly bodies: boolean },
): Promise<readonly CommitRow[]> {
  const range = { from: `q${num(feed)}${from(seq)}`, to: beyond(`q${num(feed)}`) }
  const nos = (await rows.range(view, range, limit)).map(([, row]) => numberIn(row, 'commit'))
  const found = await rows.get(view, nos.map(key.commit))
  const heads = nos.flatMap((no) => {
    const row = found.get(key.commit(no))
    return row === undefined ? [] : [decode.headOf([key.commit(no), row])]
  })
  const wanted = bodies ? heads.map(({ no, size }) => ({ commit: no, offset: 0, size })) : []
  const parts = await readBodies(rows, view, wanted)
  return heads.map((head, i) => commitOf(head, parts[i] ?? new Uint8Array(0)))
}

function commitOf(found: CommitHead, bodies: Uint8Array): CommitRow {
  const { size: _, ...head } = found
  return { ...head, bodies }
}

export async function readBodies(
  rows: Rows,
  view: View,
  parts: Parameters<Store['bodies']>[0],
): Promise<readonly Uint8Array[]> {
  const namesOf = ({ commit, offset, size }: (typeof parts)[number]): readonly string[] => {
    const first = Math.floor(offset / bodyBytes)
    const count = size <= 0 ? 0 : Math.floor((offset + size - 1) / bodyBytes) - first + 1
    return Array.from({ length: count }, (_, i) => key.bodies(commit, first + i))
  }
  const found = await rows.get(view, parts.flatMap(namesOf))
  return parts.map((part) => {
    const start = part.offset % bodyBytes
    const pieces = namesOf(part).flatMap((name) => {
      const row = found.get(name)
      return row === undefined ? [] : [bytesIn(row, 'bodies')]
    })
    return concat(...pieces).slice(start, start + Math.max(0, part.size))
  })
}

/** The rows of documents with their heads whole. */
export async function wholeDocuments(rows: Rows, view: View, found: readonly Found[]): Promise<readonly DocumentRow[]> {
  return Promise.all(
    found.map(async ([name, row]) => decode.documentOf([name, await wholeRow(rows, view, name, row, 'state')])),
  )
}

export async function readDocuments(
  rows: Rows,
  view: View,
  nos: readonly number[],
): Promise<readonly (DocumentRow | null)[]> {
  const found = await wholeDocuments(rows, view, [...(await rows.get(view, nos.map(key.document)))])
  const byNo = new Map(found.map((row) => [row.no, row]))
  return nos.map((no) => {
    const row = byNo.get(no)
    // One that is asked for twice is answered twice.
    return row === undefined ? null : { ...row, tag: row.tag.slice() }
  })
}

/** The documents with these tags; null where there is none. */
export async function readTagged(
  rows: Rows,
  view: View,
  wanted: readonly Uint8Array[],
  known: Tags,
): Promise<readonly (DocumentRow | null)[]> {
  const { turn } = known
  const tags = wanted.map(bytesKey)
  const isOpen = (tag: string): boolean => !known.isNew(tag) && typeof known.owner(tag) !== 'number'
  const found = await rows.get(
    view,
    tags.filter(isOpen).map((tag) => `t${tag}`),
  )
  const owners = tags.map((tag) => {
    if (known.isNew(tag)) return null
    const row = found.get(`t${tag}`)
    if (row !== undefined) return numberIn(row, 'document')
    return known.owner(tag) ?? null
  })
  for (const [i, tag] of tags.entries()) if (isOpen(tag)) known.learn(turn, tag, owners[i] ?? null)
  const documents = await readDocuments(
    rows,
    view,
    owners.filter((no) => no !== null),
  )
  let next = 0
  const all = owners.map((no) => (no === null ? null : (documents[next++] ?? null)))
  // A write under way may give a tag to another document: what is known is of then, what is read is of now.
  const isSure = all.every((row, i) => owners[i] === null || (row !== null && bytesKey(row.tag) === tags[i]))
  return isSure ? all : readByRows(rows, view, tags)
}

async function readByRows(rows: Rows, view: View, tags: readonly string[]): Promise<readonly (DocumentRow | null)[]> {
  const found = await rows.get(
    view,
    tags.map((tag) => `t${tag}`),
  )
  const owners = tags.map((tag) => {
    const row = found.get(`t${tag}`)
    return row === undefined ? null : numberIn(row, 'document')
  })
  const documents = await readDocuments(
    rows,
    view,
    owners.filter((no) => no !== null),
  )
  let next = 0
  return owners.map((no) => (no === null ? null : (documents[next++] ?? null)))
}

/** Numbers of a collection's documents above `after`. */
export function documentRange(collection: number, after: number): Range {
  const first = Math.max(after + 1, firstDocument(collection))
  return { from: key.document(first), to: key.document(firstDocument(collection + 1)) }
}

/** Looks at a bounded number of documents. */
export async function readFiltered<Result>(
  rows: Rows,
  view: View,
  { collection, after, limit, where }: FilteredScan,
  made: (row: DocumentRow, fields: readonly JsonValue[]) => Result,
): Promise<FilteredPage<Result>> {
  const all = await wholeDocuments(rows, view, await rows.range(view, documentRange(collection, after), examined))
  const found: Result[] = []
  for (const row of all) {
    const fields = row.state === null ? null : headFields(row.state)
    if (fields === null || !whereHolds(where, fields)) continue
    if (found.length >= limit) return { rows: found, next: row.no - 1 }
    found.push(made(row, fields))
  }
  return { rows: found, next: all.length < examined ? null : (all.at(-1)?.no ?? null) }
}

export function valuesAt(fields: readonly JsonValue[], places: readonly Place[]): DocumentValues['values'] {
  return places.map((place) => valueAt(fields, place))
}

export async function readIndex(rows: Rows, view: View, scan: IndexScan): Promise<readonly IndexHit[]> {
  const { found, documents: joined } = await rows.indexRange(view, indexRange(scan), scan.limit, scan.reverse)
  const names = found.map(([, row]) => key.document(numberIn(row, 'document')))
  const documents = new Map<string, Row>()
  for (const [name, row] of await rows.get(view, names, joined))
    documents.set(name, await wholeRow(rows, view, name, row, 'state'))
  return found.map(([name, row], i) => {
    const reader = new KeyReader(name)
    reader.number()
    const document = documents.get(names[i] ?? '')
    return {
      key: reader.bytes(),
      id: reader.rest(),
      document: numberIn(row, 'document'),
      state: document === undefined ? null : textOrNullIn(document, 'state'),
    }
  })
}

function indexRange({ index, range, reverse, after }: IndexScan): Range {
  const prefix = `i${num(index)}`
  const bounds = {
    from: range.from === null ? prefix : prefix + ended(bytesKey(range.from)),
    to: range.to === null ? beyond(prefix) : prefix + ended(bytesKey(range.to)),
  }
  if (after === null) return bounds
  const last = key.indexRow(index, after.key, after.id)
  if (reverse) return { from: bounds.from, to: last < bounds.to ? last : bounds.to }
  return { from: `${last}\0` > bounds.from ? `${last}\0` : bounds.from, to: bounds.to }
}

/** Trusted time never decreases along the record, which makes an index on it unnecessary. */
export async function readRecordAt(rows: Rows, view: View, at: number): Promise<number | null> {
  const below = async (record: number): Promise<{ readonly record: number; readonly at: number } | null> => {
    const [found] = await rows.range(view, { from: 'r', to: `r${from(record + 1)}` }, 1, true)
    return found === undefined ? null : { record: decode.numberOf(found[0]), at: numberIn(found[1], 'at') }
  }
  const last = await below(Number.MAX_SAFE_INTEGER - 1)
  if (last === null || last.at <= at) return last?.record ?? null
  let low = -1
  let high = last.record - 1
  let known: number | null = null
  while (low < high) {
    const step = Math.max(1, Math.ceil((high - low) / probes))
    const places: number[] = []
    for (let place = low + step; place < high; place += step) places.push(place)
    const found = await Promise.all([...places, high].map(below))
    let next = high
    for (const [i, row] of found.entries()) {
      const place = places[i] ?? high
      if (row === null || row.at <= at) {
        known = row?.record ?? known
        low = place
      } else {
        next = Math.min(place, row.record) - 1
        break
      }
    }
    high = Math.max(low, next)
  }
  return known
}

export async function readLocked(
  rows: Rows,
  view: View,
  name: string,
  after: number,
  limit: number,
): Promise<readonly number[]> {
  const prefix = `k${ended(textKey(name))}`
  const found = await rows.range(view, { from: prefix + from(after + 1), to: beyond(prefix) }, limit)
  return found.map(([locked]) => {
    const reader = new KeyReader(locked)
    reader.latin()
    return reader.number()
  })
}

/** Text of a key without its table. */
export function nameOf(valueKey: string): string {
  return fromUtf8(Buffer.from(valueKey.slice(1), 'latin1'))
}
