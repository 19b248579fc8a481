/** A replica: one local copy of a database, its log, heads and indexes kept in step by atomic writes. */

import { compareBytes, toHex } from '../encoding/bytes.ts'
import { isVarveError, VarveError } from '../errors.ts'
import type { Order } from '../document/head.ts'
import { assertLimit, limits } from '../limits.ts'
import { assertMode } from '../log/database-id.ts'
import type { FeedRow } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { Extractor } from '../search/fields.ts'
import { Appender, assertOneCommit, type Outcome } from './append.ts'
import { hasRoom } from './judge.ts'
import { signHeads } from './sign.ts'
import { AwaitedVerdicts } from './awaited-verdicts.ts'
import { ChangeFeed } from './changes.ts'
import type { ReplicaContext } from './context.ts'
import { ReplicaCounters } from './counters.ts'
import { adoptDeclarations } from './declarations.ts'
import { WriteQueue, type Plan, type PlanView, type Waiting, type WriteTask } from './queue.ts'
import { EntryReader } from './reader.ts'
import { refusals } from './refusals.ts'
import { clockAgrees, reissueAhead } from './reissue.ts'
import { decodeState, encodeState, initialState, stateName, type CollectionState, type ReplicaState } from './state.ts'
import { WorkingSet } from './working.ts'

const databaseName = 'database'
const instanceName = 'instance'

export class Replica {
  readonly context: ReplicaContext
  readonly reader: EntryReader
  /** Names this copy, in hex: cursors of changes fit it alone. */
  readonly instance: string
  readonly awaited = new AwaitedVerdicts()
  readonly counters: ReplicaCounters
  #state: ReplicaState
  readonly #feeds = new Map<number, FeedRow>()
  readonly #feedNumbers = new Map<string, number>()
  /** Feeds that grew since our own last commit. */
  readonly #unlisted = new Set<number>()
  /** Feeds with commits that have no receipt. */
  readonly #waiting = new Set<number>()
  readonly #queue: WriteQueue
  /** What makes text of files for search indexes, by media type. */
  readonly extractors = new Map<string, Extractor>()
  readonly #listeners = new Set<() => void>()
  readonly changes = new ChangeFeed()
  /** What writes what it still holds back before this replica closes; must not throw. */
  readonly closing = new Set<() => Promise<void>>()
  #readable = 0
  #followers = 0
  /** Whether own commits may have been refused because the clock was ahead, perhaps before this replica was opened. */
  #ahead = true
  #clockIsRight = false
  #reissuing: Promise<void> | null = null
  #closed = false
  /** Why every call fails, after the tenant was wiped. */
  #refusal: VarveError | null = null

  private constructor(
    context: ReplicaContext,
    state: ReplicaState,
    feeds: readonly FeedRow[],
    own: { readonly instance: Uint8Array; readonly counters: ReplicaCounters },
  ) {
    this.context = context
    this.instance = toHex(own.instance)
    this.counters = own.counters
    this.#state = state
    this.reader = new EntryReader(context, (no) => this.#feeds.get(no))
    this.#queue = new WriteQueue((group) => this.#flush(group))
    for (const feed of feeds) this.#adoptFeed(feed)
  }

  /** Opens the replica in `context.store`, making it when the store is empty. */
  static async open(context: ReplicaContext): Promise<Replica> {
    const { store } = context
    assertMode(context.id, context.mode)
    const known = await store.value(databaseName)
    if (known !== null && compareBytes(known, context.id) !== 0) {
      throw new VarveError(
        'TAMPERED',
        `The store of database "${context.name}" holds another database: a file was swapped, restore it`,
        {
          details: { database: toHex(context.id), found: toHex(known) },
        },
      )
    }
    if (known === null) {
      const values = new Map([
        [databaseName, context.id],
        [stateName, encodeState(initialState)],
        [instanceName, context.env.random(8)],
      ])
      await store.write({ values })
    }
    const bytes = await store.value(stateName)
    const instance = await store.value(instanceName)
    if (bytes === null || instance === null)
      throw new VarveError('TAMPERED', `The store of database "${context.name}" has lost its state: restore it`)
    const own = { instance, counters: await ReplicaCounters.load(context) }
    const replica = new Replica(context, decodeState(bytes), await store.feeds(), own)
    await replica.reader.pruned.load()
    replica.#ahead = (await refusals(store)).some(({ code }) => code === 'CLOCK_AHEAD')
    return replica
  }

  get store(): Store {
    if (this.#refusal !== null) throw this.#refusal
    return this.context.store
  }

  get state(): ReplicaState {
    return this.#state
  }

  get feeds(): ReadonlyMap<number, FeedRow> {
    return this.#feeds
  }

  /** True when this device issues the receipts of the database. */
  get records(): boolean {
    return this.context.records()
  }

  /** Feeds with commits that wait for receipts. */
  get waitingFeeds(): readonly FeedRow[] {
    return [...this.#waiting].flatMap((no) => this.#feeds.get(no) ?? [])
  }

  /** True when commits of any feed wait for receipts. */
  get waits(): boolean {
    return this.#waiting.size > 0
  }

  /** True when what is written now gets its receipt in the same write: what waits for one goes first. */
  get recordsNow(): boolean {
    return !this.waits && this.records
  }

  /** Time order of entries; equal stamps of two feeds are ordered by feed id. */
  readonly compare = (a: Order, b: Order): number => {
    if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1
    if (a.feed === b.feed) return 0
    return compareBytes(
      this.#feeds.get(a.feed)?.id ?? new Uint8Array(),
      this.#feeds.get(b.feed)?.id ?? new Uint8Array(),
    )
  }

  feedById(id: Uint8Array): FeedRow | undefined {
    const no = this.#feedNumbers.get(toHex(id))
    return no === undefined ? undefined : this.#feeds.get(no)
  }

  get ownFeed(): FeedRow | null {
    const no = this.#state.ownFeed
    return no === null ? null : (this.#feeds.get(no) ?? null)
  }

  collection(tag: Uint8Array): CollectionState | undefined {
    return this.#state.collections.find((candidate) => compareBytes(candidate.tag, tag) === 0)
  }

  /** Queues a local write; writes waiting together share a flush and, when they may, a commit. */
  write<R>(task: WriteTask<R>): Promise<R> {
    // What was refused as ahead comes first: the user wrote it before.
    if (this.#reissuing === null && !(this.#ahead && clockAgrees(this))) return this.#queue.write(task)
    return this.reissue().then(() => this.#queue.write(task))
  }

  /** The same, ahead of what waits for commits to be issued again. */
  writeFirst<R>(task: WriteTask<R>): Promise<R> {
    return this.#queue.write(task)
  }

  /** Issues again what was refused because the clock was ahead, once it agrees; does nothing otherwise. */
  reissue(): Promise<void> {
    if (!this.#ahead && this.#reissuing === null) return Promise.resolve()
    this.#reissuing ??= this.#reissueOnce()
    return this.#reissuing
  }

  /** Whether the clock was compared and found right since commits were last refused as ahead. */
  get clockIsRight(): boolean {
    return this.#clockIsRight
  }

  /** The clock of this device was compared with the recorder's and corrected, or agrees with another node's. */
  clockFoundRight(): Promise<void> {
    this.#clockIsRight = true
    return this.reissue()
  }

  async #reissueOnce(): Promise<void> {
    let left = true
    try {
      this.#ahead = false
      left = await reissueAhead(this)
    } finally {
      // Others may have been refused meanwhile.
      this.#ahead ||= left
      this.#reissuing = null
    }
  }

  /** Runs `work` alone with a fresh working set and stores what it collected, all or nothing. */
  update<R>(work: (set: WorkingSet) => Promise<R>): Promise<R> {
    return this.#queue.exclusive(async () => {
      const set = this.#workingSet()
      const result = await work(set)
      await this.commit(set)
      return result
    })
  }

  /** Runs `work` between writes, for reads that must not see one half done. */
  exclusive<R>(work: () => Promise<R>): Promise<R> {
    return this.#queue.exclusive(work)
  }

  /** Stores a working set and takes over its counters. Only inside the queue. */
  async commit(set: WorkingSet): Promise<void> {
    adoptDeclarations(this.context, set)
    await this.counters.count(this, set)
    await this.store.write(set.batch())
    if (set.pruning !== null) this.reader.pruned.taken(set.pruning)
    this.#state = set.state
    this.counters.taken(set)
    for (const feed of set.feeds.values()) this.#adoptFeed(feed)
    for (const { commit } of set.verdicts) {
      this.reader.forget(commit)
      this.awaited.recorded(commit)
    }
    for (const record of set.unlisted) this.awaited.decided(record, null)
    if (set.refusedAhead) {
      this.#ahead = true
      this.#clockIsRight = false
    }
    if (set.standings.length > 0) this.context.keepStandings?.(set.standings)
    if (set.keysChanged || set.pruning !== null) this.#readable++
    this.changes.tell(set)
    for (const listener of this.#listeners) listener()
  }

  /** Signs the heads of the own feed and record, when something is unsigned; before anything leaves. */
  async sign(): Promise<void> {
    const { commits, receipts } = this.#state.unsigned
    if (commits === 0 && receipts === 0) return
    await this.update(async (set) => {
      const own = this.ownFeed
      const [last] = own === null ? [] : await this.store.commits(own.no, own.length - 1, 1, { bodies: false })
      signHeads(this.context, set, own, last?.no ?? null)
    })
  }

  /** Calls `listener` after every write; returns a function that stops it. */
  onWrite(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Grows when keys arrive or go, and with pruning: what was read of the past before may read differently now. */
  get readable(): number {
    return this.#readable
  }

  /** While somebody follows live, every write signs what it appends; returns a function that stops it. */
  followed(): () => void {
    this.#followers++
    return () => this.#followers--
  }

  get closed(): boolean {
    return this.#closed
  }

  /** What every call fails with after `close`. */
  get closedError(): VarveError {
    return this.#refusal ?? new VarveError('CLOSED', `Database "${this.context.name}" is closed: open the tenant again`)
  }

  /**
   * Idempotent; everything accepted before is stored and signed. With `refusal` nothing more is, because all of it is to
   * be removed, and every call fails with that.
   */
  async close(refusal: VarveError | null = null): Promise<void> {
    if (this.#closed) return
    if (refusal === null && this.closing.size > 0) await Promise.all([...this.closing].map((finish) => finish()))
    if (this.#closed) return
    this.#closed = true
    this.#refusal = refusal
    try {
      if (refusal === null) await this.sign()
    } catch (error) {
      if (!isVarveError(error, 'CLOSED')) throw error
    } finally {
      await this.#queue.close(this.closedError)
      this.awaited.end()
      await this.context.store.close()
      for (const listener of this.#listeners) listener()
    }
  }

  async #flush(group: readonly Waiting[]): Promise<void> {
    const set = this.#workingSet()
    const answered: Waiting[] = []
    try {
      await set.load(group.flatMap(({ task }) => task.tags))
      // A new feed begins by naming everything this replica knows, whatever earlier feeds of it have named.
      const unlisted =
        this.ownFeed === null
          ? [...this.#feeds.values()].filter((feed) => feed.length > 0)
          : [...this.#unlisted].flatMap((no) => this.#feeds.get(no) ?? [])
      const appender = new Appender(this.context, set, this.ownFeed, unlisted, this.recordsNow, this.#followers > 0)
      const view = { head: (tag: Uint8Array) => set.find(tag)?.head }
      const finishes: (() => void)[] = []
      for (const waiting of group) {
        const planning = this.#plan(waiting, view, set)
        // Most plans are made at once: waiting for them would cost as much as the plan.
        const plan = planning instanceof Promise ? await planning : planning
        if (plan === null) continue
        const outcomes: readonly Outcome[] =
          plan.changes.length === 0 ? [] : appender.append(plan.changes, waiting.task.alone, plan)
        for (const [name, value] of plan.values?.(outcomes) ?? []) set.values.set(name, value)
        finishes.push(() => plan.finish(outcomes))
        answered.push(waiting)
      }
      appender.finish()
      if (set.commits.length > 0) await this.commit(set)
      for (const finish of finishes) finish()
    } catch (error) {
      for (const waiting of group) waiting.reject(error)
      return
    }
    for (const waiting of answered) waiting.resolve()
  }

  #workingSet(): WorkingSet {
    const { blind, keys } = this.context
    return new WorkingSet(this.store, this.#state, (key) => blind === true || keys.byId(key) !== null, this.extractors)
  }

  /** The plan of a write, or null when it was refused alone. */
  #plan(waiting: Waiting, view: PlanView, set: WorkingSet): Plan<undefined> | null | Promise<Plan<undefined> | null> {
    try {
      const plan = waiting.task.plan(view)
      if (plan instanceof Promise || set.unique.any) return this.#planLater(waiting, plan, set)
      this.#check(plan, set)
      return plan
    } catch (error) {
      waiting.reject(error)
      return null
    }
  }

  async #planLater(
    waiting: Waiting,
    planning: Plan<undefined> | Promise<Plan<undefined>>,
    set: WorkingSet,
  ): Promise<Plan<undefined> | null> {
    try {
      const plan = await planning
      this.#check(plan, set)
      await set.unique.take(plan.changes)
      return plan
    } catch (error) {
      waiting.reject(error)
      return null
    }
  }

  /** Throws `TOO_LARGE` for what no commit can hold, and `FORBIDDEN` for what this device may not write as far as it knows. */
  #check({ changes, standings = [] }: Plan<undefined>, set: WorkingSet): void {
    if (changes.length === 0) return
    assertOneCommit(changes)
    assertLimit(standings.length, limits.commitStandings, 'The number of standings in one commit')
    const { context, recordsNow: recorded } = this
    const header = { collections: [...new Set(changes.map(({ collection }) => collection.tag))], standings }
    const reason = context.refuses(context.device.publicKey, header, { standings: set.standings, recorded })
    if (reason !== null)
      throw new VarveError('FORBIDDEN', `This device may not write that in "${context.name}": ${reason}`)
    if (!hasRoom(set.state, header.collections)) {
      throw new VarveError(
        'TOO_LARGE',
        `The database "${context.name}" has ${limits.databaseCollections} collections, more are not allowed: use another database`,
      )
    }
  }

  #adoptFeed(feed: FeedRow): void {
    this.#feeds.set(feed.no, feed)
    this.#feedNumbers.set(toHex(feed.id), feed.no)
    if (feed.no !== this.#state.ownFeed && feed.length > feed.listed) this.#unlisted.add(feed.no)
    else this.#unlisted.delete(feed.no)
    if (feed.recorded < feed.length) this.#waiting.add(feed.no)
    else this.#waiting.delete(feed.no)
  }
}
