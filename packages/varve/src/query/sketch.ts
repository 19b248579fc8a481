/** Queries without an index in two steps: find by the attributes that are asked about, then read only what is given. */

import type { JsonObject, JsonValue } from '../encoding/json.ts'
import { notAfter, placeOf } from './condition.ts'
import { matches } from './matcher.ts'
import { placeMatches, type Placed, type Run } from './placed.ts'
import type { Predicate } from './predicate.ts'
import { comparePositions, positionOf, type SortOrder } from './sort.ts'
import type { Candidate } from './source.ts'
import { Top } from './top.ts'
import type { Where } from '../store/where.ts'

/** More documents than this are read at once: looking twice would cost more than it saves. */
const mostDocuments = 256
/** More attributes than this are most of a document. */
const mostAttributes = 16

/** Documents of which only the attributes were read that a query asks about. */
export interface Sketches {
  /** Those that may match, in pages; `bound`, asked before every page, may leave out more. */
  pages(bound: () => Where | null): AsyncIterable<readonly Candidate[]>
  /** The whole documents, as they are now; null for those that are gone. */
  load(sketches: readonly Candidate[]): Promise<readonly (Candidate | null)[]>
}

/** Names of the attributes that decide a query, `id` aside; null when something else does. */
export function attributesOf(predicate: Predicate, order: SortOrder): readonly string[] | null {
  const names = new Set<string>()
  const paths = [...pathsOf(predicate), ...order.map((field) => field.segments)]
  for (const path of paths) {
    const [name] = path
    if (name === undefined || placeOf(path) === null) return null
    if (name !== 'id') names.add(name)
  }
  return names.size > mostAttributes ? null : [...names]
}

function pathsOf(predicate: Predicate): readonly (readonly string[])[] {
  if (predicate.kind === 'path') return [predicate.segments]
  return predicate.kind === 'not' ? pathsOf(predicate.of) : predicate.of.flatMap(pathsOf)
}

/** The document as far as the query looks at it. */
export function sketchOf(
  id: JsonValue | undefined,
  names: readonly string[],
  values: readonly (JsonValue | undefined)[],
) {
  const doc: Record<string, JsonValue> = {}
  for (const [i, name] of names.entries()) {
    const value = values[i]
    if (value !== undefined) doc[name] = value
  }
  return { id: typeof id === 'string' ? id : '', doc: { ...doc, id: id ?? null } satisfies JsonObject }
}

/** Whether a query that sorts in memory is better run over sketches. */
export function worthSketching({ plan, limit }: Run): boolean {
  return plan.index === null && plan.ids === null && limit <= mostDocuments
}

/** The first documents in order; null when they changed meanwhile, so that the question must be asked again. */
export async function firstOfSketches(run: Run, sketches: Sketches): Promise<readonly Candidate[] | null> {
  const top = new Top<Placed>(run.order, run.limit)
  const [field] = run.order
  const bound = (): Where | null => {
    const last = top.last
    return last === null || field === undefined ? null : notAfter(field, last.keys[0])
  }
  for await (const page of sketches.pages(bound)) for (const item of placeMatches(run, page)) top.offer(item)
  const placed = top.drain()
  const documents = await sketches.load(placed.map((item) => item.candidate))
  const found: Candidate[] = []
  for (const [i, item] of placed.entries()) {
    const document = documents[i]
    if (document === undefined || document === null || !isStill(run, document, item)) return null
    found.push(document)
  }
  return found
}

function isStill({ predicate, order }: Run, { id, doc }: Candidate, item: Placed): boolean {
  return matches(predicate, doc) && comparePositions(order, positionOf(order, doc, id), item) === 0
}
