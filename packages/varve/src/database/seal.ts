/** Which attributes a collection seals: the rules it was declared with, and what its documents hold already. */

import { checkPath, type Path } from '../document/operation.ts'
import { isSealed, sealedKey, type Sealed } from '../document/sealed.ts'
import type { Head } from '../document/head.ts'
import { isJsonObject, type JsonObject } from '../encoding/json.ts'
import { joinPath, splitPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { Mode } from '../log/database-id.ts'
import type { SealKey } from '../replica/context.ts'
import { anywhere } from '../replica/sealed.ts'
import { noSeal, type SealRule, type Space } from './space.ts'

/** A path at which nothing may stand in the clear. */
export interface SealedPath {
  readonly path: Path
  /** What stands there sealed without a rule of this device; null where a rule holds. */
  readonly found: Sealed | null
}

/**
 * The rule with what another declaration adds: nothing takes a path away, and the key given last holds. Without effect in
 * a sealed database, where everything is sealed under the collection's key anyway. Throws `INVALID`, `RESERVED_NAME` or
 * `TOO_LARGE`.
 */
export function declaredSeal(known: SealRule, { seal = [], key = known.key }: Declared, mode: Mode): SealRule {
  if (!Array.isArray(seal)) throw new VarveError('INVALID', '"seal" must be a list of dotted paths')
  const paths = outermost([...known.paths, ...seal.map(parsePath)], (path) => path)
  assertLimit(paths.length, limits.sealedPaths, 'The number of sealed paths of one collection')
  return mode === 'sealed' ? noSeal : { paths, key }
}

interface Declared {
  readonly seal?: readonly string[]
  readonly key?: string | null
}

function parsePath(text: unknown): Path {
  if (typeof text !== 'string') throw new VarveError('INVALID', '"seal" must be a list of dotted paths')
  const path = splitPath(text)
  checkPath(path)
  if (path[0] === 'id')
    throw new VarveError('INVALID', 'The id of a document cannot be sealed: it names the document', {
      details: { path: text },
    })
  return path
}

/** Those that are inside no other, each path once: the first of them. */
function outermost<T>(items: readonly T[], pathOf: (item: T) => Path): readonly T[] {
  return items.filter((item, i) =>
    items.every((other, j) => {
      const [path, outer] = [pathOf(item), pathOf(other)]
      return i === j || !startsWith(path, outer) || (path.length === outer.length && i < j)
    }),
  )
}

/** What must be sealed in a document: by rule, and because it is sealed already, whoever made the rule. */
export function sealedPathsOf(space: Space, head: Head): readonly SealedPath[] {
  const rules = space.rules.seal().paths.map((path) => ({ path, found: null }))
  if (head.state.sealed !== true) return rules
  return outermost<SealedPath>([...rules, ...sealedAttributes(head.state.data, [])], ({ path }) => path)
}

/** Sealed values that are attributes: those in arrays are replaced with the array. */
function sealedAttributes(object: JsonObject, path: Path): readonly SealedPath[] {
  return Object.entries(object).flatMap(([name, value]): readonly SealedPath[] => {
    if (isSealed(value)) return [{ path: [...path, name], found: value }]
    return isJsonObject(value) ? sealedAttributes(value, [...path, name]) : []
  })
}

/** The key version that seals a path now: of the rule's key, or of the key of what stands there. Throws `KEY_MISSING`. */
export function sealingKeyOf({ replica, rules }: Space, { path, found }: SealedPath): SealKey {
  const { keys, defaultKey } = replica.context
  const old = found === null ? null : keys.byId(sealedKey(found))
  const name = found === null ? (rules.seal().key ?? defaultKey) : (old?.name ?? sealedKey(found))
  const key = found === null || old !== null ? keys.current(name) : null
  if (key === null) throw keyMissing(path, name)
  return key
}

/** The error of whoever needs what is sealed at a path, of all documents or of this one. */
export function keyMissing(path: Path, key: string, id?: string): VarveError {
  const at = joinPath(path)
  const of = id === undefined ? '' : ` of "${id}"`
  return new VarveError('KEY_MISSING', `"${at}"${of} is sealed under the key "${key}", which is not held: import it`, {
    details: { path: at, key, ...(id === undefined ? {} : { id }) },
  })
}

/** Dotted paths at which documents of this collection may hold sealed values, as far as this device knows. */
export function knownSealed(space: Space): readonly string[] {
  const seen = space.replica.collection(space.tag)?.sealed ?? []
  const { paths } = space.rules.seal()
  return paths.length === 0 ? seen : [...paths.map(joinPath), ...seen]
}

/** True when a value at one of these dotted paths lies at, in or around one that may be sealed. */
export function touchesSealed(paths: readonly string[], sealed: readonly string[]): boolean {
  return sealed.some((each) => each === anywhere || paths.some((path) => overlaps(path, each)))
}

/** Escaped dots stay apart, because what they are part of is compared whole. */
function overlaps(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`)
}

export function startsWith(path: Path, prefix: Path): boolean {
  return prefix.length <= path.length && prefix.every((segment, i) => path[i] === segment)
}
