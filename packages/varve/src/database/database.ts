/** A database: its collections, transactions, history, sync and checks. */

import { checkName } from '../encoding/id.ts'
import { parseTime } from '../document/head.ts'
import { VarveError } from '../errors.ts'
import type { Mode } from '../log/database-id.ts'
import type { PruneReport } from '../replica/prune-batch.ts'
import { dismissRefusal } from '../replica/refusals.ts'
import type { Replica } from '../replica/replica.ts'
import { verifyReplica } from '../replica/verify.ts'
import type { Transport } from '../sync/transports/transport.ts'
import { guarded, parseSearchOptions, type Extractor } from '../search/fields.ts'
import type { FilesHome } from '../attachments/files-home.ts'
import type { AttachHome } from './attach.ts'
import { Collection } from './collection.ts'
import { parseIndexes } from './indexes.ts'
import { Counters } from './counters.ts'
import type { Neighbours } from './entities.ts'
import { changes, commits, cursorOf } from './follow.ts'
import { pruneDatabase, type PruneOptions } from './prune.ts'
import { listRefused, type RefusedWrite } from './refused.ts'
import { validatorOf } from './schema.ts'
import { declaredSeal } from './seal.ts'
import { assertIndexable } from './seal-query.ts'
import { makeSpace, noRules, noSeal, type SealRule, type Space } from './space.ts'
import { collectionNames, statsOf } from './stats.ts'
import { syncReplicas } from './sync.ts'
import { transact, type Transaction } from './transaction.ts'
import type {
  Cancellable,
  Change,
  ChangesOptions,
  CollectionOptions,
  CommitInfo,
  DatabaseStats,
  SyncReport,
  VerifyReport,
  WriteOptions,
} from './types.ts'
import type { TextHome } from './open-text.ts'
import type { CompanyHome } from './text-awareness.ts'
import { databaseView, type DatabaseView } from './view.ts'

/** What a database asks of its tenant. */
export interface DatabaseHome {
  /** The tenant's id. */
  readonly id: string
  /** Exchanges directories first, so that both sides know each other's devices. */
  beforeSync(peer: DatabaseHome): Promise<void>
  /** Where its attachments are kept; absent where there is no tenant. */
  readonly files?: FilesHome
  /** How its members reach each other while they have texts open; absent where there is no tenant. */
  readonly company?: CompanyHome
  /** Syncs a replica once with whoever is at the other end of a transport. */
  syncOver(replica: Replica, transport: Transport, signal?: AbortSignal): Promise<SyncReport>
}

const replicas = new WeakMap<Database, Replica>()

/** The replica beneath a database, for tools that look at the log itself. */
export function replicaOf(database: Database): Replica {
  const replica = replicas.get(database)
  if (replica === undefined) throw new VarveError('INVALID', 'This is not a database of this Varve')
  return replica
}

export class Database {
  readonly #replica: Replica
  readonly #home: DatabaseHome
  readonly #neighbours: Neighbours & AttachHome & TextHome
  readonly #spaces = new Map<string, Space>()
  readonly #seals = new Map<string, SealRule>()
  /** What was created, updated and deleted, and counted under rules. */
  readonly counters: Counters

  constructor(replica: Replica, home: DatabaseHome) {
    this.#replica = replica
    this.#home = home
    this.counters = new Counters(replica, home.id)
    this.#neighbours = {
      space: (name) => this.#space(name),
      transact: (work, options) => this.transact(work, options),
      files: home.files ?? null,
      company: home.company ?? null,
    }
    replicas.set(this, replica)
  }

  get name(): string {
    return this.#replica.context.name
  }

  get mode(): Mode {
    return this.#replica.context.mode
  }

  /** A handle; nothing is created until the first write. Rules given last hold for all handles of the name. */
  collection<T>(name: string, options: CollectionOptions<T> = {}): Collection<T> {
    const known = this.#spaces.get(name)?.rules ?? noRules
    const seal = declaredSeal(known.seal(), options, this.mode)
    assertIndexable(name, seal, [
      ...parseIndexes(options.indexes ?? []).flatMap(({ paths }) => paths),
      ...(options.search === undefined ? [] : parseSearchOptions(options.search).map(({ path }) => path)),
    ])
    this.#seals.set(name, seal)
    const rules = {
      key: options.key ?? known.key,
      conflict: options.conflict ?? known.conflict,
      validate: options.schema === undefined ? known.validate : validatorOf(options.schema),
      seal: () => this.#seals.get(name) ?? noSeal,
    }
    const space = makeSpace(this.#replica, checkName(name, 'collection'), rules)
    this.#spaces.set(name, space)
    return new Collection<T>(space, this.#neighbours, options)
  }

  /**
   * What makes text of files of this media type, for search indexes: objects with such a `type` at a field. The answer
   * must depend on the object alone. Register before collections are used: indexes made without it are made again then.
   */
  registerExtractor(type: string, extract: Extractor): void {
    const { extractors, context } = this.#replica
    const failed = (problem: string): void => context.env.log('warn', 'an extractor failed', { type, problem })
    extractors.set(checkName(type, 'media type'), guarded(extract, failed))
  }

  /** Names of the collections that have documents this device can read. */
  collections(): readonly string[] {
    return collectionNames(this.#replica)
  }

  /** Everything `work` writes through `tx` becomes one commit, or nothing. Throws `CONFLICT` when others keep winning. */
  transact<R>(work: (tx: Transaction) => R | Promise<R>, options: WriteOptions = {}): Promise<R> {
    return transact(this.#replica, (name) => this.#space(name), work, options)
  }

  /** Each changed document once, with its latest state and a cursor to go on from. Throws `STALE_CURSOR`. */
  changes(options: ChangesOptions = {}): AsyncIterable<Change> {
    return changes(this.#replica, options)
  }

  /** A cursor for `changes` and `commits`: what is here now lies before it, what comes later after it. */
  cursor(): string {
    return cursorOf(this.#replica)
  }

  /** The log itself, in order of arrival. */
  commits(options: { readonly since?: string } = {}): AsyncIterable<CommitInfo> {
    return commits(this.#replica, options.since)
  }

  /** The database as recorded at a time or record number; before the first record it is empty. */
  async asOf(at: string | Date | { readonly record: number }): Promise<DatabaseView> {
    const record =
      typeof at === 'object' && 'record' in at ? at.record : ((await this.#replica.store.recordAt(parseTime(at))) ?? -1)
    if (!Number.isSafeInteger(record) || record < -1 || record >= this.#replica.state.record.length) {
      throw new VarveError(
        'NOT_FOUND',
        `There is no record ${record}: they go from 0 to ${this.#replica.state.record.length - 1}`,
      )
    }
    return databaseView(record, (name) => this.#space(name))
  }

  /**
   * Both ways, once, without a server: with a database of this process, or over a transport whose other end calls
   * `tenant.accept`. What is sound is exchanged before it throws `FORKED_FEED`, `TAMPERED`,
   * `FORBIDDEN` or another error of a batch; nothing of a bad batch stays.
   */
  async sync(peer: Database | Transport, options: Cancellable = {}): Promise<SyncReport> {
    if (!(peer instanceof Database)) return this.#home.syncOver(this.#replica, peer, options.signal)
    await this.#home.beforeSync(peer.#home)
    return syncReplicas(this.#replica, peer.#replica, options)
  }

  /** Recomputes everything from the log and reports every difference, naming its place. */
  verify(options: Cancellable = {}): Promise<VerifyReport> {
    return verifyReplica(this.#replica, options.signal)
  }

  /**
   * Takes versions away for good, of every collection: what is older answers `PRUNED`, naming where the past begins now.
   * The present, `ov`, `cv`, chains, receipts and proofs stay as they are. Interrupted, the next call goes on. Throws
   * `INVALID`, `FORBIDDEN` where another device records, `KEY_MISSING` when something that goes cannot be read, `UNSUPPORTED`.
   */
  prune(options: PruneOptions): Promise<PruneReport> {
    return pruneDatabase(this.#replica, options)
  }

  /** Writes of this device that the recorder refused, oldest first, until they are dismissed. */
  refused(): Promise<readonly RefusedWrite[]> {
    return listRefused(this.#replica)
  }

  /** Takes a refused write, by its record number, off the list. */
  dismissRefused(record: number): Promise<void> {
    return dismissRefusal(this.#replica, record)
  }

  stats(): Promise<DatabaseStats> {
    return statsOf(this.#replica)
  }

  #space(name: string): Space {
    const known = this.#spaces.get(name)
    if (known !== undefined) return known
    const rules = { ...noRules, seal: () => this.#seals.get(name) ?? noSeal }
    const made = makeSpace(this.#replica, checkName(name, 'collection'), rules)
    this.#spaces.set(name, made)
    return made
  }
}
