/** A head as a document of an ordinary collection: its attributes, `_system`, and what its indexes look at. */

import { documentOf, type Head, type JsonObject, type JsonValue } from 'varve/engine'

/** Characters of a document's JSON that surely stay below the 16 MB of MongoDB. */
const mostCharacters = 4 * 1024 * 1024

/** `{ …attributes, _system, metaIndexed }`, without `_id`; one that is too large comes without its attributes. */
export function readable(head: Head, paths: readonly string[]): Record<string, unknown> {
  const { id: _, _system, ...attributes } = documentOf(head)
  if (JSON.stringify(attributes).length > mostCharacters) return { _system, _tooLarge: true }
  const indexed: Record<string, unknown> = {}
  for (const path of paths) {
    const value = pick(attributes, path.split('.'))
    if (value !== undefined) put(indexed, namedFor(path).split('.'), renamed(value))
  }
  const { _id: __, ...document } = renamedObject(attributes)
  return { ...document, _system, ...(paths.length === 0 ? {} : { metaIndexed: indexed }) }
}

/** A dotted path with names that MongoDB takes. */
export function namedFor(path: string): string {
  return path.split('.').map(nameFor).join('.')
}

/** MongoDB reads dots in names as its own and keeps no U+0000; a `$` at their beginning is nothing that Varve keeps. */
function nameFor(name: string): string {
  return name.replaceAll('.', '．').replaceAll('\0', '␀')
}

function renamed(value: JsonValue): unknown {
  if (Array.isArray(value)) {
    const list: readonly JsonValue[] = value
    return list.map(renamed)
  }
  return isObject(value) ? renamedObject(value) : value
}

function renamedObject(value: JsonObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [nameFor(name), renamed(inner)]))
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What stands at a path; through lists, the values of all their items. */
function pick(value: JsonValue, names: readonly string[]): JsonValue | undefined {
  const [name, ...rest] = names
  if (name === undefined) return value
  if (Array.isArray(value)) {
    const list: readonly JsonValue[] = value
    return list.map((item) => pick(item, names)).filter((item) => item !== undefined)
  }
  if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
  const inner = value[name]
  return inner === undefined ? undefined : pick(inner, rest)
}

/** A path below one that holds a value already is left out. */
function put(target: Record<string, unknown>, names: readonly string[], value: unknown): void {
  const [name = '', ...rest] = names
  // Some names mean something to every object.
  if (!Object.hasOwn(target, name)) target[name] = rest.length === 0 ? value : {}
  if (rest.length === 0) return
  const inner = target[name]
  if (isRecord(inner)) put(inner, rest, value)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
