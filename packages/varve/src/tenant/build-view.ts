/** Filling a view: everything there is at once, or what changed since. */

import type { Doc } from '../document/head.ts'
import type { JsonObject } from '../encoding/json.ts'
import type { Database } from '../database/database.ts'
import type { ShownChange } from '../database/follow.ts'
import type { Query } from '../database/query.ts'
import { touchesSealed } from '../database/seal.ts'
import { VarveError } from '../errors.ts'
import { matches } from '../query/matcher.ts'
import { predicatePaths } from '../query/predicate.ts'
import type { ParsedView } from '../view/definition.ts'
import { ViewTree } from '../view/tree.ts'
import type { RowOrigin } from '../view/types.ts'
import type { OpenSource } from './view-sources.ts'

/** Whether a document is for the reader of the view at all. */
export type Visible = (origin: RowOrigin, doc: Doc) => boolean

export interface Building {
  readonly view: ParsedView
  readonly sources: readonly OpenSource[]
  readonly visible: Visible | null
  /** A past time; null is the present. */
  readonly asOf: string | Date | null
  readonly signal: AbortSignal | null
}

/** A tree of everything there is, reading all documents that match. */
export async function buildTree(building: Building): Promise<ViewTree> {
  const tree = new ViewTree(building.view)
  for (const from of building.sources) {
    for await (const doc of await documentsOf(from, building.asOf)) {
      building.signal?.throwIfAborted()
      if (building.visible?.(from.origin, doc) === false) continue
      assertReadable(building.view, building.view.paths, from.origin, doc)
      tree.put(from.no, doc.id, doc)
    }
  }
  return tree
}

async function documentsOf({ source, database }: OpenSource, asOf: string | Date | null): Promise<Query<JsonObject>> {
  const from = asOf === null ? database : await database.asOf(asOf)
  return from.collection<JsonObject>(source.collection).find(source.filter)
}

/** What a view reads, at these paths, must not be missing silently. Throws `KEY_MISSING`. */
function assertReadable(
  { name }: ParsedView,
  paths: readonly string[],
  { collection }: RowOrigin,
  { id, _system }: Doc,
): void {
  const { sealed = [] } = _system
  if (sealed.length === 0) return
  const missing = sealed.find((each) => touchesSealed(paths, [each]))
  if (missing === undefined) return
  throw new VarveError(
    'KEY_MISSING',
    `The view "${name}" reads "${missing}", which is sealed in "${id}" of "${collection}" under a key that is not held: import it`,
    { details: { path: missing, id } },
  )
}

/** A document as it is now in one source: null when it is not there, or not for this view. */
export interface SourceChange {
  readonly source: number
  readonly id: string
  readonly doc: JsonObject | null
}

export interface Changes {
  readonly list: readonly SourceChange[]
  /** Where to go on. */
  readonly cursor: string
  /** Whether everything was read. */
  readonly done: boolean
}

type Following = Pick<Building, 'view' | 'sources' | 'visible'>

/** Changes of one database, as many as are applied at once. Throws `STALE_CURSOR` and `KEY_MISSING`. */
export async function readChanges(
  building: Following,
  database: Database,
  since: string,
  most: number,
): Promise<Changes> {
  const own = sourcesIn(building, database)
  const collections = [...new Set(own.map(({ source }) => source.collection))]
  const until = database.cursor()
  const list: SourceChange[] = []
  let last = until
  for await (const change of database.changes({ since, collections })) {
    list.push(...inSources(building, own, change))
    last = change.cursor
    if (list.length >= most) return { list, cursor: last, done: false }
  }
  // Where nothing came meanwhile, the next read begins behind the last commit and not inside it.
  return { list, cursor: database.cursor() === until ? until : last, done: true }
}

/** The same of changes that are at hand, all there are until now. Throws `KEY_MISSING`. */
export function takeChanges(building: Following, database: Database, changes: readonly ShownChange[]): Changes {
  const own = sourcesIn(building, database)
  const list = changes.flatMap((change) => inSources(building, own, change))
  return { list, cursor: database.cursor(), done: true }
}

interface OwnSource extends OpenSource {
  /** What its filter reads. */
  readonly filtered: readonly string[]
}

function sourcesIn({ sources }: Following, database: Database): readonly OwnSource[] {
  return sources
    .filter((from) => from.database === database)
    .map((from) => ({ ...from, filtered: predicatePaths(from.source.predicate) }))
}

/** What a change means to each source of its collection. */
function inSources(
  { view, visible }: Following,
  own: readonly OwnSource[],
  { id, collection, doc }: ShownChange,
): readonly SourceChange[] {
  const list: SourceChange[] = []
  for (const { no, source, origin, filtered } of own) {
    if (source.collection !== collection) continue
    if (doc !== null) assertReadable(view, filtered, origin, doc)
    const fits = doc !== null && matches(source.predicate, doc) && visible?.(origin, doc) !== false
    if (fits) assertReadable(view, view.paths, origin, doc)
    list.push({ source: no, id, doc: fits ? doc : null })
  }
  return list
}
