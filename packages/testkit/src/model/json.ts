/** Plain JSON for the model: values that are copied before every change, and read and written by path. */

import { isDeepStrictEqual } from 'node:util'

export type Json = null | boolean | number | string | Json[] | JsonMap
export interface JsonMap {
  [name: string]: Json
}

export function isMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Equal in content; the order of attributes does not matter. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  return isDeepStrictEqual(a, b)
}

function position(segment: string): number | null {
  return /^(0|[1-9][0-9]{0,8})$/.test(segment) ? Number(segment) : null
}

/** The value at a path; undefined where there is none. */
export function read(root: Json | undefined, path: readonly string[]): Json | undefined {
  const [name, ...rest] = path
  if (name === undefined) return root
  if (Array.isArray(root)) {
    const at = position(name)
    return at === null ? undefined : read(root[at], rest)
  }
  return isMap(root) && Object.hasOwn(root, name) ? read(root[name], rest) : undefined
}

/** A copy of `root` with the value at a path replaced; undefined removes it, and leaves null in an array. */
export function write(root: JsonMap, path: readonly string[], value: Json | undefined): JsonMap {
  const copy = structuredClone(root)
  writeInside(copy, path, value)
  return copy
}

function writeInside(inside: JsonMap | Json[], path: readonly string[], value: Json | undefined): void {
  const [name, ...rest] = path
  if (name === undefined) return
  if (Array.isArray(inside)) {
    const at = position(name)
    if (at === null || at > inside.length + 1024) return
    while (inside.length < at) inside.push(null)
    inside[at] = rest.length === 0 ? (value ?? null) : container(inside[at], rest, value)
  } else if (rest.length > 0) inside[name] = container(inside[name], rest, value)
  else if (value === undefined) delete inside[name]
  else inside[name] = structuredClone(value)
}

/** What stood there, or an object in its place, with the value written inside. */
function container(before: Json | undefined, rest: readonly string[], value: Json | undefined): Json {
  const inside = Array.isArray(before) || isMap(before) ? before : {}
  writeInside(inside, rest, value)
  return inside
}
