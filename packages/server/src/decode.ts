/** Strict reading of JSON objects from outside: unknown names and wrong types are `INVALID` and name the path. */

import { VarveError } from 'varve/engine'

/** Reads one value found at `path`; throws `INVALID` when it is not of its type. */
export type Reader<T> = (value: unknown, path: string) => T

/** The fields of one object, each read once. */
export interface Fields {
  /** The field read by `read`; `INVALID` when it is absent. */
  required<T>(name: string, read: Reader<T>): T
  /** The same; undefined when it is absent. */
  optional<T>(name: string, read: Reader<T>): T | undefined
}

/** The fields of the object at `path`, which may have no others than `names`. */
export function fieldsOf(value: unknown, path: string, names: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return invalid(path, 'an object')
  const fields = new Map<string, unknown>(Object.entries(value))
  for (const name of fields.keys()) {
    if (!names.includes(name)) {
      const at = pathOf(path, name)
      throw new VarveError('INVALID', `"${at}" is not known here: use ${names.join(', ')}`, { details: { path: at } })
    }
  }
  return {
    required: (name, read) => read(fields.get(name), pathOf(path, name)),
    optional: (name, read) => {
      const given = fields.get(name)
      return given === undefined ? undefined : read(given, pathOf(path, name))
    },
  }
}

export const text: Reader<string> = (value, path) =>
  typeof value === 'string' && value !== '' && value.isWellFormed() ? value : invalid(path, 'a text that is not empty')

export const flag: Reader<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : invalid(path, 'true or false')

/** A whole number between `from` and `to`, both included. */
export function whole(from: number, to: number): Reader<number> {
  return (value, path) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= from && value <= to
      ? value
      : invalid(path, `a whole number from ${from} to ${to}`)
}

export function oneOf<T extends string>(...words: readonly T[]): Reader<T> {
  return (value, path) =>
    words.find((word) => word === value) ?? invalid(path, `one of ${words.map((word) => `"${word}"`).join(', ')}`)
}

export function listOf<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((each, i) => read(each, `${path}[${i}]`)) : invalid(path, 'a list')
}

/** A moment in ISO 8601, in UTC with milliseconds, as `Date` writes it; gives Unix milliseconds. */
export const moment: Reader<number> = (value, path) => {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isFinite(ms) && new Date(ms).toISOString() === value
    ? ms
    : invalid(path, 'a time such as "2030-01-31T12:00:00.000Z"')
}

export function invalid(path: string, expected: string): never {
  throw new VarveError('INVALID', `${path === '' ? 'This' : `"${path}"`} should be ${expected}`, { details: { path } })
}

function pathOf(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}
