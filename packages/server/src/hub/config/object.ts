/** Reading configuration so that every problem is found: objects and lists go on after a bad value, and tell of all at the end. */

import { isVarveError, VarveError } from 'varve/engine'
import type { Reader } from '../../decode.ts'
import { hint } from './hint.ts'

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** `databases.runtime.tenantDatabases[1].dbConnRef` */
  readonly path: string
  /** What is wrong and what to do, without any secret. */
  readonly problem: string
}

/** How each field of `T` is read; one that is absent is read as undefined. */
export type Shape<T> = { readonly [Name in keyof T]-?: Reader<T[Name]> }

/** Gathers what the steps of a reading throw. */
export class Gathered {
  readonly problems: ConfigProblem[] = []

  /** Runs `read`, and keeps what is wrong instead of throwing it; `place` makes a path here of one that the reader tells. */
  attempt(read: () => unknown, path: string, place: (told: string) => string = (told) => told): void {
    try {
      read()
    } catch (error) {
      if (!isVarveError(error)) throw error
      const found = problemsOf(error, path)
      this.problems.push(...found.map((each) => (each.path === path ? each : { ...each, path: place(each.path) })))
    }
  }

  add(path: string, problem: string): void {
    this.problems.push({ path, problem })
  }

  /** Throws `INVALID` with all problems in `details.problems`, when there are any. */
  end(): void {
    const [first] = this.problems
    if (first === undefined) return
    const all = this.problems.map(({ path, problem }) => `"${path}" ${problem}`)
    throw new VarveError('INVALID', `The configuration cannot be used: ${all.join('; ')}`, {
      details: { path: first.path, problems: this.problems },
    })
  }
}

/** The problems of an error thrown while the value at `path` was read. */
function problemsOf(error: VarveError, path: string): readonly ConfigProblem[] {
  const known = listed(error)
  if (known !== null) return known
  const at = error.details?.['path']
  const where = typeof at === 'string' ? at : path
  return [{ path: where, problem: error.message.replace(`"${where}" `, '') }]
}

function listed(error: VarveError): readonly ConfigProblem[] | null {
  const problems: unknown = error.details?.['problems']
  return Array.isArray(problems) ? problems.filter(isProblem) : null
}

function isProblem(value: unknown): value is ConfigProblem {
  return typeof value === 'object' && value !== null && 'path' in value && 'problem' in value
}

/** An object with these fields and no others. */
export function object<T extends object>(shape: Shape<T>): Reader<T> {
  return (value, path) => {
    const given = entriesOf(value, path)
    const gathered = new Gathered()
    const made: Partial<T> = {}
    for (const name in shape) {
      const at = pathOf(path, name)
      const read = shape[name]
      gathered.attempt(() => {
        made[name] = given.has(name) ? read(given.get(name), at) : absent(read, at)
      }, at)
    }
    for (const name of given.keys())
      if (!Object.hasOwn(shape, name))
        gathered.add(pathOf(path, name), `is not known here: ${hint(name, Object.keys(shape))}`)
    gathered.end()
    return isWhole(made) ? made : fail(path, 'should be an object')
  }
}

/** A field that is not there: its default, or that it is missing. */
function absent<T>(read: Reader<T>, path: string): T {
  try {
    return read(undefined, path)
  } catch (error) {
    const [first] = isVarveError(error) ? problemsOf(error, path) : []
    if (first === undefined || first.path !== path || first.problem.startsWith('is missing')) throw error
    return fail(path, `is missing: it ${first.problem}`)
  }
}

/** Every field was read, or `end` has thrown. */
function isWhole<T>(made: Partial<T>): made is T {
  return Object.keys(made).length >= 0
}

/** A list, each element read with its index in the path. */
export function list<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) return fail(path, 'should be a list')
    const gathered = new Gathered()
    const made: T[] = []
    for (const [i, each] of value.entries()) {
      const at = `${path}[${i}]`
      gathered.attempt(() => made.push(read(each, at)), at)
    }
    gathered.end()
    return made
  }
}

/** An object of any names, as a map. */
export function named<T>(read: Reader<T>): Reader<ReadonlyMap<string, T>> {
  return (value, path) => {
    const gathered = new Gathered()
    const made = new Map<string, T>()
    for (const [name, each] of entriesOf(value, path)) {
      const at = pathOf(path, name)
      gathered.attempt(() => made.set(checkedKey(name, at), read(each, at)), at)
    }
    gathered.end()
    return made
  }
}

export function optional<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, path) => (value === undefined ? undefined : read(value, path))
}

export function withDefault<T>(read: Reader<T>, value: T): Reader<T> {
  return (given, path) => (given === undefined ? value : read(given, path))
}

/** Plain JSON of any kind, left to another reader. */
export const anything: Reader<unknown> = (value) => value

export function entriesOf(value: unknown, path: string): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(path, 'should be an object')
  return new Map<string, unknown>(Object.entries(value))
}

export function pathOf(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

export function fail(path: string, problem: string): never {
  throw new VarveError('INVALID', `"${path}" ${problem}`, { details: { path } })
}

function checkedKey(name: string, path: string): string {
  if (name !== '' && name !== '__proto__' && name.isWellFormed()) return name
  return fail(path, 'has a name that cannot be used: choose another')
}
