/** Queries and sealed attributes: what they ask for must be open here, and no index answers for it. */

import type { Head } from '../document/head.ts'
import { sealedKey, sealedValues } from '../document/sealed.ts'
import { joinPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import type { IndexInfo } from '../query/plan.ts'
import { predicatePaths, type Predicate } from '../query/predicate.ts'
import type { SortOrder } from '../query/sort.ts'
import { keyMissing, knownSealed, sealingKeyOf, touchesSealed } from './seal.ts'
import { shownHead, type SealRule, type Space } from './space.ts'

/** Dotted paths whose values decide what a query gives. */
export function askedPaths(predicate: Predicate, order: SortOrder): readonly string[] {
  return [...new Set([...predicatePaths(predicate), ...order.map(({ segments }) => joinPath(segments))])]
}

/** Throws `KEY_MISSING` when one of these paths is sealed by rule under a key that is not held. */
export function assertOpen(space: Space, asked: readonly string[]): void {
  for (const path of space.rules.seal().paths)
    if (touchesSealed(asked, [joinPath(path)])) sealingKeyOf(space, { path, found: null })
}

/**
 * The head as a query that asks for these paths sees it. Throws `KEY_MISSING` when one of them is sealed in it under a
 * key that is not held: to take it for missing would be a wrong answer.
 */
export function askedHead(space: Space, head: Head, asked: readonly string[]): Head {
  const shown = shownHead(space, head)
  if (shown.hidden === undefined || !touchesSealed(asked, shown.hidden)) return shown
  const { keys } = space.replica.context
  for (const { path, value } of sealedValues(head.state.data)) {
    const key = sealedKey(value)
    if (keys.byId(key) === null && touchesSealed(asked, [joinPath(path)])) throw keyMissing(path, key, head.state.id)
  }
  return shown
}

/** The indexes that hold every document: ready ones on nothing that may be sealed. */
export function usableIndexes(space: Space): readonly IndexInfo[] {
  const sealed = knownSealed(space)
  const indexes = (space.replica.collection(space.tag)?.indexes ?? []).filter(({ ready }) => ready)
  return sealed.length === 0 ? indexes : indexes.filter(({ paths }) => !touchesSealed(paths, sealed))
}

/** Throws `INVALID` when a field to search in is sealed: what is indexed shows what a text contains. */
export function assertSearchable(space: Space, fields: readonly string[]): void {
  const sealed = knownSealed(space)
  const field = fields.find((path) => touchesSealed([path], sealed))
  if (field === undefined) return
  throw new VarveError(
    'INVALID',
    `"${field}" is sealed in "${space.name}" and cannot be searched: leave it out of search`,
    {
      details: { path: field },
    },
  )
}

/** Throws `INVALID` for indexes over what is sealed by rule: their rows would show it. */
export function assertIndexable(collection: string, { paths }: SealRule, indexed: readonly string[]): void {
  const sealed = paths.map(joinPath)
  const path = indexed.find((each) => touchesSealed([each], sealed))
  if (path === undefined) return
  throw new VarveError('INVALID', `"${path}" is sealed in "${collection}" and cannot be indexed: leave the index out`, {
    details: { path },
  })
}
