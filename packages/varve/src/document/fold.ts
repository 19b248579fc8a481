/** The fold: the state of a document is its operations applied in time order, by pure functions. */

import { equalJson, isJsonArray, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { mergeObjects } from './merge.ts'
import type { TextState } from '../text/state.ts'
import type { Lineage, Operation } from './operation.ts'
import { foldText, settleTexts } from './texts.ts'
import { changeAt, withAttribute, type Owned } from './tree.ts'

export type Status = 'absent' | 'live' | 'deleted'

/** What the operations of a document say; versions and times are counted beside it. */
export interface DocumentState {
  readonly status: Status
  /** Id and collection as the first `put` names them; empty while absent. */
  readonly id: string
  readonly data: JsonObject
  readonly lineage: Lineage | null
  readonly functionIds: readonly string[]
  readonly createdBy: string | null
  readonly updatedBy: string | null
  /** True when the data may hold sealed values. */
  readonly sealed?: true
  /** Texts that were ever written, those that were written last at the end; absent when there is none. */
  readonly texts?: readonly TextState[]
}

export const absentState: DocumentState = {
  status: 'absent',
  id: '',
  data: {},
  lineage: null,
  functionIds: [],
  createdBy: null,
  updatedBy: null,
}

/** One entry, ready to be folded. */
export interface FoldEntry {
  /** Present in entries that create. */
  readonly id: string | null
  /** The actor given by the application, else the user of the device. */
  readonly actor: string | null
  readonly operations: readonly Operation[]
}

/**
 * `state` after `entry`. Pure and total: what makes no sense in this state (an increment of text)
 * leaves the attribute as it is, so that every replica agrees. Returns `state` itself when nothing changed.
 */
export function foldEntry(state: DocumentState, entry: FoldEntry): DocumentState {
  let after = state
  const owned: Owned = new WeakSet()
  for (const operation of entry.operations) after = settleTexts(foldOperation(after, operation, entry, owned))
  return after === state || (entry.operations.length > 1 && sameState(after, state))
    ? state
    : { ...after, updatedBy: entry.actor }
}

/** Several operations may undo each other: then the entry changed nothing. */
function sameState(a: DocumentState, b: DocumentState): boolean {
  return (
    a.status === b.status &&
    a.lineage === b.lineage &&
    a.functionIds.length === b.functionIds.length &&
    a.texts === b.texts &&
    equalJson(a.data, b.data)
  )
}

function foldOperation(state: DocumentState, operation: Operation, entry: FoldEntry, owned: Owned): DocumentState {
  if (operation.op === 'put') return foldPut(state, operation, entry, owned)
  if (state.status === 'absent') return state
  switch (operation.op) {
    case 'delete':
      return state.status === 'deleted' ? state : { ...state, status: 'deleted' }
    case 'restore':
      return state.status === 'live' ? state : { ...state, status: 'live' }
    case 'merge':
      return foldMerge(state, operation, owned)
    case 'text':
      return foldText(state, operation, owned)
    case 'seal': {
      const data = changeAt(state.data, operation.path, owned, (before) =>
        equalJson(before, operation.value) ? before : operation.value,
      )
      return data === state.data && state.status === 'live' ? state : { ...state, status: 'live', data, sealed: true }
    }
    default: {
      const data = changeData(state.data, operation, owned)
      return data === state.data && state.status === 'live' ? state : { ...state, status: 'live', data }
    }
  }
}

/** On a document that exists a `put` sets its attributes: two devices that create one id end with one merged document. */
function foldPut(
  state: DocumentState,
  { data, lineage }: Extract<Operation, { readonly op: 'put' }>,
  entry: FoldEntry,
  owned: Owned,
): DocumentState {
  if (state.status === 'absent') {
    return { ...absentState, status: 'live', id: entry.id ?? '', data, lineage, createdBy: entry.actor }
  }
  let merged = state.data
  for (const [name, value] of Object.entries(data)) merged = setAttribute(merged, name, value, owned)
  return { ...state, status: 'live', data: merged, lineage: state.lineage ?? lineage }
}

function foldMerge(
  state: DocumentState,
  { part, functionId }: Extract<Operation, { readonly op: 'merge' }>,
  owned: Owned,
): DocumentState {
  const data = mergeObjects(state.data, part, owned)
  const known = functionId === null || state.functionIds.includes(functionId)
  if (data === state.data && known && state.status === 'live') return state
  const functionIds = known ? state.functionIds : [...state.functionIds, functionId]
  return { ...state, status: 'live', data, functionIds }
}

function setAttribute(data: JsonObject, name: string, value: JsonValue, owned: Owned): JsonObject {
  return Object.hasOwn(data, name) && equalJson(data[name], value) ? data : withAttribute(data, name, value, owned)
}

type AttributeOperation = Exclude<Extract<Operation, { readonly path: unknown }>, { readonly op: 'seal' | 'text' }>

/** `data` after an operation at a path; `data` itself when it changes nothing. */
function changeData(data: JsonObject, operation: AttributeOperation, owned: Owned): JsonObject {
  switch (operation.op) {
    case 'set':
    case 'file':
      return changeAt(data, operation.path, owned, (before) =>
        equalJson(before, operation.value) ? before : operation.value,
      )
    case 'unset':
      return changeAt(data, operation.path, owned, () => undefined)
    case 'inc':
      return changeAt(data, operation.path, owned, (before) => increment(before, operation.by))
    case 'push':
      return changeAt(data, operation.path, owned, (before) =>
        isArrayOrMissing(before) ? append(before, operation.values) : before,
      )
    case 'addToSet':
      return changeAt(data, operation.path, owned, (before) =>
        isArrayOrMissing(before) ? addMissing(before, operation.values) : before,
      )
    case 'pull':
      return changeAt(data, operation.path, owned, (before) =>
        isJsonArray(before) ? remove(before, operation.values) : before,
      )
  }
}

function increment(before: JsonValue | undefined, by: number): JsonValue | undefined {
  if (before !== undefined && typeof before !== 'number') return before
  const sum = (before ?? 0) + by
  return Number.isFinite(sum) ? sum : before
}

function isArrayOrMissing(value: JsonValue | undefined): value is readonly JsonValue[] | undefined {
  return value === undefined || isJsonArray(value)
}

function append(before: readonly JsonValue[] | undefined, values: readonly JsonValue[]): JsonValue | undefined {
  return values.length === 0 ? before : [...(before ?? []), ...values]
}

function addMissing(before: readonly JsonValue[] | undefined, values: readonly JsonValue[]): JsonValue {
  const array = before ?? []
  const known = new Elements(array)
  const missing: JsonValue[] = []
  for (const value of values) if (known.add(value)) missing.push(value)
  return missing.length === 0 && before !== undefined ? before : [...array, ...missing]
}

function remove(before: readonly JsonValue[], values: readonly JsonValue[]): readonly JsonValue[] {
  const gone = new Elements(values)
  const kept = before.filter((element) => !gone.has(element))
  return kept.length === before.length ? before : kept
}

/** A set of JSON values by deep equality; scalars, which sets are mostly made of, are found at once. */
class Elements {
  readonly #scalars = new Set<JsonValue>()
  readonly #others: JsonValue[] = []

  constructor(values: readonly JsonValue[]) {
    for (const value of values) this.#insert(value)
  }

  has(value: JsonValue): boolean {
    if (value === null || typeof value !== 'object') return this.#scalars.has(value)
    return this.#others.some((other) => equalJson(other, value))
  }

  /** False when it was there already. */
  add(value: JsonValue): boolean {
    if (this.has(value)) return false
    this.#insert(value)
    return true
  }

  #insert(value: JsonValue): void {
    if (value === null || typeof value !== 'object') this.#scalars.add(value)
    else this.#others.push(value)
  }
}
