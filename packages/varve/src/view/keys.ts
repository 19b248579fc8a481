/** Keys of rows as text: marks that applications hold and hand back. */

import { isJsonArray, toJson, type JsonValue } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Step } from './category.ts'
import type { Mark } from './trail.ts'

export function encodeMark({ path, place }: Mark): string {
  const steps = path.flatMap(({ column, value }) => [column, value])
  return JSON.stringify(place === null ? [steps] : [steps, place.sort, place.source, place.id])
}

/** Throws `INVALID` for text that is no key of a row. */
export function decodeMark(key: unknown): Mark {
  if (typeof key !== 'string' || key.length > limits.viewKeyCharacters) return refuse(null)
  const [steps, sort, source, id] = listOf(parsed(key))
  const flat = listOf(steps)
  const path: Step[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [column, value] = [flat[i], flat[i + 1]]
    if (typeof column !== 'number' || value === undefined) return refuse(null)
    path.push({ column, value })
  }
  if (sort === undefined) return { path, place: null }
  if (typeof source !== 'number' || typeof id !== 'string') return refuse(null)
  return { path, place: { sort: listOf(sort), source, id } }
}

function parsed(key: string): JsonValue {
  try {
    return toJson(JSON.parse(key), 'key', 'refuse', 1)
  } catch (cause) {
    return refuse(cause)
  }
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return isJsonArray(value) ? value : refuse(null)
}

function refuse(cause: unknown): never {
  throw new VarveError('INVALID', 'This is not the key of a row: take it from a row of this view', { cause })
}
