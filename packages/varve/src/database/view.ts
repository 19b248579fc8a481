/** A database as it was: read-only collections at one record number. */

import type { Doc } from '../document/head.ts'
import type { Filter } from '../query/types.ts'
import { pastHome } from './past-source.ts'
import { Query } from './query.ts'
import { docOf, findDocument, headAtRecord } from './reads.ts'
import { shownHead, type Space } from './space.ts'
import { typed } from './typed.ts'

export interface CollectionView<T> {
  /** Null when it did not exist then, or was deleted. */
  get(id: string): Promise<Doc<T> | null>
  find(filter?: Filter<T>): Query<T>
}

export interface DatabaseView {
  /** The last record number that is included; −1 before the first. */
  readonly record: number
  collection<T>(name: string): CollectionView<T>
}

/** A view at record number `record`. The first question of a collection costs what changed since, or until then; later ones little. */
export function databaseView(record: number, space: (name: string) => Space): DatabaseView {
  return { record, collection: <T>(name: string) => collectionView<T>(record, space(name)) }
}

function collectionView<T>(record: number, space: Space): CollectionView<T> {
  const home = pastHome(space, record)
  return {
    get: async (id) => {
      const found = await findDocument(space, id)
      const head = found === null ? null : await headAtRecord(space.replica, found.no, record)
      return head?.state.status === 'live' ? typed<T>(docOf(shownHead(space, head))) : null
    },
    find: (filter) => Query.of<T>(home, filter),
  }
}
