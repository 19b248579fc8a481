/** Random changes as patches for the engine, and as operations for the model. */

import {
  elementsEqual,
  modelRead,
  ModelRefusal,
  type Change,
  type Json,
  type JsonMap,
  type ModelOperation,
} from '@varve/testkit'

/** The patch as applications write it. */
export function patchOf(change: Change): Record<string, Record<string, Json>> {
  if (change.operator === '$set') return { $set: { ...change.paths } }
  if ('values' in change) return { [change.operator]: { [change.path]: { $each: [...change.values] } } }
  return { [change.operator]: { [change.path]: change.value } }
}

/** The operations of a patch, or the refusal of one that does not fit the document. */
export function operationsOf(change: Change, data: JsonMap): ModelOperation[] {
  if (change.operator === '$set') {
    return Object.entries(change.paths).map(([text, value]) => ({ op: 'set', path: way(text, data), value }))
  }
  const path = way(change.path, data)
  const before = modelRead(data, path)
  switch (change.operator) {
    case '$unset':
      return [{ op: 'unset', path }]
    case '$inc':
      if (before !== undefined && typeof before !== 'number') throw new ModelRefusal('INVALID')
      return [{ op: 'inc', path, by: change.value }]
    case '$pull':
      if (before !== undefined && !Array.isArray(before)) throw new ModelRefusal('INVALID')
      return [{ op: 'pull', path, values: elementsEqual(before, change.value) }]
    case '$push':
    case '$addToSet':
      if (before !== undefined && !Array.isArray(before)) throw new ModelRefusal('INVALID')
      return [{ op: change.operator === '$push' ? 'push' : 'addToSet', path, values: change.values }]
  }
}

/** The segments of a path that leads through objects and arrays only. */
function way(text: string, data: JsonMap): readonly string[] {
  const path = text.split('.')
  for (let length = 1; length < path.length; length++) {
    const value = modelRead(data, path.slice(0, length))
    if (value === undefined) break
    if (typeof value !== 'object' || value === null) throw new ModelRefusal('INVALID')
  }
  return path
}
