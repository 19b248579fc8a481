/** Sealing what a write puts at sealed paths: its operations become others that the fold can apply without any key. */

import { foldEntry, type DocumentState } from '../document/fold.ts'
import { absentHead, type Head } from '../document/head.ts'
import type { Operation, Path } from '../document/operation.ts'
import { isSealed, replaceSealed, sealedKey, sealedValues, sealValue, type Sealed } from '../document/sealed.ts'
import { valueAt } from '../document/tree.ts'
import { nonceBytes } from '../crypto/xaes.ts'
import { toHex } from '../encoding/bytes.ts'
import { equalJson, isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { joinPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { openHead, openSealed } from '../replica/sealed.ts'
import { keyMissing, sealedPathsOf, sealingKeyOf, startsWith, type SealedPath } from './seal.ts'
import type { Space } from './space.ts'

/**
 * The operations with everything at sealed paths sealed. Throws `KEY_MISSING` when that takes a key that is not held, and
 * `INVALID` when a sealed path would lead through an array.
 */
export function sealOperations(
  space: Space,
  head: Head | undefined,
  id: string,
  operations: readonly Operation[],
): readonly Operation[] {
  const paths = sealedPathsOf(space, head ?? absentHead)
  if (paths.length === 0) return operations
  const pass = new Pass(space, head ?? absentHead, id, paths)
  return operations.flatMap((operation) => pass.rewrite(operation))
}

/** A `set` of stored data: the sealed values in it become operations of their own. */
export function withSealsApart(operation: Operation): readonly Operation[] {
  if (operation.op !== 'set') return [operation]
  const { path, value } = operation
  if (isSealed(value)) return [{ op: 'seal', path, value }]
  if (!isJsonObject(value)) return [operation]
  const seals = sealedValues(value)
  if (seals.length === 0) return [operation]
  const rest = { op: 'set', path, value: replaceSealed(value, () => undefined) } as const
  return [rest, ...seals.map((seal) => ({ op: 'seal', path: [...path, ...seal.path], value: seal.value }) as const)]
}

type Of<Op extends Operation['op']> = Extract<Operation, { readonly op: Op }>

/** Rewrites the operations of one entry, following the document as it is stored and as this device reads it. */
class Pass {
  readonly #space: Space
  readonly #id: string
  readonly #paths: readonly SealedPath[]
  #stored: DocumentState
  #read: DocumentState

  constructor(space: Space, head: Head, id: string, paths: readonly SealedPath[]) {
    this.#space = space
    this.#id = id
    this.#paths = paths
    this.#stored = head.state
    this.#read = openHead(space.replica.context, space.name, head).state
  }

  rewrite(operation: Operation): readonly Operation[] {
    const rewritten = this.#rewritten(operation)
    for (const each of rewritten) this.#stored = this.#after(this.#stored, each)
    this.#read = this.#after(this.#read, operation.op === 'seal' ? this.#opened(operation) : operation)
    for (const { path } of this.#paths) if (reaches(operation, path)) this.#checkWay(path)
    return rewritten
  }

  #rewritten(operation: Operation): readonly Operation[] {
    switch (operation.op) {
      case 'delete':
      case 'restore':
      case 'seal':
        return [operation]
      case 'put': {
        const { value, seals } = this.#sealInside([], operation.data)
        return [{ ...operation, data: value }, ...seals]
      }
      case 'merge':
        return this.#mergeSealed(operation)
      case 'set':
        return this.#setSealed(operation)
      case 'file':
      case 'text':
        return this.#besideSealed(operation)
      case 'unset':
      case 'inc':
      case 'push':
      case 'addToSet':
      case 'pull': {
        const outer = this.#paths.find(({ path }) => startsWith(operation.path, path))
        // Removing a whole value takes no key: who removes it sees its name.
        if (outer === undefined || (operation.op === 'unset' && operation.path.length === outer.path.length))
          return [operation]
        return this.#changeInside(outer, operation)
      }
    }
  }

  /** Chunks of an open database lie open, and the name of a file and what is typed in their operations. */
  #besideSealed(operation: Of<'file' | 'text'>): readonly Operation[] {
    const sealed = this.#paths.find(({ path }) => startsWith(path, operation.path) || startsWith(operation.path, path))
    if (sealed === undefined) return [operation]
    throw new VarveError(
      'UNSUPPORTED',
      `"${joinPath(sealed.path)}" is sealed and cannot hold a ${operation.op}: keep it in a sealed database`,
      { details: { path: joinPath(sealed.path) } },
    )
  }

  #setSealed(operation: Of<'set'>): readonly Operation[] {
    const outer = this.#paths.find(({ path }) => startsWith(operation.path, path))
    if (outer !== undefined) {
      return operation.path.length === outer.path.length
        ? [this.#seal(outer, operation.value)]
        : this.#changeInside(outer, operation)
    }
    if (!isJsonObject(operation.value)) return [operation]
    const { value, seals } = this.#sealInside(operation.path, operation.value)
    return [{ ...operation, value }, ...seals]
  }

  /** An object without what must be sealed in it, and that sealed. What nobody here can see stays as it is. */
  #sealInside(at: Path, object: JsonObject): { readonly value: JsonObject; readonly seals: readonly Operation[] } {
    let value = object
    const seals: Operation[] = []
    for (const target of this.#paths) {
      if (!startsWith(target.path, at)) continue
      const inside = target.path.slice(at.length)
      const given = valueAt(object, inside)
      if (given !== undefined) {
        value = without(value, inside)
        seals.push(this.#seal(target, given))
      } else if (isJsonObject(valueAt(object, inside.slice(0, -1)))) {
        const kept = this.#hidden(target)
        if (kept !== null) seals.push({ op: 'seal', path: target.path, value: kept })
      }
    }
    return { value, seals }
  }

  #mergeSealed(operation: Of<'merge'>): readonly Operation[] {
    const targets = this.#paths.filter(({ path }) => valueAt(operation.part, path) !== undefined)
    if (targets.length === 0) return [operation]
    const seals = targets.flatMap((target) => this.#changeInside(target, operation))
    const part = targets.reduce((rest, { path }) => without(rest, path), operation.part)
    const empty = operation.functionId === null && Object.keys(part).length === 0
    return empty ? seals : [{ ...operation, part }, ...seals]
  }

  /** An operation that works on what a sealed value holds: the value as it becomes, sealed again. */
  #changeInside(target: SealedPath, operation: Operation): readonly Operation[] {
    if (this.#hidden(target) !== null) throw this.#missing(target)
    const { path } = target
    const value = valueAt(this.#after(this.#read, operation).data, path)
    if (value === undefined) return [{ op: 'unset', path }]
    return [this.#seal(target, value)]
  }

  /** The same sealed value again where it stands already, under the key that is current. */
  #seal(target: SealedPath, value: JsonValue): Of<'seal'> {
    const { path } = target
    const { context } = this.#space.replica
    const key = sealingKeyOf(this.#space, target)
    const before = valueAt(this.#stored.data, path)
    const same =
      isSealed(before) && sealedKey(before) === toHex(key.id) && equalJson(valueAt(this.#read.data, path), value)
    if (same) return { op: 'seal', path, value: before }
    const place = { database: context.id, collection: this.#space.name, id: this.#id, path }
    return { op: 'seal', path, value: sealValue(key, place, context.env.random(nonceBytes), value) }
  }

  /** The sealed value at a path when it cannot be opened here. */
  #hidden({ path }: SealedPath): Sealed | null {
    const stored = valueAt(this.#stored.data, path)
    // What a key that is held does not open is no value: nothing is lost with it.
    return isSealed(stored) && this.#space.replica.context.keys.byId(sealedKey(stored)) === null ? stored : null
  }

  #missing(target: SealedPath): VarveError {
    const sealed = this.#hidden(target)
    return keyMissing(target.path, sealed === null ? '' : sealedKey(sealed), this.#id)
  }

  #opened({ path, value }: Of<'seal'>): Operation {
    const { replica, name: collection } = this.#space
    const opened = openSealed(replica.context, { collection, id: this.#id }, path, value)
    return opened === undefined ? { op: 'unset', path } : { op: 'set', path, value: opened }
  }

  #after(state: DocumentState, operation: Operation): DocumentState {
    return foldEntry(state, { id: this.#id, actor: null, operations: [operation] })
  }

  #checkWay(path: Path): void {
    for (let depth = 1; depth < path.length; depth++) {
      if (!isJsonArray(valueAt(this.#read.data, path.slice(0, depth)))) continue
      const [way, at] = [joinPath(path.slice(0, depth)), joinPath(path)]
      throw new VarveError(
        'INVALID',
        `"${at}" is sealed and "${way}" would be an array on the way to it: seal "${way}" as a whole`,
        { details: { path: at } },
      )
    }
  }
}

/** Whether an operation may change something on the way to a path or at it. */
function reaches(operation: Operation, [name]: Path): boolean {
  if (operation.op === 'put') return Object.hasOwn(operation.data, name ?? '')
  if (operation.op === 'merge') return Object.hasOwn(operation.part, name ?? '')
  return 'path' in operation && operation.path[0] === name
}

/** The object without the value at a path. */
function without(object: JsonObject, [name, ...rest]: Path): JsonObject {
  if (name === undefined) return object
  const inner = object[name]
  const copy: Record<string, JsonValue> = { ...object }
  if (rest.length === 0) Reflect.deleteProperty(copy, name)
  else if (isJsonObject(inner)) copy[name] = without(inner, rest)
  return copy
}
