/** The live result of a query: how its filter, sort, limit and cursor become a window that is kept. */

import type { JsonObject } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { decodeCursor } from '../query/cursor.ts'
import type { Predicate } from '../query/predicate.ts'
import type { SortOrder } from '../query/sort.ts'
import type { Candidate } from '../query/source.ts'
import type { QueryPlan } from '../query/types.ts'
import { askedPaths } from './seal-query.ts'
import { LiveQuery, type Live } from './watch.ts'
import type { WatchHome } from './watch-hub.ts'

/** What a query asks for. */
interface Asked {
  readonly predicate: Predicate
  readonly order: SortOrder
  readonly limit: number | null
  readonly after: string | null
  readonly includeDeleted: boolean
}

/** What a query does. */
interface Doing<Doc> {
  show(doc: JsonObject): Doc
  plan(): Promise<QueryPlan>
  read(limit: number | null, signal: AbortSignal): AsyncIterable<readonly Candidate[]>
}

/** Throws `UNSUPPORTED` without a home, `INVALID` and `STALE_CURSOR` for a wrong cursor. */
export function liveOf<Doc>(home: WatchHome | undefined, asked: Asked, query: Doing<Doc>): Live<Doc> {
  if (home === undefined)
    throw new VarveError('UNSUPPORTED', 'Queries of a transaction cannot be watched: watch those of the collection')
  const { predicate, order, includeDeleted } = asked
  const limit = asked.limit ?? Infinity
  const after = asked.after === null ? null : decodeCursor(order, asked.after, 'either')
  return new LiveQuery({
    home,
    limit,
    unsorted: order.length === 0,
    includeDeleted,
    asked: askedPaths(predicate, order),
    rules: async () => {
      const { index, ids } = await query.plan()
      // A cursor of a document that is not here begins at the beginning.
      const place = after === null ? null : ((await home.placeOf(after.id)) ?? -1)
      return {
        predicate,
        order,
        // Without a sort, queries that use an index give their documents by id.
        byPlace: order.length === 0 && index === null && ids === null,
        limit,
        after: after === null || place === null ? null : { ...after, place },
        show: (doc) => query.show(doc),
      }
    },
    read: (count, signal) => query.read(count === Infinity ? null : count, signal),
  })
}
