/** What operations do to one document, written down once more, slowly, to check the engine's fold. */

import { isMap, read, same, write, type Json, type JsonMap } from './json.ts'

export type ModelOperation =
  | { readonly op: 'put'; readonly data: JsonMap; readonly lineage?: ModelLineage }
  | { readonly op: 'set'; readonly path: readonly string[]; readonly value: Json }
  | { readonly op: 'unset'; readonly path: readonly string[] }
  | { readonly op: 'inc'; readonly path: readonly string[]; readonly by: number }
  | { readonly op: 'push' | 'addToSet' | 'pull'; readonly path: readonly string[]; readonly values: readonly Json[] }
  | { readonly op: 'merge'; readonly part: JsonMap; readonly functionId: string | null }
  | { readonly op: 'delete' }
  | { readonly op: 'restore' }

/** Parent id and collection, origin id and collection. */
export type ModelLineage = readonly [string | null, string | null, string | null, string | null]

export interface ModelState {
  status: 'absent' | 'live' | 'deleted'
  data: JsonMap
  functionIds: string[]
  createdBy: string | null
  updatedBy: string | null
  lineage: ModelLineage | null
}

export interface ModelEntry {
  readonly operations: readonly ModelOperation[]
  readonly actor: string
}

export function nothing(): ModelState {
  return { status: 'absent', data: {}, functionIds: [], createdBy: null, updatedBy: null, lineage: null }
}

/** The state after these entries, given in time order. */
export function foldModel(entries: readonly ModelEntry[]): ModelState {
  let state = nothing()
  for (const entry of entries) state = applyEntry(state, entry)
  return state
}

/** A new state; equal in content to the given one when the entry changes nothing. */
export function applyEntry(before: ModelState, { operations, actor }: ModelEntry): ModelState {
  let state = structuredClone(before)
  for (const operation of operations) state = applyOperation(state, operation, actor)
  // Creating always counts; anything else only by what it leaves behind.
  const creates = operations.length === 1 && operations[0]?.op === 'put'
  const changed = creates || !sameState(before, state)
  return changed ? { ...state, updatedBy: actor } : state
}

export function sameState(a: ModelState, b: ModelState): boolean {
  return a.status === b.status && same(a.data, b.data) && same(a.functionIds, b.functionIds)
}

function applyOperation(state: ModelState, operation: ModelOperation, actor: string): ModelState {
  const { op } = operation
  if (op === 'put') return applyPut(state, operation.data, operation.lineage ?? null, actor)
  // Nothing can happen to a document whose creation is not known.
  if (state.status === 'absent') return state
  if (op === 'delete') return { ...state, status: 'deleted' }
  if (op === 'restore') return { ...state, status: 'live' }
  if (op === 'merge') {
    const { part, functionId } = operation
    const known = functionId === null || state.functionIds.includes(functionId)
    const functionIds = known ? state.functionIds : [...state.functionIds, functionId]
    return { ...state, status: 'live', functionIds, data: enrichMap(state.data, part) }
  }
  return { ...state, status: 'live', data: applyAt(state.data, operation) }
}

function applyPut(state: ModelState, data: JsonMap, lineage: ModelLineage | null, actor: string): ModelState {
  if (state.status === 'absent') {
    return { ...nothing(), status: 'live', data: structuredClone(data), createdBy: actor, lineage }
  }
  return {
    ...state,
    status: 'live',
    data: { ...state.data, ...structuredClone(data) },
    lineage: state.lineage ?? lineage,
  }
}

type AtPath = Extract<ModelOperation, { readonly path: readonly string[] }>

function applyAt(data: JsonMap, operation: AtPath): JsonMap {
  const { path } = operation
  const before = read(data, path)
  const after = valueAfter(before, operation)
  return same(before, after) ? data : write(data, path, after)
}

function valueAfter(before: Json | undefined, operation: AtPath): Json | undefined {
  switch (operation.op) {
    case 'set':
      return operation.value
    case 'unset':
      return undefined
    case 'inc': {
      const sum = before === undefined ? operation.by : typeof before === 'number' ? before + operation.by : Number.NaN
      return Number.isFinite(sum) ? sum : before
    }
    case 'push':
      if (before !== undefined && !Array.isArray(before)) return before
      return operation.values.length === 0 ? before : [...(before ?? []), ...operation.values]
    case 'addToSet': {
      if (before !== undefined && !Array.isArray(before)) return before
      const united = [...(before ?? [])]
      for (const value of operation.values) if (!united.some((held) => same(held, value))) united.push(value)
      return united
    }
    case 'pull':
      if (!Array.isArray(before)) return before
      return before.filter((element) => !operation.values.some((value) => same(value, element)))
  }
}

/** Objects merge deeply, arrays unite, null overrides, a scalar joins an array once, other values are replaced. */
function enrichMap(target: JsonMap, part: JsonMap): JsonMap {
  const merged = structuredClone(target)
  for (const [name, addition] of Object.entries(part)) {
    merged[name] = enrichValue(Object.hasOwn(merged, name) ? merged[name] : undefined, structuredClone(addition))
  }
  return merged
}

function enrichValue(before: Json | undefined, addition: Json): Json {
  if (addition === null) return null
  if (Array.isArray(before)) return unite(before, Array.isArray(addition) ? addition : [addition])
  if (Array.isArray(addition)) return unite([], addition)
  return isMap(before) && isMap(addition) ? enrichMap(before, addition) : addition
}

function unite(array: readonly Json[], additions: readonly Json[]): Json[] {
  const united = [...array]
  for (const addition of additions) {
    const at = united.findIndex((element) => isSameElement(element, addition))
    const element = united[at]
    if (element === undefined) united.push(addition)
    else if (isMap(element) && isMap(addition)) united[at] = enrichMap(element, addition)
  }
  return united
}

function isSameElement(a: Json, b: Json): boolean {
  if (isMap(a) && isMap(b)) {
    if ('id' in a && 'id' in b) return same(a['id'], b['id'])
    if ('_id' in a && '_id' in b) return same(a['_id'], b['_id'])
  }
  return same(a, b)
}

/** The attribute changes that lead from one document to another. */
export function changesBetween(before: JsonMap, after: JsonMap, path: readonly string[] = []): ModelOperation[] {
  const operations: ModelOperation[] = []
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const here = [...path, name]
    const was = Object.hasOwn(before, name) ? before[name] : undefined
    const is = Object.hasOwn(after, name) ? after[name] : undefined
    if (same(was, is)) continue
    if (isMap(was) && isMap(is)) operations.push(...changesBetween(was, is, here))
    else if (is === undefined) operations.push({ op: 'unset', path: here })
    else operations.push({ op: 'set', path: here, value: is })
  }
  return operations
}

/** What a restore writes: back to `then`, from `now`. */
export function changesBack(now: ModelState, then: ModelState): ModelOperation[] {
  if (now.status === then.status && same(now.data, then.data)) return []
  const back: ModelOperation[] = now.status === 'deleted' ? [{ op: 'restore' }] : []
  back.push(...changesBetween(now.data, then.data))
  if (then.status !== 'live') back.push({ op: 'delete' })
  return back
}
