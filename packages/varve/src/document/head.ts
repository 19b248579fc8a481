/** The head of a document as stored: its folded state with versions and times, one JSON text per document. */

import { isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { joinPath } from '../encoding/path.ts'
import { parseStamp, zeroStamp, type Stamp } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import { absentState, type DocumentState, type Status } from './fold.ts'
import type { Lineage } from './operation.ts'
import { decodeTexts, encodeTexts, markTexts } from './head-texts.ts'
import { replaceSealed, sealedMark } from './sealed.ts'

/** Position of an entry in time order: its commit's stamp, ties broken by the feed's id. */
export interface Order {
  readonly stamp: Stamp
  /** Local number of the feed; compared through the feed's id. */
  readonly feed: number
}

export interface Head {
  readonly state: DocumentState
  /** Accepted entries so far; version numbers are 0 … recorded − 1. */
  readonly recorded: number
  /** Entries not yet recorded, on top of those. */
  readonly pending: number
  readonly cv: number
  /** Unix milliseconds: of the first and the last version, and of the delete in force. */
  readonly insertedAt: number
  readonly updatedAt: number
  readonly deletedAt: number | null
  /** Named key of the document when it is not the database's own. */
  readonly key: string | null
  /** Order of the last folded entry. */
  readonly order: Order
  /** Dotted paths of sealed values that were taken out for readers who cannot open them; never stored. */
  readonly hidden?: readonly string[]
}

export const noOrder: Order = { stamp: zeroStamp, feed: 0 }

/** A document of which nothing is known yet. */
export const absentHead: Head = {
  state: absentState,
  recorded: 0,
  pending: 0,
  cv: 0,
  insertedAt: 0,
  updatedAt: 0,
  deletedAt: null,
  key: null,
  order: noOrder,
}

/** The version a reader sees: recorded and pending entries together, counted from 0. */
export function headOv(head: Head): number {
  return head.recorded + head.pending - 1
}

/** `_system` of a document, as readers see it. Times are ISO 8601 in UTC. */
// A type alias, because an interface has no implicit index signature and so is no JSON object.
export type System = {
  readonly ov: number
  readonly cv: number
  readonly insertedAt: string
  readonly updatedAt: string
  readonly deletedAt: string | null
  readonly deleted: boolean
  readonly functionIds: readonly string[]
  readonly parentId: string | null
  readonly parentCollection: string | null
  readonly originId: string | null
  readonly originCollection: string | null
  readonly createdBy: string | null
  readonly updatedBy: string | null
  /** True while this version has changes the recorder has not confirmed. */
  readonly pending: boolean
  /** Dotted paths of attributes that are there and cannot be opened here; absent when there is none. */
  readonly sealed?: readonly string[]
}

/** A document as read: its attributes, its id and `_system`. */
export type Doc<T = JsonObject> = T & { readonly id: string; readonly _system: System }

/** The document of a head as a plain JSON object; without the values that are still sealed in it. */
export function documentOf(head: Head): JsonObject {
  if (head.state.sealed === true) return documentOf(withoutSealed(head))
  const { state } = head
  return { ...state.data, id: state.id, _system: { ...systemOf(head) } }
}

/** Like `documentOf`, of a head that nobody else holds: its data become the document, which costs half as much. */
export function ownDocument(head: Head): JsonObject {
  if (head.state.sealed === true) return documentOf(head)
  return Object.assign(head.state.data, { id: head.state.id, _system: { ...systemOf(head) } })
}

/** The head as somebody without keys sees it. */
export function withoutSealed(head: Head): Head {
  return showSealed(head, () => undefined)
}

/** The head with its sealed values opened by `open`; those for which it gives undefined are taken out and named. */
export function showSealed(head: Head, open: Parameters<typeof replaceSealed>[1]): Head {
  const hidden: string[] = []
  const data = replaceSealed(head.state.data, (value, path) => {
    const opened = open(value, path)
    if (opened === undefined) hidden.push(joinPath(path))
    return opened
  })
  const { sealed: _, ...state } = head.state
  return { ...head, state: { ...state, data }, ...(hidden.length === 0 ? {} : { hidden: hidden.toSorted() }) }
}

export function systemOf(head: Head): System {
  const { state } = head
  return {
    ov: headOv(head),
    cv: head.cv,
    insertedAt: isoTime(head.insertedAt),
    updatedAt: isoTime(head.updatedAt),
    deletedAt: head.deletedAt === null ? null : isoTime(head.deletedAt),
    deleted: state.status === 'deleted',
    functionIds: state.functionIds,
    parentId: state.lineage?.parentId ?? null,
    parentCollection: state.lineage?.parentCollection ?? null,
    originId: state.lineage?.originId ?? null,
    originCollection: state.lineage?.originCollection ?? null,
    createdBy: state.createdBy,
    updatedBy: state.updatedBy,
    pending: head.pending > 0,
    ...(head.hidden === undefined ? {} : { sealed: head.hidden }),
  }
}

const statuses: readonly Status[] = ['absent', 'live', 'deleted']

/** Numbers of fields of an encoded head, for conditions that a store looks at. */
export const headField = { status: 0, id: 1, recorded: 2, pending: 3, data: 15 } as const

/** How an encoded head says this status. */
export function statusNumber(status: Status): number {
  return statuses.indexOf(status)
}

/** Compact: an array, because a million documents would repeat the names a million times. */
export function encodeHead(head: Head): string {
  const { state } = head
  const lineage = state.lineage
  return JSON.stringify([
    statuses.indexOf(state.status),
    state.id,
    head.recorded,
    head.pending,
    head.cv,
    head.insertedAt,
    head.updatedAt === head.insertedAt ? 0 : head.updatedAt,
    head.deletedAt ?? 0,
    state.createdBy,
    state.updatedBy === state.createdBy ? 0 : state.updatedBy,
    head.order.stamp,
    head.order.feed,
    head.key ?? 0,
    lineage === null ? 0 : [lineage.parentId, lineage.parentCollection, lineage.originId, lineage.originCollection],
    state.functionIds.length === 0 ? 0 : state.functionIds,
    state.data,
    ...(state.texts === undefined ? [] : [encodeTexts(state.texts)]),
  ])
}

/** The same without the bytes of texts, which tell one state in many ways: heads that say the same have equal marks. */
export function markOfHead(head: Head): string {
  const { texts: kept, ...state } = head.state
  return kept === undefined ? encodeHead(head) : JSON.stringify([encodeHead({ ...head, state }), markTexts(kept)])
}

/** Reads a stored head; throws `TAMPERED` for text this Varve did not write. */
export function decodeHead(text: string): Head {
  try {
    return readHead(JSON.parse(text), text.includes(sealedMark))
  } catch (cause) {
    throw new VarveError('TAMPERED', 'A stored head cannot be read: run verify, and rebuild the replica from its log', {
      cause,
    })
  }
}

function readHead(fields: unknown, sealed: boolean): Head {
  if (!Array.isArray(fields) || (fields.length !== 16 && fields.length !== 17))
    throw new VarveError('INVALID', 'A head has 16 or 17 fields')
  const list: readonly JsonValue[] = fields
  const insertedAt = count(list[5])
  const createdBy = textOrZero(list[8])
  const data = list[15]
  const status = statuses[count(list[0])]
  if (status === undefined || !isJsonObject(data)) throw new VarveError('INVALID', 'A head has a status and data')
  return {
    state: {
      status,
      id: textOrZero(list[1]) ?? '',
      data,
      lineage: readLineage(list[13]),
      functionIds: list[14] === 0 ? [] : texts(list[14]).map((text) => text ?? ''),
      createdBy,
      updatedBy: list[9] === 0 ? createdBy : textOrZero(list[9]),
      ...(sealed ? { sealed } : {}),
      ...(list.length > 16 ? { texts: decodeTexts(list[16], data) } : {}),
    },
    recorded: count(list[2]),
    pending: count(list[3]),
    cv: count(list[4]),
    insertedAt,
    updatedAt: list[6] === 0 ? insertedAt : count(list[6]),
    deletedAt: list[7] === 0 ? null : count(list[7]),
    key: textOrZero(list[12]),
    order: { stamp: parseStamp(textOrZero(list[10]) ?? ''), feed: count(list[11]) },
  }
}

function count(value: JsonValue | undefined): number {
  if (typeof value !== 'number') throw new VarveError('INVALID', 'A head has numbers here')
  return value
}

function textOrZero(value: JsonValue | undefined): string | null {
  if (value === null || value === 0) return null
  if (typeof value !== 'string') throw new VarveError('INVALID', 'A head has text here')
  return value
}

function texts(value: JsonValue | undefined): readonly (string | null)[] {
  if (!Array.isArray(value)) throw new VarveError('INVALID', 'A head has a list here')
  const list: readonly JsonValue[] = value
  return list.map(textOrZero)
}

function readLineage(value: JsonValue | undefined): Lineage | null {
  if (value === 0) return null
  const [parentId, parentCollection, originId, originCollection] = texts(value)
  return {
    parentId: parentId ?? null,
    parentCollection: parentCollection ?? null,
    originId: originId ?? null,
    originCollection: originCollection ?? null,
  }
}

/** Texts of the last times that were asked for: documents of one commit share theirs. */
const isoTexts = new Map<number, string>()
const isoTextsKept = 256

/** ISO 8601 text in UTC of Unix milliseconds. */
export function isoTime(ms: number): string {
  const known = isoTexts.get(ms)
  if (known !== undefined) return known
  if (isoTexts.size >= isoTextsKept) isoTexts.clear()
  const text = new Date(ms).toISOString()
  isoTexts.set(ms, text)
  return text
}

/** Unix milliseconds of an ISO text or a Date; throws `INVALID`. */
export function parseTime(time: string | Date): number {
  const ms = new Date(time).getTime()
  if (Number.isNaN(ms))
    throw new VarveError('INVALID', `"${String(time)}" is not a time: give an ISO 8601 text or a Date`)
  return ms
}
