/** Transactions: several documents and collections in one commit, or nothing; retried when what they read changed. */

import { foldEntry, type DocumentState } from '../document/fold.ts'
import { absentHead, decodeHead, headOv, type Doc, type Head } from '../document/head.ts'
import type { Operation } from '../document/operation.ts'
import { toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { Filter } from '../query/types.ts'
import type { StandingChange } from '../log/header.ts'
import type { Outcome } from '../replica/append.ts'
import type { PlanView } from '../replica/queue.ts'
import type { Replica } from '../replica/replica.ts'
import { changeOf, type Intent } from './change.ts'
import { Query } from './query.ts'
import { docOf } from './reads.ts'
import { presentSource } from './source.ts'
import { usableIndexes } from './seal-query.ts'
import { sealOperations } from './seal-write.ts'
import { searchHome } from './search-index.ts'
import { shownHead, tagOf, type Space } from './space.ts'
import { typed } from './typed.ts'
import type { CreateOptions, DeepPartial, EnrichOptions, Patch, WriteOptions } from './types.ts'
import { createWrite, deleteWrite, enrichWrite, patchWrite, restoreWrite, updateWrite, type Write } from './writes.ts'

/** What a transaction answers to one of its writes: the version it will have when the transaction commits. */
export interface Staged {
  readonly id: string
  readonly ov: number
  readonly changed: boolean
}

/** One document inside a transaction. */
interface Held {
  readonly space: Space
  readonly id: string
  readonly tag: Uint8Array
  /** As read when the transaction first touched it. */
  readonly base: Head | undefined
  state: DocumentState
  kind: Intent['kind'] | null
  operations: readonly Operation[]
  options: WriteOptions
}

/** The collection as seen inside a transaction: reads see its own writes. */
export interface TransactionCollection<T> {
  get(id: string): Promise<Doc<T> | null>
  create(data: T, options?: CreateOptions): Promise<Staged>
  update(id: string, data: T, options?: WriteOptions): Promise<Staged>
  patch(id: string, change: Patch<T>, options?: WriteOptions): Promise<Staged>
  enrich(id: string, part: DeepPartial<T> | readonly DeepPartial<T>[], options?: EnrichOptions): Promise<Staged>
  delete(id: string, options?: WriteOptions): Promise<Staged>
  restore(id: string, options?: WriteOptions): Promise<Staged>
  /** Committed documents only: writes of this transaction are not in the results. */
  find(filter?: Filter<T>): Query<T>
}

export interface Transaction {
  collection<T>(name: string): TransactionCollection<T>
}

const attempts = 16

/**
 * Runs `work` and commits what it wrote as one commit. When a document it read has changed meanwhile, it
 * runs again, also when it failed by then, up to sixteen times, then fails with `CONFLICT`. `standings`, in the directory only, go into its commit.
 */
export async function transact<R>(
  replica: Replica,
  space: (name: string) => Space,
  work: (tx: Transaction) => R | Promise<R>,
  options: WriteOptions,
  standings: readonly StandingChange[] = [],
): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted()
    const run = new Run(replica, space, options, standings)
    try {
      const result = await run.during(work)
      await run.commit(result)
      return result
    } catch (error) {
      if (attempt === attempts || !isVarveError(error) || !(isStale(error) || (await run.isStale()))) throw error
    }
  }
}

function isStale(error: VarveError): boolean {
  return error.code === 'CONFLICT' && error.details?.['stale'] === true
}

class Run implements Transaction {
  readonly #replica: Replica
  readonly #space: (name: string) => Space
  readonly #options: WriteOptions
  readonly #standings: readonly StandingChange[]
  readonly #held = new Map<string, Held>()
  /** Calls that have not been answered yet, in order; each waits for the one before. */
  readonly #calls = new Set<Promise<unknown>>()
  #last: Promise<unknown> = Promise.resolve()
  #ended = false

  constructor(
    replica: Replica,
    space: (name: string) => Space,
    options: WriteOptions,
    standings: readonly StandingChange[],
  ) {
    this.#replica = replica
    this.#space = space
    this.#options = options
    this.#standings = standings
  }

  /** Runs the work and everything it called, also what it did not wait for. */
  async during<R>(work: (tx: Transaction) => R | Promise<R>): Promise<R> {
    try {
      const result = await work(this)
      while (this.#calls.size > 0) await Promise.all(this.#calls)
      return result
    } finally {
      this.#ended = true
      for (const call of this.#calls) call.catch(() => undefined)
    }
  }

  #inOrder<R>(work: () => Promise<R>): Promise<R> {
    if (this.#ended) {
      return Promise.reject(
        new VarveError('CLOSED', 'The transaction has ended: what it writes must be called before its work returns'),
      )
    }
    const call = this.#last.then(work)
    this.#last = call.catch(() => undefined)
    this.#calls.add(call)
    const answered = (): void => void this.#calls.delete(call)
    call.then(answered, answered)
    return call
  }

  collection<T>(name: string): TransactionCollection<T> {
    const space = this.#space(name)
    const home = {
      source: async (_: boolean, asked: readonly string[]) => presentSource(space, false, asked),
      indexes: () => Promise.resolve(usableIndexes(space)),
      search: async (indexed: boolean, asked: readonly string[]) => searchHome(space, indexed, asked),
    }
    return {
      get: (id) =>
        this.#inOrder(async () => {
          const held = await this.#hold(space, id)
          return held.state.status === 'live' ? typed<T>(docOf(shownHead(space, this.#headOf(held)))) : null
        }),
      create: (data, options = {}) => this.#inOrder(() => this.#stage(space, createWrite(space, data, options))),
      update: (id, data, options = {}) =>
        this.#inOrder(() => this.#stage(space, updateWrite(space, id, data, options))),
      patch: (id, change, options = {}) =>
        this.#inOrder(() => this.#stage(space, patchWrite(space, id, change, options))),
      enrich: (id, part, options = {}) =>
        this.#inOrder(() => this.#stage(space, enrichWrite(space, id, part, options))),
      delete: (id, options = {}) => this.#inOrder(() => this.#stage(space, deleteWrite(space, id, options))),
      restore: (id, options = {}) => this.#inOrder(() => this.#stage(space, restoreWrite(space, id, options, null))),
      find: (filter) => Query.of<T>(home, filter),
    }
  }

  /** One commit with everything staged, and what is to be stored with it, given what its work answered; `CONFLICT` with `stale` when something read has changed. */
  async commit(result: unknown): Promise<void> {
    const held = [...this.#held.values()]
    const changed = held.filter((each) => each.kind !== null)
    if (changed.length === 0 && this.#standings.length === 0) return
    assertLimit(changed.length, limits.commitEntries, 'The number of documents in one transaction')
    await this.#replica.write<readonly Outcome[]>({
      tags: held.map((each) => each.tag),
      size: changed.length,
      alone: true,
      plan: (view) => {
        for (const each of held) this.#checkUnchanged(each, view)
        const changes = changed.flatMap((each) => {
          const intent: Intent = {
            id: each.id,
            tag: each.tag,
            kind: each.kind ?? 'change',
            operations: each.operations,
          }
          return changeOf(each.space, view.head(each.tag), intent, { ...this.#options, ...each.options })?.change ?? []
        })
        if (changes.length === 0 && this.#standings.length > 0)
          throw new RangeError('standings go with a change of the directory, and there is none')
        const { values } = this.#options
        return {
          changes,
          standings: this.#standings,
          finish: (outcomes) => outcomes,
          ...(values === undefined ? {} : { values: () => values(result) }),
        }
      },
    })
  }

  /** Whether something it read has changed: what it failed for may be that it saw half of another's commit. */
  async isStale(): Promise<boolean> {
    for (const { base, tag } of this.#held.values()) if (ovOf(base) !== ovOf(await this.#read(tag))) return true
    return false
  }

  #checkUnchanged(held: Held, view: PlanView): void {
    const now = view.head(held.tag)
    const [was, is] = [ovOf(held.base), ovOf(now)]
    if (was !== is) {
      throw new VarveError(
        'CONFLICT',
        `"${held.id}" changed while a transaction was using it, again and again: try later`,
        {
          details: { id: held.id, expected: was, actual: is, stale: true },
          retryable: true,
        },
      )
    }
  }

  async #stage(space: Space, write: Write): Promise<Staged> {
    const held = await this.#hold(space, write.id)
    const reads = await Promise.all(write.reads.map((tag) => this.#read(tag)))
    const view = { head: (tag: Uint8Array) => reads[write.reads.findIndex((other) => toHex(other) === toHex(tag))] }
    const head = this.#headOf(held)
    const intent = await write.intend(held.base === undefined && held.kind === null ? undefined : head, view)
    const actor = write.options.actor ?? this.#options.actor ?? this.#replica.context.user
    const operations = sealOperations(space, head, held.id, intent.operations)
    const after = foldEntry(held.state, { id: held.id, actor, operations })
    const changed = after !== held.state
    if (changed) {
      held.state = after
      held.kind ??= intent.kind
      held.operations = [...held.operations, ...operations]
      held.options = { ...held.options, ...write.options }
    }
    return { id: held.id, ov: headOv(held.base ?? absentHead) + (held.kind === null ? 0 : 1), changed }
  }

  async #hold(space: Space, id: string): Promise<Held> {
    const tag = tagOf(space, id)
    const name = toHex(tag)
    const known = this.#held.get(name)
    if (known !== undefined) return known
    const base = await this.#read(tag)
    const held: Held = {
      space,
      id,
      tag,
      base,
      state: (base ?? absentHead).state,
      kind: null,
      operations: [],
      options: {},
    }
    // Another read of the same document may have been first while this one waited.
    const first = this.#held.get(name) ?? held
    this.#held.set(name, first)
    return first
  }

  async #read(tag: Uint8Array): Promise<Head | undefined> {
    const [row] = await this.#replica.store.documents([tag])
    return row === null || row === undefined || row.state === null ? undefined : decodeHead(row.state)
  }

  #headOf(held: Held): Head {
    const base = held.base ?? absentHead
    return held.kind === null ? base : { ...base, state: held.state, pending: base.pending + 1 }
  }
}

/** -1 without a head. */
function ovOf(head: Head | undefined): number {
  return head === undefined ? -1 : headOv(head)
}
