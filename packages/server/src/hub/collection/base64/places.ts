/** Where properties that are given as base64 stand: in whole documents, in parts of them, and in patches. */

import { VarveError } from 'varve/engine'
import type { Base64Prop } from '../../config/types.ts'
import { isRecord } from '../paths.ts'

/** By their dotted path through objects. */
export type Base64Props = ReadonlyMap<string, Base64Prop>

/** What comes in the place of a value at the path of a property. */
export type Swap = (path: string, prop: Base64Prop, value: unknown) => unknown

/** What is written, with every such value swapped; the same object where there is none. */
export type Swapping<S> = (subject: S, props: Base64Props, swap: Swap) => S

/** In a document or a part of one, or in each of a list of them. */
export function inDocuments<S>(subject: S, props: Base64Props, swap: Swap): S
export function inDocuments(subject: unknown, props: Base64Props, swap: Swap): unknown {
  if (Array.isArray(subject)) return subject.map((each: unknown) => inDocuments(each, props, swap))
  let changed = subject
  for (const [path, prop] of props) changed = swappedAt(changed, path.split('.'), (value) => swap(path, prop, value))
  return changed
}

/** In attributes by their dotted path, or under `$set`. Throws `INVALID` for operators that change lists and numbers. */
export function inPatch<S>(subject: S, props: Base64Props, swap: Swap): S
export function inPatch(subject: unknown, props: Base64Props, swap: Swap): unknown {
  if (!isRecord(subject)) return subject
  const changed = Object.entries(subject).map(([name, value]): [string, unknown] => {
    if (!name.startsWith('$')) return [name, swappedUnder(name, value, props, swap)]
    if (name === '$set') return [name, swappedPaths(value, props, swap)]
    if (name !== '$unset') refuseAny(name, value, props)
    return [name, value]
  })
  return Object.fromEntries(changed)
}

/** A copy with another value at the path; the same object when nothing stands there, or the value stays. */
export function swappedAt<S>(subject: S, path: readonly string[], swap: (value: unknown) => unknown): S
export function swappedAt(
  subject: unknown,
  [name = '', ...rest]: readonly string[],
  swap: (value: unknown) => unknown,
): unknown {
  if (!isRecord(subject) || !Object.hasOwn(subject, name)) return subject
  const before = subject[name]
  const after = rest.length === 0 ? swap(before) : swappedAt(before, rest, swap)
  return after === before ? subject : { ...subject, [name]: after }
}

function swappedPaths(paths: unknown, props: Base64Props, swap: Swap): unknown {
  if (!isRecord(paths)) return paths
  return Object.fromEntries(
    Object.entries(paths).map(([name, value]) => [name, swappedUnder(name, value, props, swap)]),
  )
}

/** The value that is set at `at`, which may be the path of a property or lead to some. */
function swappedUnder(at: string, value: unknown, props: Base64Props, swap: Swap): unknown {
  let changed = value
  for (const [path, prop] of props) {
    if (path === at) changed = swap(path, prop, changed)
    else if (path.startsWith(`${at}.`))
      changed = swappedAt(changed, path.slice(at.length + 1).split('.'), (inner) => swap(path, prop, inner))
  }
  return changed
}

function refuseAny(operator: string, paths: unknown, props: Base64Props): void {
  if (!isRecord(paths)) return
  for (const path of Object.keys(paths))
    if (props.has(path))
      throw new VarveError('INVALID', `"${path}" is given as base64, which ${operator} cannot change: use $set`, {
        details: { path },
      })
}
