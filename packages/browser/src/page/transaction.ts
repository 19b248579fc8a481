/** A transaction as a page has it: each of its calls goes to the engine, which holds the transaction open. */

import type { Filter, TransactionCollection } from 'varve'
import type { At } from './at.ts'
import { SharedQuery } from './query.ts'

export interface SharedTransactionCollection<T> extends Omit<TransactionCollection<T>, 'find'> {
  /** Committed documents only: writes of this transaction are not in the results. */
  find(filter?: Filter<T>): SharedQuery<T>
}

export interface SharedTransaction {
  collection<T>(name: string): SharedTransactionCollection<T>
}

export function sharedTransaction(at: At): SharedTransaction {
  return { collection: <T>(name: string) => collectionAt<T>(at.to('collection', name)) }
}

function collectionAt<T>(at: At): SharedTransactionCollection<T> {
  return {
    get: (id) => at.read('get', id),
    create: (data, options) => at.write('create', data, options),
    update: (id, data, options) => at.write('update', id, data, options),
    patch: (id, change, options) => at.write('patch', id, change, options),
    enrich: (id, part, options) => at.write('enrich', id, part, options),
    delete: (id, options) => at.write('delete', id, options),
    restore: (id, options) => at.write('restore', id, options),
    find: (filter) => new SharedQuery<T>(at.to('find', filter)),
  }
}
