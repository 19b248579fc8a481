/** What is declared of a collection: its indexes, by whichever handle or process they were. */

import type { SearchOptions } from '../search/fields.ts'
import type { CollectionState } from '../replica/state.ts'

/** In the form in which `CollectionOptions` takes it. */
export interface Declared {
  readonly indexes: readonly { readonly paths: readonly string[]; readonly unique: boolean }[]
  /** Null when the collection cannot be searched. */
  readonly search: SearchOptions | null
}

export function declaredIn(collection: CollectionState | null | undefined): Declared {
  const search = collection?.search
  return {
    indexes: (collection?.indexes ?? []).map(({ paths, unique }) => ({ paths, unique })),
    search:
      search === undefined
        ? null
        : { fields: Object.fromEntries(search.fields.map(([path, weight]) => [path, { weight }])) },
  }
}
