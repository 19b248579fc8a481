/** What the engine answers, in the words of the model. */

import type { Json, JsonMap, ModelDoc } from '@varve/testkit'
import type { Doc } from 'varve'

/** What both sides must agree on in the answer to a write. */
export function answer(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(answer)
  if (typeof result !== 'object' || result === null || !('changed' in result)) return result
  const { id, ov, cv, changed } = Object.fromEntries(Object.entries(result))
  return { id, ov, cv, changed }
}

/** The attributes of a document. */
export function dataOf(doc: object): JsonMap {
  const { id: _, _system, ...data } = Object.fromEntries<Json>(Object.entries(doc))
  return data
}

/** A document as the model shows it. */
export function plain(doc: Doc<JsonMap> | null): ModelDoc | null {
  if (doc === null) return null
  const { _system: system } = doc
  const { ov, cv, deleted, createdBy, updatedBy, functionIds } = system
  return {
    id: doc.id,
    data: dataOf(doc),
    ov,
    cv,
    deleted,
    insertedAt: Date.parse(system.insertedAt),
    updatedAt: Date.parse(system.updatedAt),
    deletedAt: system.deletedAt === null ? null : Date.parse(system.deletedAt),
    createdBy,
    updatedBy,
    functionIds: [...functionIds],
  }
}

/** MongoDB's order of scalars: null and missing, numbers, strings, booleans. */
export function compareScalars(a: Json | undefined, b: Json | undefined): number {
  const rank = (value: Json | undefined): number =>
    ['object', 'undefined', 'number', 'string', 'boolean'].indexOf(typeof (value ?? undefined))
  if (rank(a) !== rank(b)) return rank(a) - rank(b)
  if (a === b || a === undefined || b === undefined || a === null || b === null) return 0
  return a < b ? -1 : 1
}
