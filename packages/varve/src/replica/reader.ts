/** Reading stored commits and entries: decoded headers are cached, bodies are opened with the keys held. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { checkId, checkName } from '../encoding/id.ts'
import { VarveError } from '../errors.ts'
import { bodiesRoot, EntrySealer, noCommit } from '../log/commit.ts'
import { decodeEntry, type EntryBody } from '../log/entry.ts'
import { bodyOffsets, decodeHeader, splitBodies, type CommitHeader, type EntryHeader } from '../log/header.ts'
import { collectionTag, documentTag } from '../log/tag.ts'
import { decodeOperation } from '../document/operation.ts'
import type { Order } from '../document/head.ts'
import type { FoldEntry } from '../document/fold.ts'
import { stampMs } from '../encoding/stamp.ts'
import type { CommitHead, EntryRow, FeedRow } from '../store/rows.ts'
import type { ReplicaContext, SealKey } from './context.ts'
import { declarationsName } from './declarations.ts'
import { Pruned } from './pruned.ts'

/** A commit with its header decoded. */
export interface ReadCommit {
  readonly head: CommitHead
  readonly header: CommitHeader
  readonly offsets: readonly number[]
  readonly sealer: EntrySealer
}

/** An entry as far as this replica can read it. */
export interface ReadEntry {
  readonly row: EntryRow
  readonly order: Order
  /** Trusted time, or the authored time while pending. */
  readonly at: number
  readonly authoredAt: number
  readonly header: EntryHeader
  /** Name of the key that opened it; null for the database's own, in open databases and for locked entries. */
  readonly key: string | null
  /** Null when its key is not held; `lockedBy` is that key's id in hex then. */
  readonly entry: ReadBody | null
  readonly lockedBy: string | null
}

/** A body as the fold needs it, with the words that stand beside it. */
interface ReadBody extends FoldEntry {
  readonly collection: string | null
  readonly reason: string | null
  /** True for an entry that its author made wrongly; `reason` then says what is wrong. */
  readonly void: boolean
}

export type Unsealed = ReadBody & { readonly key: string | null }

/** An entry that cannot be read here yet: the id in hex of the key it needs, or `newerFormat`. */
export interface Locked {
  readonly lockedBy: string
}

/** Stands for a key that comes with a newer Varve. */
export const newerFormat = 'newer-format'

/** Stands for every key at a node that holds none by design. */
const blindNode = 'blind'

export function isLocked(entry: Unsealed | Locked): entry is Locked {
  return 'lockedBy' in entry
}

/** Commits kept, and entries in their headers: documents of big commits are read one after the other. */
const cachedCommits = 256
const cachedEntries = 16_384

export class EntryReader {
  readonly pruned: Pruned
  readonly #context: ReplicaContext
  readonly #feeds: (no: number) => FeedRow | undefined
  readonly #cache = new Map<number, ReadCommit>()
  #cachedEntries = 0
  readonly #collectionTags = new Map<string, Uint8Array>()

  constructor(context: ReplicaContext, feeds: (no: number) => FeedRow | undefined) {
    this.#context = context
    this.#feeds = feeds
    this.pruned = new Pruned(context)
  }

  /** Must be called when verdicts change what is cached. */
  forget(commit: number): void {
    this.#cachedEntries -= this.#cache.get(commit)?.header.entries.length ?? 0
    this.#cache.delete(commit)
  }

  /** The entries of these rows, in the same order; throws `TAMPERED` when a body does not open, `PRUNED` when it is gone. */
  async read(rows: readonly EntryRow[]): Promise<readonly ReadEntry[]> {
    const commits = await this.commits(rows.map((row) => row.commit))
    const parts = rows.map((row) => {
      const commit = commits.get(row.commit)
      const size = commit?.header.entries[row.index]?.size
      if (commit === undefined || size === undefined) throw missing(row)
      return { commit: row.commit, offset: commit.offsets[row.index] ?? 0, size }
    })
    const bodies = await this.#context.store.bodies(parts)
    // Looked at afterwards: what is dropped meanwhile comes back empty.
    const gone = rows.find(({ commit }) => this.pruned.dropped.has(commit))
    if (gone !== undefined) throw pruned(gone)
    const opened = rows.map((row, i) => {
      const commit = commits.get(row.commit)
      const body = bodies[i]
      if (commit === undefined || body === undefined) throw missing(row)
      return this.#openStored(commit, row, body)
    })
    return Promise.all(opened)
  }

  /** Decoded commits by local number. */
  async commits(nos: readonly number[]): Promise<ReadonlyMap<number, ReadCommit>> {
    const found = new Map<number, ReadCommit>()
    const wanted = new Set<number>()
    for (const no of nos) {
      const cached = this.#cache.get(no)
      if (cached === undefined) wanted.add(no)
      else found.set(no, cached)
    }
    const list = [...wanted]
    const heads = await this.#context.store.commitHeads(list)
    heads.forEach((head, i) => {
      if (head === null)
        throw new VarveError('TAMPERED', `Commit ${list[i] ?? ''} is missing from the store: run verify`)
      const commit = this.decode(head)
      found.set(head.no, commit)
      this.#remember(head.no, commit)
    })
    return found
  }

  decode(
    head: CommitHead,
    header: CommitHeader = decodeHeader(head.header),
    feed = this.#feeds(head.feed),
  ): ReadCommit {
    if (feed === undefined) throw new VarveError('TAMPERED', `Feed ${head.feed} is missing from the store: run verify`)
    const place = { database: this.#context.id, feed: feed.id, seq: head.seq, previous: noCommit }
    return { head, header, offsets: bodyOffsets(header), sealer: new EntrySealer(place, header) }
  }

  /** One entry whose body is known to be the one its commit names. */
  open(commit: ReadCommit, row: EntryRow, body: Uint8Array): ReadEntry {
    return readEntry(commit, row, this.unseal(commit, row.index, body))
  }

  async #openStored(commit: ReadCommit, row: EntryRow, body: Uint8Array): Promise<ReadEntry> {
    const opened = this.open(commit, row, body)
    if (opened.entry?.void !== true) return opened
    const [stored] = await this.#context.store.commits(commit.head.feed, commit.head.seq, 1)
    if (
      stored === undefined ||
      !equalBytes(bodiesRoot(splitBodies(commit.header, stored.bodies)), commit.header.root)
    ) {
      throw new VarveError(
        'TAMPERED',
        `Entry ${row.index} of commit ${row.commit} was changed in the store: restore the replica`,
        {
          details: { commit: row.commit, index: row.index },
        },
      )
    }
    return opened
  }

  /**
   * The body of one entry and the name of its key, or what it is locked by. A body that its author
   * sealed or wrote wrongly is void: it counts as a version and changes nothing, everywhere.
   */
  unseal(commit: ReadCommit, index: number, body: Uint8Array): Unsealed | Locked {
    const entryHeader = commit.header.entries[index]
    if (entryHeader === undefined)
      throw new VarveError('TAMPERED', `Commit ${commit.head.no} has no entry ${index}: run verify`)
    if (this.#context.blind === true) return { lockedBy: blindNode }
    const { keys, mode } = this.#context
    const keyId = commit.header.keys[entryHeader.key]
    const key = keyId === undefined || mode === 'open' ? null : keys.byId(toHex(keyId))
    if (keyId !== undefined && mode === 'sealed' && key === null) return { lockedBy: toHex(keyId) }
    try {
      // Who reads an open database reads all of it but sealed attributes, or replicas would fold it differently.
      if (keyId !== undefined && mode === 'open')
        throw new VarveError('TAMPERED', 'An entry of an open database is sealed')
      if (key === null && mode === 'sealed')
        throw new VarveError('TAMPERED', 'An entry of a sealed database is not sealed')
      const plain = decodeEntry(key === null ? body : commit.sealer.open(index, entryHeader, key.key, body))
      this.#checkName(commit.header, entryHeader, plain)
      return { key: this.#ownName(key), ...readable(plain) }
    } catch (error) {
      if (!(error instanceof VarveError)) throw error
      if (error.code === 'UNSUPPORTED_VERSION') return { lockedBy: newerFormat }
      return {
        key: this.#ownName(key),
        id: null,
        collection: null,
        actor: null,
        reason: error.message,
        operations: [],
        void: true,
      }
    }
  }

  #ownName(key: SealKey | null): string | null {
    return key === null || key.name === this.#context.defaultKey ? null : key.name
  }

  /** A document's id must be the one its tag stands for, or two documents could share an id. */
  #checkName(header: CommitHeader, entry: EntryHeader, plain: EntryBody): void {
    if (plain.id === null && plain.collection === null) return
    if (plain.id === null || plain.collection === null)
      throw new VarveError('INVALID', 'An entry names its document by id and collection, or by neither')
    checkId(plain.id)
    const collection = header.collections[entry.collection]
    const { tagKey } = this.#context
    const fits =
      collection !== undefined &&
      equalBytes(this.#collectionTag(tagKey, plain.collection), collection) &&
      equalBytes(documentTag(tagKey, collection, plain.id), entry.tag)
    if (!fits) throw new VarveError('TAMPERED', 'The id inside an entry is not the one its tag stands for')
  }

  #collectionTag(tagKey: Uint8Array, name: string): Uint8Array {
    const known = this.#collectionTags.get(name)
    if (known !== undefined) return known
    const isOwn = name === declarationsName && this.#context.mode === 'open'
    const tag = collectionTag(tagKey, isOwn ? name : checkName(name, 'collection'))
    if (this.#collectionTags.size < cachedCommits) this.#collectionTags.set(name, tag)
    return tag
  }

  #remember(no: number, commit: ReadCommit): void {
    this.forget(no)
    this.#cache.set(no, commit)
    this.#cachedEntries += commit.header.entries.length
    for (const oldest of this.#cache.keys()) {
      if (oldest === no || (this.#cache.size <= cachedCommits && this.#cachedEntries <= cachedEntries)) break
      this.forget(oldest)
    }
  }
}

function readEntry({ head, header }: ReadCommit, row: EntryRow, unsealed: Unsealed | Locked): ReadEntry {
  const entryHeader = header.entries[row.index]
  if (entryHeader === undefined) throw missing(row)
  const authoredAt = stampMs(head.stamp)
  const order = { stamp: head.stamp, feed: head.feed }
  const entry = isLocked(unsealed) ? null : unsealed
  const lockedBy = isLocked(unsealed) ? unsealed.lockedBy : null
  return {
    row,
    order,
    at: head.at ?? authoredAt,
    authoredAt,
    header: entryHeader,
    key: entry?.key ?? null,
    entry,
    lockedBy,
  }
}

function readable(body: EntryBody): ReadBody {
  const operations = body.operations.map(decodeOperation)
  // Without its id a document would be created that nothing names.
  if (body.id === null && operations.some(({ op }) => op === 'put'))
    throw new VarveError('INVALID', 'An entry that creates a document names its id')
  return {
    id: body.id,
    collection: body.collection,
    actor: body.actor,
    reason: body.reason,
    operations,
    void: false,
  }
}

function pruned({ commit, index }: EntryRow): VarveError {
  return new VarveError('PRUNED', `Entry ${index} of commit ${commit} has been pruned: ask for a later version`, {
    details: { commit, index },
  })
}

function missing(row: EntryRow): VarveError {
  return new VarveError(
    'TAMPERED',
    `Entry ${row.index} of commit ${row.commit} is missing from the store: run verify`,
    {
      details: { commit: row.commit, index: row.index },
    },
  )
}
