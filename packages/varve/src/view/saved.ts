/** A view as bytes: its documents in buckets, so that saving again writes what changed. */

import { fromUtf8, utf8 } from '../encoding/bytes.ts'
import { toJson, type JsonValue } from '../encoding/json.ts'
import { listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { Placed, Step } from './category.ts'
import type { ParsedView } from './definition.ts'

export const buckets = 256

/** What a saved view must say of itself to be used. */
export interface SavedHead {
  /** The definition as text. */
  readonly definition: string
  /** For each of its databases, where changes were read up to. */
  readonly cursors: readonly string[]
}

const version = 1

/** The bucket of a document: FNV-1a over its source and id. */
export function bucketOf({ source, id }: { readonly source: number; readonly id: string }): number {
  let hash = 0x811c9dc5 ^ source
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % buckets
}

export function encodeSavedHead({ definition, cursors }: SavedHead): Uint8Array {
  return utf8(JSON.stringify([version, definition, cursors]))
}

/** Throws `INVALID`, and `UNSUPPORTED_VERSION` for another format. */
export function decodeSavedHead(bytes: Uint8Array): SavedHead {
  const [format, definition, cursors] = listOf(parse(bytes), 'a saved view')
  if (format !== version)
    throw new VarveError('UNSUPPORTED_VERSION', 'The saved view has another format: it is built anew')
  return {
    definition: textOf(definition, 'the definition of a saved view'),
    cursors: listOf(cursors, 'the cursors of a saved view').map((cursor) => textOf(cursor, 'a cursor')),
  }
}

export function encodeBucket(documents: Iterable<Placed>): Uint8Array {
  const list = Array.from(documents, ({ source, id, sort, values, paths }) => [
    source,
    id,
    sort,
    values,
    paths.map((path) => path.flatMap(({ column, value }) => [column, value])),
  ])
  return utf8(JSON.stringify(list))
}

/** Throws `INVALID` for what this view did not write. */
export function decodeBucket(bytes: Uint8Array, view: ParsedView): readonly Placed[] {
  return listOf(parse(bytes), 'a part of a saved view').map((item) => decodePlaced(listOf(item, 'a document'), view))
}

function decodePlaced([source, id, sort, values, paths]: readonly unknown[], view: ParsedView): Placed {
  const no = wholeNumber(source, 'the number of a source')
  if (view.sources[no] === undefined) throw new VarveError('INVALID', 'A saved view names a source it does not have')
  return {
    source: no,
    id: textOf(id, 'a document id'),
    sort: valuesOf(sort, view.sort.length),
    values: valuesOf(values, view.columns.length),
    paths: listOf(paths, 'the rows of a document').map((path) => decodePath(listOf(path, 'categories'), view)),
  }
}

function decodePath(list: readonly unknown[], view: ParsedView): readonly Step[] {
  const path: Step[] = []
  for (let i = 0; i < list.length; i += 2) {
    const column = wholeNumber(list[i], 'the number of a category')
    if (view.categories[column] === undefined)
      throw new VarveError('INVALID', 'A saved view names a category it does not have')
    path.push({ column, value: valueOf(list[i + 1]) })
  }
  return path
}

function valuesOf(value: unknown, length: number): readonly JsonValue[] {
  const list = listOf(value, 'values of a saved view')
  if (list.length !== length) throw new VarveError('INVALID', 'A saved view has other columns than its definition')
  return list.map(valueOf)
}

function valueOf(value: unknown): JsonValue {
  return typeof value === 'object' && value !== null
    ? toJson(value, 'a value of a saved view', 'refuse', 1)
    : scalar(value)
}

function scalar(value: unknown): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  throw new VarveError('INVALID', 'A saved view lacks a value')
}

function parse(bytes: Uint8Array): unknown {
  assertLimit(bytes.length, limits.savedViewBytes, 'A part of a saved view in bytes')
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw new VarveError('INVALID', 'A saved view cannot be read: it is built anew', { cause })
  }
}
