/** Upsert by unique keys: an id made from the keys lets two offline devices end with one document. */

import { joinPath, splitPath } from '../encoding/path.ts'
import type { JsonObject, JsonValue } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { valueAt } from '../document/tree.ts'
import { foldEntry } from '../document/fold.ts'
import { equalJson } from '../encoding/json.ts'
import { newId } from '../encoding/id.ts'
import { keyedId } from '../log/tag.ts'
import { parseFilter } from '../query/filter.ts'
import { runQuery } from '../query/run.ts'
import type { Plan, PlanView, WriteTask } from '../replica/queue.ts'
import type { Intent } from './change.ts'
import { changeOf, livingHead, parseDocument, plannedWith, unchanged, validated, written } from './change.ts'
import type { QueryHome } from './query.ts'
import { knownSealed, touchesSealed } from './seal.ts'
import { shownHead, tagOf, type Space } from './space.ts'
import type { CreateOptions, EnrichOptions, Written } from './types.ts'
import { createWrite, enrichOperations } from './writes.ts'

export type Upserted = Written & { readonly created: boolean }

/** Throws `INVALID` when a key is missing from the data. */
export async function upsertTask(
  space: Space,
  home: QueryHome,
  keys: readonly string[],
  data: unknown,
  options: CreateOptions & EnrichOptions,
): Promise<WriteTask<Upserted>> {
  const { attributes } = parseDocument(data, 'A document')
  const values = keyValues(keys, attributes)
  refuseSealedKeys(space, values)
  const fallback = options.id ?? idFromKeys(space, values)
  const found = await findByKeys(home, values)
  const id = found ?? fallback
  const tag = tagOf(space, id)
  const create = createWrite(space, attributes, { ...options, id })
  return {
    tags: [tag, ...create.reads],
    size: 1,
    alone: options.expectedOv !== undefined || space.rules.conflict === 'reject',
    plan: (view) => {
      const head = view.head(tag)
      if (head === undefined || head.state.status === 'absent') return createdPlan(space, view, create, options)
      if (found === null && !sameKeys(values, shownHead(space, head).state.data)) {
        // The document of this id has other keys by now: the keys are free, the id is not.
        const { env } = space.replica.context
        return createdPlan(
          space,
          view,
          createWrite(space, attributes, { ...options, id: newId(env.now(), env.random(10)) }),
          options,
        )
      }
      const same = livingHead(head, id)
      const operations = enrichOperations([attributes], options.functionId ?? null)
      validated(space, foldEntry(shownHead(space, same).state, { id, actor: null, operations }).data)
      return planOf(space, { id, tag, kind: 'enrich', operations }, view, options, false)
    },
  }
}

async function createdPlan(
  space: Space,
  view: PlanView,
  create: ReturnType<typeof createWrite>,
  options: CreateOptions & EnrichOptions,
): Promise<Plan<Upserted>> {
  const intent = await create.intend(view.head(create.tag), view)
  const provenance = options.functionId === undefined ? [] : enrichOperations([{}], options.functionId)
  return planOf(space, { ...intent, operations: [...intent.operations, ...provenance] }, view, options, true)
}

function planOf(
  space: Space,
  intent: Intent,
  view: PlanView,
  options: CreateOptions & EnrichOptions,
  created: boolean,
): Plan<Upserted> {
  const head = view.head(intent.tag)
  const made = changeOf(space, head, intent, options)
  if (made === null) {
    const same = livingHead(head, intent.id, true)
    return { changes: [], finish: () => ({ ...unchanged(space, intent.id, same), created }) }
  }
  return plannedWith(options, [made.change], ([outcome]) => {
    if (outcome === undefined)
      throw new VarveError('STORE_FAILED', 'A write has no outcome: this is a defect, please report it')
    return { ...written(space, intent.id, outcome), created }
  })
}

interface KeyValue {
  readonly path: readonly string[]
  readonly value: JsonValue
}

export function keyValues(keys: readonly string[], data: JsonObject): readonly KeyValue[] {
  if (keys.length === 0) throw new VarveError('INVALID', 'upsert needs at least one key path')
  return keys.map((key) => {
    const path = splitPath(key)
    const value = valueAt(data, path)
    if (value === undefined || value === null)
      throw new VarveError('INVALID', `upsert needs a value at its key "${key}"`, { details: { path: key } })
    return { path, value }
  })
}

/** An id made of a sealed value would let everybody test which value it is. */
export function refuseSealedKeys(space: Space, values: readonly KeyValue[]): void {
  const sealed = knownSealed(space)
  for (const { path } of values) {
    const at = joinPath(path)
    if (touchesSealed([at], sealed))
      throw new VarveError(
        'UNSUPPORTED',
        `"${at}" is sealed and cannot be a key of upsert: find the document, then write`,
        {
          details: { path: at },
        },
      )
  }
}

function sameKeys(values: readonly KeyValue[], data: JsonObject): boolean {
  return values.every(({ path, value }) => equalJson(valueAt(data, path), value))
}

async function findByKeys(home: QueryHome, values: readonly KeyValue[]): Promise<string | null> {
  const filter = Object.fromEntries(values.map(({ path, value }) => [joinPath(path), { $eq: value }]))
  const spec = { predicate: parseFilter(filter), order: [], indexes: await home.indexes(), limit: 1 }
  for await (const doc of runQuery(await home.source(false, Object.keys(filter)), spec))
    return typeof doc['id'] === 'string' ? doc['id'] : null
  return null
}

/** `k` and 25 characters of a keyed hash: the same on every device that holds the database. */
export function idFromKeys(space: Space, values: readonly KeyValue[]): string {
  const named = values.map(({ path, value }) => [joinPath(path), value] as const)
  return keyedId(space.replica.context.tagKey, space.tag, named)
}
