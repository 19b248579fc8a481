/** Attributes that every document of a collection must have a value for. */

import type { CollectionOptions } from 'varve'
import { VarveError } from 'varve/engine'

/** A schema that whole documents must fit: a value, and not null, at each path. */
export function requiring<T>(collection: string, paths: readonly string[]): CollectionOptions<T>['schema'] & object {
  /** The engine takes objects alone, whatever their type is called. */
  const isDocument = (value: unknown): value is T => typeof value === 'object' && value !== null
  return {
    '~standard': {
      version: 1,
      vendor: 'varve',
      validate: (value) => {
        for (const path of paths) if (isMissing(valueAt(value, path))) throw missing(collection, path)
        return isDocument(value) ? { value } : { issues: [{ message: 'is not an object' }] }
      },
    },
  }
}

/** Throws `INVALID` when a patch or a part to enrich with would take a required value away. */
export function assertKept(collection: string, required: readonly string[], change: unknown): void {
  if (required.length === 0 || typeof change !== 'object' || change === null) return
  for (const [name, value] of Object.entries(change)) {
    if (name === '$unset') for (const path of keys(value)) assertPath(collection, required, path, null)
    else if (name.startsWith('$')) for (const [path, to] of entries(value)) assertPath(collection, required, path, to)
    else assertPath(collection, required, name, value)
  }
}

function assertPath(collection: string, required: readonly string[], path: string, value: unknown): void {
  for (const each of required) {
    if (each === path && isMissing(value)) throw missing(collection, each)
    if (each.startsWith(`${path}.`) && isMissing(value)) throw missing(collection, each)
    if (each.startsWith(`${path}.`) && isNull(valueAt(value, each.slice(path.length + 1))))
      throw missing(collection, each)
  }
}

function missing(collection: string, path: string): VarveError {
  return new VarveError('INVALID', `"${path}" has no value, and documents of "${collection}" need one: give it`, {
    details: { path, collection },
  })
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null
}

function isNull(value: unknown): boolean {
  return value === null
}

function valueAt(value: unknown, path: string): unknown {
  let at = value
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = Object.entries(at).find(([each]) => each === name)?.[1]
  }
  return at
}

function entries(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}

function keys(value: unknown): readonly string[] {
  return entries(value).map(([name]) => name)
}
