/** Reading patches: attributes by path, or MongoDB's update operators, as operations. */

import { isObject, toJson, isJsonArray, isJsonObject, type JsonValue, type JsonObject } from '../encoding/json.ts'
import { joinPath, splitPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { checkPath, type Operation, type Path } from '../document/operation.ts'
import { valueAt } from '../document/tree.ts'
import { matchElements } from './pull.ts'

const operators = ['$set', '$unset', '$inc', '$push', '$addToSet', '$pull'] as const
type Operator = (typeof operators)[number]

/** A patch as pairs of operator and path; throws `INVALID` or `RESERVED_NAME` naming the place. */
export type ParsedPatch = readonly { readonly operator: Operator; readonly path: Path; readonly value: unknown }[]

export function parsePatch(patch: unknown): ParsedPatch {
  if (!isObject(patch)) throw new VarveError('INVALID', 'A patch must be an object of paths or of update operators')
  const names = Object.keys(patch)
  const withOperators = names.filter((name) => name.startsWith('$')).length
  if (withOperators === 0) return parsePaths('$set', patch)
  if (withOperators < names.length) {
    throw new VarveError('INVALID', 'A patch has either paths or update operators, not both: put the paths under $set')
  }
  return names.flatMap((name) => {
    const operator = operators.find((known) => known === name)
    if (operator === undefined)
      throw new VarveError('INVALID', `"${name}" is not an update operator: ${operators.join(', ')} are`)
    const paths = patch[name]
    if (!isObject(paths)) throw new VarveError('INVALID', `"${name}" needs an object of paths`)
    return parsePaths(operator, paths)
  })
}

function parsePaths(operator: Operator, paths: Readonly<Record<string, unknown>>): ParsedPatch {
  return Object.entries(paths).map(([text, value]) => {
    const path = splitPath(text)
    checkPath(path)
    if (path[0] === 'id')
      throw new VarveError('INVALID', 'The id of a document cannot be changed: create another document')
    return { operator, path, value }
  })
}

/** The operations of a patch on this document; throws `INVALID` where an operator does not fit the value there. */
export function patchOperations(patch: ParsedPatch, data: JsonObject): readonly Operation[] {
  return patch.map(({ operator, path, value }) => {
    const before = valueAt(data, path)
    checkWay(data, path)
    switch (operator) {
      case '$set':
        return { op: 'set', path, value: toJson(value, joinPath(path), 'refuse', path.length) }
      case '$unset':
        return { op: 'unset', path }
      case '$inc':
        if (typeof value !== 'number' || !Number.isFinite(value)) throw misfit('$inc', path, 'needs a finite number')
        if (before !== undefined && typeof before !== 'number')
          throw misfit('$inc', path, 'meets a value that is not a number')
        return { op: 'inc', path, by: value }
      case '$push':
      case '$addToSet':
        if (before !== undefined && !isJsonArray(before))
          throw misfit(operator, path, 'meets a value that is not an array')
        return { op: operator === '$push' ? 'push' : 'addToSet', path, values: eachOf(value, path) }
      case '$pull':
        if (before !== undefined && !isJsonArray(before))
          throw misfit('$pull', path, 'meets a value that is not an array')
        return { op: 'pull', path, values: matchElements(before ?? [], value, joinPath(path)) }
    }
  })
}

/** An attribute inside a value that is not an object has no place; the whole value must be set. */
function checkWay(data: JsonObject, path: Path): void {
  for (let length = 1; length < path.length; length++) {
    const value = valueAt(data, path.slice(0, length))
    if (value === undefined) return
    if (!isJsonObject(value) && !isJsonArray(value)) {
      throw misfit(
        'The patch',
        path,
        `goes through "${joinPath(path.slice(0, length))}", which is not an object: set that as a whole`,
      )
    }
  }
}

function eachOf(value: unknown, path: Path): readonly JsonValue[] {
  if (isObject(value) && '$each' in value) {
    const each = toJson(value['$each'], joinPath(path), 'refuse', path.length)
    if (!isJsonArray(each)) throw misfit('$each', path, 'needs an array')
    return each
  }
  return [toJson(value, joinPath(path), 'refuse', path.length)]
}

function misfit(operator: string, path: Path, why: string): VarveError {
  return new VarveError('INVALID', `${operator} at "${joinPath(path)}" ${why}`, { details: { path: joinPath(path) } })
}
