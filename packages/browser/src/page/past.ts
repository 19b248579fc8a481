/** A database as it was, as a page has it. */

import type { Doc, Filter } from 'varve'
import type { At } from './at.ts'
import { SharedQuery } from './query.ts'

export interface SharedPastCollection<T> {
  get(id: string): Promise<Doc<T> | null>
  find(filter?: Filter<T>): SharedQuery<T>
}

export interface SharedPast {
  readonly record: number
  collection<T>(name: string): SharedPastCollection<T>
}

export async function pastDatabase(at: At): Promise<SharedPast> {
  const { record } = await at.describe<{ readonly record: number }>()
  return {
    record,
    collection: <T>(name: string) => {
      const found = at.to('collection', name)
      return {
        get: (id: string) => found.read<Doc<T> | null>('get', id),
        find: (filter) => new SharedQuery<T>(found.to('find', filter)),
      }
    },
  }
}
