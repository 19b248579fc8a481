/** A database as a page has it: the calls of `Database`, made by the engine that all pages share. */

import type {
  Cancellable,
  Change,
  ChangesOptions,
  CollectionOptions,
  CommitInfo,
  DatabaseStats,
  Mode,
  PruneOptions,
  PruneReport,
  RefusedWrite,
  VerifyReport,
  WriteOptions,
} from 'varve'
import type { At } from './at.ts'
import { SharedCollection } from './collection.ts'
import { SharedCounters } from './counters.ts'
import { pastDatabase, type SharedPast } from './past.ts'
import { sharedTransaction, type SharedTransaction } from './transaction.ts'

/** A page sends no schema: the worker has it, see `EngineOptions.schemas`. */
export type SharedCollectionOptions = Omit<CollectionOptions<unknown>, 'schema'>

export class SharedDatabase {
  readonly name: string
  readonly mode: Mode
  readonly counters: SharedCounters
  readonly #at: At

  constructor(at: At, { name, mode }: { readonly name: string; readonly mode: Mode }) {
    this.#at = at
    this.name = name
    this.mode = mode
    this.counters = new SharedCounters(at.part('counters'))
  }

  collection<T>(name: string, options: SharedCollectionOptions = {}): SharedCollection<T> {
    return new SharedCollection<T>(this.#at.to('collection', name, options), name)
  }

  collections(): Promise<readonly string[]> {
    return this.#at.read('collections')
  }

  /**
   * One commit, or nothing. `work` runs in this page, again when what it read has changed meanwhile; it ends with the page,
   * and fails with `OFFLINE` when the engine ends during it.
   */
  async transact<R>(work: (tx: SharedTransaction) => R | Promise<R>, options: WriteOptions = {}): Promise<R> {
    let result: { readonly value: R } | null = null
    await this.#at.transact(async (at) => {
      result = { value: await work(sharedTransaction(at)) }
    }, options)
    return resultOf(result)
  }

  changes(options: ChangesOptions = {}): AsyncIterable<Change> {
    return this.#at.items('changes', options)
  }

  commits(options: { readonly since?: string } = {}): AsyncIterable<CommitInfo> {
    return this.#at.items('commits', options)
  }

  cursor(): Promise<string> {
    return this.#at.read('cursor')
  }

  asOf(at: string | Date | { readonly record: number }): Promise<SharedPast> {
    return pastDatabase(this.#at.to('asOf', at))
  }

  verify(options: Cancellable = {}): Promise<VerifyReport> {
    return this.#at.read('verify', options)
  }

  prune(options: PruneOptions): Promise<PruneReport> {
    return this.#at.write('prune', options)
  }

  refused(): Promise<readonly RefusedWrite[]> {
    return this.#at.read('refused')
  }

  dismissRefused(record: number): Promise<void> {
    return this.#at.write('dismissRefused', record)
  }

  stats(): Promise<DatabaseStats> {
    return this.#at.read('stats')
  }
}

function resultOf<R>(result: { readonly value: R } | null): R {
  if (result === null) throw new TypeError('a transaction ended without having run')
  return result.value
}
