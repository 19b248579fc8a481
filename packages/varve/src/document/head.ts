/** The head of a document as stored: its folded state with versions and times, one JSON text per document. */

import { isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { parseStamp, zeroStamp, type Stamp } from '../encoding/stamp.ts'
import { VarveError } from '../errors.ts'
import { absentState, type DocumentState, type Status } from './fold.ts'
import type { Lineage } from './operation.ts'

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
}

/** A document as read: its attributes, its id and `_system`. */
export type Doc<T = JsonObject> = T & { readonly id: string; readonly _system: System }

/** The document of a head as a plain JSON object. */
export function documentOf(head: Head): JsonObject {
  const { state } = head
  return { ...state.data, id: state.id, _system: { ...systemOf(head) } }
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
  }
}

const statuses: readonly Status[] = ['absent', 'live', 'deleted']

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
  ])
}

/** Reads a stored head; throws `TAMPERED` for text this Varve did not write. */
export function decodeHead(text: string): Head {
  try {
    return readHead(JSON.parse(text))
  } catch (cause) {
    throw new VarveError('TAMPERED', 'A stored head cannot be read: run verify, and rebuild the replica from its log', {
      cause,
    })
  }
}

function readHead(fields: unknown): Head {
  if (!Array.isArray(fields) || fields.length !== 16) throw new VarveError('INVALID', 'A head has 16 fields')
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

let lastMs = 0
let lastIso = '1970-01-01T00:00:00.000Z'

/** ISO 8601 text in UTC of Unix milliseconds. Documents of one commit share their times: the last text is kept. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastIso = new Date(ms).toISOString()
    lastMs = ms
  }
  return lastIso
}

/** Unix milliseconds of an ISO text or a Date; throws `INVALID`. */
export function parseTime(time: string | Date): number {
  const ms = new Date(time).getTime()
  if (Number.isNaN(ms))
    throw new VarveError('INVALID', `"${String(time)}" is not a time: give an ISO 8601 text or a Date`)
  return ms
}
