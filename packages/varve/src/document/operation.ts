/** Operations on one document, and their encoded form inside entry bodies. */

import { bytesOf, listOf, textOf, textOrNull, wholeNumber } from '../encoding/decode.ts'
import { checkAttribute, isJsonObject, toJson, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { joinPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { toHex, fromHex } from '../encoding/bytes.ts'
import { limits } from '../limits.ts'
import type { TextId } from '../text/doc.ts'
import { checkUpdate } from '../text/update.ts'
import { fileOf, type FileInfo } from './file.ts'
import { sealedBytes, sealedOf, type Sealed } from './sealed.ts'

/** Attribute names and array positions from the top of the document. */
export type Path = readonly string[]

/** Where a document came from; given once, when it is created. */
export interface Lineage {
  readonly parentId: string | null
  readonly parentCollection: string | null
  readonly originId: string | null
  readonly originCollection: string | null
}

export type Operation =
  /** Create, or set these attributes of a document that exists. */
  | { readonly op: 'put'; readonly data: JsonObject; readonly lineage: Lineage | null }
  | { readonly op: 'set'; readonly path: Path; readonly value: JsonValue }
  | { readonly op: 'unset'; readonly path: Path }
  | { readonly op: 'inc'; readonly path: Path; readonly by: number }
  | { readonly op: 'push' | 'addToSet' | 'pull'; readonly path: Path; readonly values: readonly JsonValue[] }
  /** Deep merge with array union; `functionId` is gathered into the document's provenance. */
  | { readonly op: 'merge'; readonly part: JsonObject; readonly functionId: string | null }
  | { readonly op: 'delete' }
  | { readonly op: 'restore' }
  /** A sealed value at a path, whatever stood there. */
  | { readonly op: 'seal'; readonly path: Path; readonly value: Sealed }
  /** An attachment at a path: what documents show of it, and the list of its chunks. */
  | { readonly op: 'file'; readonly path: Path; readonly value: FileInfo; readonly manifest: Uint8Array }
  /** An edit of the text at a path, as a Yjs update that `checkUpdate` has passed. */
  | { readonly op: 'text'; readonly path: Path; readonly id: TextId; readonly update: Uint8Array }

const codes = [
  'put',
  'set',
  'unset',
  'inc',
  'push',
  'addToSet',
  'pull',
  'merge',
  'delete',
  'restore',
  'seal',
  'file',
  'text',
] as const

/** The CBOR-ready form: an array beginning with the position of the operation in `codes`. */
export function encodeOperation(operation: Operation): readonly unknown[] {
  const code = codes.indexOf(operation.op)
  switch (operation.op) {
    case 'put': {
      const lineage = operation.lineage
      const [names, values] = [Object.keys(operation.data), Object.values(operation.data)]
      if (lineage === null) return [code, names, values]
      return [
        code,
        names,
        values,
        [lineage.parentId, lineage.parentCollection, lineage.originId, lineage.originCollection],
      ]
    }
    case 'set':
      return [code, operation.path, operation.value]
    case 'unset':
      return [code, operation.path]
    case 'inc':
      return [code, operation.path, operation.by]
    case 'push':
    case 'addToSet':
    case 'pull':
      return [code, operation.path, operation.values]
    case 'merge':
      return [code, operation.part, operation.functionId]
    case 'delete':
    case 'restore':
      return [code]
    case 'seal':
      return [code, operation.path, sealedBytes(operation.value)]
    case 'file':
      return [code, operation.path, operation.value.name, operation.value.type, operation.manifest]
    case 'text':
      return [code, operation.path, fromHex(operation.id), operation.update]
  }
}

/** Reads what a peer or the store gave; throws `INVALID`, `RESERVED_NAME`, `TOO_LARGE` or `UNSUPPORTED_VERSION`. */
export function decodeOperation(value: unknown): Operation {
  const fields = listOf(value, 'an operation')
  const code = wholeNumber(fields[0], 'the code of an operation')
  const op = codes[code]
  if (op === undefined) {
    throw new VarveError('UNSUPPORTED_VERSION', `The operation ${code} is not known to this Varve: update Varve`)
  }
  switch (op) {
    case 'put':
      return { op, data: decodeAttributes(fields[1], fields[2]), lineage: decodeLineage(fields[3]) }
    case 'set': {
      const path = decodePath(fields[1])
      return { op, path, value: decodeValue(fields[2], path) }
    }
    case 'unset':
      return { op, path: decodePath(fields[1]) }
    case 'inc':
      return { op, path: decodePath(fields[1]), by: decodeNumber(fields[2]) }
    case 'push':
    case 'addToSet':
    case 'pull': {
      const path = decodePath(fields[1])
      return { op, path, values: listOf(fields[2], 'the values').map((inner) => decodeValue(inner, path)) }
    }
    case 'merge':
      return { op, part: decodeObject(fields[1]), functionId: textOrNull(fields[2], 'the function id') }
    case 'delete':
    case 'restore':
      return { op }
    case 'seal':
      return { op, path: decodePath(fields[1]), value: sealedOf(bytesOf(fields[2], null, 'the sealed value')) }
    case 'file':
      return decodeFile(fields)
    case 'text': {
      const update = bytesOf(fields[3], null, 'the change of a text')
      checkUpdate(update)
      return { op, path: decodePath(fields[1]), id: toHex(bytesOf(fields[2], 16, 'the id of a text')), update }
    }
  }
}

function decodeFile([, at, name, type, chunks]: readonly unknown[]): Operation {
  const path = decodePath(at)
  const manifest = bytesOf(chunks, null, 'the list of chunks')
  const value = fileOf(textOf(name, 'the name of the file'), textOf(type, 'its type'), manifest)
  decodeValue(value, path)
  return { op: 'file', path, value, manifest }
}

/** The attributes of a `put` are two lists, so that they keep their order and cost no map. */
function decodeAttributes(names: unknown, values: unknown): JsonObject {
  const list = listOf(values, 'the values of the attributes')
  const data: Record<string, JsonValue> = {}
  listOf(names, 'the names of the attributes').forEach((name, i) => {
    const text = textOf(name, 'the name of an attribute')
    checkAttribute(text, '', 0)
    if (Object.hasOwn(data, text))
      throw new VarveError('INVALID', `The attribute "${text}" stands twice in one operation`)
    data[text] = toJson(list[i], text, 'refuse', 1)
  })
  if (Object.keys(data).length !== list.length)
    throw new VarveError('INVALID', 'Names and values of attributes differ in number')
  return data
}

function decodeObject(value: unknown): JsonObject {
  const data = toJson(value, '')
  if (!isJsonObject(data)) throw new VarveError('INVALID', 'An operation should carry an object')
  return data
}

/** A value below a path is as deep as the path is long, and may hold names that are reserved at the top only. */
function decodeValue(value: unknown, path: Path): JsonValue {
  return toJson(value, joinPath(path), 'refuse', path.length)
}

function decodePath(value: unknown): Path {
  const path = listOf(value, 'a path').map((segment) => textOf(segment, 'a path segment'))
  checkPath(path)
  return path
}

/** Refuses empty and too deep paths and reserved names in them. */
export function checkPath(path: Path): void {
  if (path.length === 0 || path.length > limits.documentDepth) {
    throw new VarveError('TOO_LARGE', `A path has ${path.length} segments: 1 to ${limits.documentDepth} are possible`)
  }
  path.forEach((segment, depth) => {
    checkAttribute(segment, path.slice(0, depth).join('.'), depth)
  })
}

function decodeNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new VarveError('INVALID', 'An increment should be a number')
  return value
}

function decodeLineage(value: unknown): Lineage | null {
  if (value === undefined || value === null) return null
  const [parentId, parentCollection, originId, originCollection] = listOf(value, 'the lineage').map((part) =>
    textOrNull(part, 'the lineage'),
  )
  return {
    parentId: parentId ?? null,
    parentCollection: parentCollection ?? null,
    originId: originId ?? null,
    originCollection: originCollection ?? null,
  }
}
