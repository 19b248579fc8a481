/** The model database: every version kept as a list, every read a fold from the beginning. Slow and obvious on purpose. */

import type { ErrorCode } from 'varve/engine'
import { same, type Json, type JsonMap } from './json.ts'
import {
  applyEntry,
  changesBack,
  changesBetween,
  foldModel,
  nothing,
  sameState,
  type ModelEntry,
  type ModelOperation,
  type ModelState,
} from './operations.ts'

/** What a call of the model is refused with. */
export class ModelRefusal extends Error {
  override readonly name = 'ModelRefusal'
  readonly code: ErrorCode

  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

interface ModelVersion extends ModelEntry {
  readonly cv: number
  readonly at: number
  readonly reason: string | null
}

export interface ModelWritten {
  readonly id: string
  readonly ov: number
  readonly cv: number
  readonly changed: boolean
}

export interface ModelDoc {
  readonly id: string
  readonly data: JsonMap
  readonly ov: number
  readonly cv: number
  readonly deleted: boolean
  readonly insertedAt: number
  readonly updatedAt: number
  readonly deletedAt: number | null
  readonly createdBy: string | null
  readonly updatedBy: string | null
  readonly functionIds: readonly string[]
}

export interface ModelOptions {
  readonly actor?: string
  readonly reason?: string
  readonly expectedOv?: number
  readonly functionId?: string
}

/** One write of a transaction. */
export interface ModelStep {
  readonly collection: string
  readonly id: string
  readonly write: ModelWrite
}

export type ModelWrite =
  | { readonly kind: 'create'; readonly data: JsonMap }
  | { readonly kind: 'update'; readonly data: JsonMap }
  | { readonly kind: 'patch'; readonly operations: readonly ModelOperation[] }
  | { readonly kind: 'enrich'; readonly parts: readonly JsonMap[] }
  | { readonly kind: 'delete' }
  | { readonly kind: 'restore'; readonly ov?: number }

export type ModelPoint = { readonly cv: number } | { readonly at: number }

type Documents = Map<string, ModelVersion[]>

export class ModelDatabase {
  readonly #collections = new Map<string, Documents>()
  readonly #now: () => number
  readonly #user: string
  #lastAt = 0

  constructor(user: string, now: () => number) {
    this.#user = user
    this.#now = now
  }

  /** All writes of one commit, or none; throws a `ModelRefusal`. */
  commit(steps: readonly ModelStep[], options: ModelOptions = {}): readonly ModelWritten[] {
    const staged = new Map<string, { step: ModelStep; state: ModelState; operations: ModelOperation[] }>()
    for (const step of steps) {
      const name = `${step.collection}/${step.id}`
      const held = staged.get(name) ?? { step, state: this.state(step.collection, step.id), operations: [] }
      const operations = this.#operationsOf(step, held.state, options)
      const after = applyEntry(held.state, { operations, actor: this.#actor(options) })
      const changed = !sameState(held.state, after)
      staged.set(name, changed ? { step, state: after, operations: [...held.operations, ...operations] } : held)
    }
    for (const { step } of staged.values()) this.#expect(step, options)
    const at = Math.max(this.#now(), this.#lastAt)
    return [...staged.values()].map(({ step, state, operations }) => {
      const changed = !sameState(this.state(step.collection, step.id), state)
      return this.#append(step, changed ? operations : [], options, at)
    })
  }

  /** Every document as it was, in one commit; gives the number of documents that changed. */
  restoreAll(collection: string, to: ModelPoint, options: ModelOptions & { readonly dryRun?: boolean } = {}): number {
    this.#checkPoint(collection, to)
    const at = Math.max(this.#now(), this.#lastAt)
    let changed = 0
    for (const [id, versions] of this.#documents(collection)) {
      const then = foldModel(versions.filter((version) => isWithin(version, to)))
      const now = foldModel(versions)
      if (now.status === 'absent' || (then.status === 'absent' && now.status === 'deleted')) continue
      const operations: ModelOperation[] = then.status === 'absent' ? [{ op: 'delete' }] : changesBack(now, then)
      if (operations.length === 0) continue
      changed++
      const step: ModelStep = { collection, id, write: { kind: 'restore' } }
      if (options.dryRun !== true) this.#append(step, operations, options, at)
    }
    return changed
  }

  /** Ids in the order of their creation. */
  ids(collection: string): readonly string[] {
    return [...this.#documents(collection).keys()]
  }

  /** Accepted versions of the collection so far: the next `cv`. */
  nextCv(collection: string): number {
    return [...this.#documents(collection).values()].reduce((sum, versions) => sum + versions.length, 0)
  }

  versions(collection: string, id: string): readonly ModelVersion[] {
    return this.#documents(collection).get(id) ?? []
  }

  state(collection: string, id: string): ModelState {
    return foldModel(this.versions(collection, id))
  }

  get(collection: string, id: string): ModelDoc | null {
    const doc = this.getVersion(collection, id, this.versions(collection, id).length - 1)
    return doc === null || doc.deleted ? null : doc
  }

  getVersion(collection: string, id: string, ov: number): ModelDoc | null {
    const all = this.versions(collection, id)
    return ov < 0 || ov >= all.length ? null : docAt(id, all.slice(0, ov + 1))
  }

  getAsOf(collection: string, id: string, at: number): ModelDoc | null {
    return docAt(
      id,
      this.versions(collection, id).filter((version) => version.at <= at),
    )
  }

  /** Live documents, as they are now or were at a time. */
  all(collection: string, at = Infinity): readonly ModelDoc[] {
    return this.ids(collection).flatMap((id) => {
      const doc = this.getAsOf(collection, id, at)
      return doc === null || doc.deleted ? [] : [doc]
    })
  }

  #documents(collection: string): Documents {
    const known = this.#collections.get(collection)
    if (known !== undefined) return known
    const made: Documents = new Map()
    this.#collections.set(collection, made)
    return made
  }

  #actor(options: ModelOptions): string {
    return options.actor ?? this.#user
  }

  #operationsOf({ collection, id, write }: ModelStep, now: ModelState, options: ModelOptions): ModelOperation[] {
    if (write.kind === 'create') {
      if (now.status !== 'absent') throw new ModelRefusal('EXISTS')
      const operations: ModelOperation[] = [{ op: 'put', data: write.data }]
      if (options.functionId !== undefined) operations.push({ op: 'merge', part: {}, functionId: options.functionId })
      return operations
    }
    if (now.status === 'absent') throw new ModelRefusal('NOT_FOUND')
    if (write.kind === 'delete') return [{ op: 'delete' }]
    if (write.kind === 'restore') {
      if (write.ov === undefined) return [{ op: 'restore' }]
      const versions = this.versions(collection, id)
      if (write.ov >= versions.length) throw new ModelRefusal('NOT_FOUND')
      return changesBack(now, foldModel(versions.slice(0, write.ov + 1)))
    }
    if (now.status === 'deleted') throw new ModelRefusal('DELETED')
    if (write.kind === 'update') return changesBetween(now.data, write.data)
    if (write.kind === 'patch') return [...write.operations]
    return write.parts.map((part) => ({ op: 'merge', part, functionId: options.functionId ?? null }))
  }

  #expect({ collection, id }: ModelStep, options: ModelOptions): void {
    const actual = this.versions(collection, id).length - 1
    if (options.expectedOv !== undefined && options.expectedOv !== actual) throw new ModelRefusal('CONFLICT')
  }

  #append(step: ModelStep, operations: readonly ModelOperation[], options: ModelOptions, at: number): ModelWritten {
    const documents = this.#documents(step.collection)
    const versions = documents.get(step.id) ?? []
    if (operations.length === 0) {
      return { id: step.id, ov: versions.length - 1, cv: versions.at(-1)?.cv ?? 0, changed: false }
    }
    const version = {
      operations,
      actor: this.#actor(options),
      reason: options.reason ?? null,
      at,
      cv: this.nextCv(step.collection),
    }
    this.#lastAt = at
    documents.set(step.id, [...versions, structuredClone(version)])
    return { id: step.id, ov: versions.length, cv: version.cv, changed: true }
  }

  #checkPoint(collection: string, to: ModelPoint): void {
    const exists = 'cv' in to ? to.cv < this.nextCv(collection) : this.#firstAt() <= to.at
    if (!exists) throw new ModelRefusal('NOT_FOUND')
  }

  #firstAt(): number {
    return Math.min(
      ...[...this.#collections.values()].flatMap((all) => [...all.values()].map(([first]) => first?.at ?? Infinity)),
    )
  }
}

function isWithin(version: ModelVersion, to: ModelPoint): boolean {
  return 'cv' in to ? version.cv <= to.cv : version.at <= to.at
}

function docAt(id: string, versions: readonly ModelVersion[]): ModelDoc | null {
  const [first, last] = [versions[0], versions.at(-1)]
  if (first === undefined || last === undefined) return null
  const state = foldModel(versions)
  return {
    id,
    data: state.data,
    ov: versions.length - 1,
    cv: last.cv,
    deleted: state.status === 'deleted',
    insertedAt: first.at,
    updatedAt: last.at,
    deletedAt: deletedAt(versions),
    createdBy: state.createdBy,
    updatedBy: state.updatedBy,
    functionIds: state.functionIds,
  }
}

/** The time of the version from which on the document has been deleted without a break. */
function deletedAt(versions: readonly ModelVersion[]): number | null {
  let at: number | null = null
  let state = nothing()
  for (const version of versions) {
    state = applyEntry(state, version)
    at = state.status === 'deleted' ? (at ?? version.at) : null
  }
  return at
}

/** The elements of an array that `$pull` names by value. */
export function elementsEqual(array: Json | undefined, value: Json): Json[] {
  return Array.isArray(array) ? array.filter((element) => same(element, value)) : []
}
