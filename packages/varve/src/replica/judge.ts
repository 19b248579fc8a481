/** The recorder's judgement of a commit: accepted, or refused with a code and a reason. */

import { compareBytes, equalBytes, toHex } from '../encoding/bytes.ts'
import { stampMs } from '../encoding/stamp.ts'
import type { CommitHeader } from '../log/header.ts'
import type { Receipt } from '../log/receipt.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { ReplicaContext } from './context.ts'
import type { Recorded } from './counting.ts'
import { pendingPlace } from '../store/rows.ts'
import type { Store } from '../store/store.ts'
import type { ReplicaState } from './state.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/**
 * What holds for a commit wherever it waits: its device may write, and its clock is not ahead of ours or of the
 * recorder's last time (whose clock may once have jumped: that must not shut everyone out). What members
 * stamped does not count, or they could push the limit on, minute by minute. `at` is the time of the receipt that
 * the commit is getting now; null while it waits.
 */
export function standing(
  context: ReplicaContext,
  { state, standings }: Pick<WorkingSet, 'state' | 'standings'>,
  publicKey: Uint8Array,
  header: CommitHeader,
  at: number | null,
): Receipt['refused'] {
  const reason = context.refuses(publicKey, header, { standings, recorded: at !== null })
  if (reason !== null) return { code: 'FORBIDDEN', reason }
  if (!hasRoom(state, header.collections)) {
    const full = `The database has ${limits.databaseCollections} collections, more are not allowed`
    return { code: 'TOO_LARGE', reason: full }
  }
  return ahead(header, at ?? Math.max(context.env.now(), state.record.at))
}

function ahead(header: CommitHeader, at: number): Receipt['refused'] {
  const ms = stampMs(header.stamp) - at
  if (ms <= limits.clockDriftMs) return null
  return {
    code: 'CLOCK_AHEAD',
    reason: `The clock of the device is ${ms} ms ahead, ${limits.clockDriftMs} are allowed`,
  }
}

/** Whether these collections (tags) may be in the database: its counters are stored with every write. */
export function hasRoom({ collections }: Pick<ReplicaState, 'collections'>, tags: readonly Uint8Array[]): boolean {
  if (collections.length + tags.length <= limits.databaseCollections) return true
  const known = new Set(collections.map(({ tag }) => toHex(tag)))
  const added = new Set(tags.map(toHex).filter((tag) => !known.has(tag)))
  return added.size === 0 || collections.length + added.size <= limits.databaseCollections
}

/**
 * Holds a recorder to what it must refuse, as far as this replica can tell without knowing more than the record: a
 * recorder that accepted it is found out (`TAMPERED`), so that members need not trust it with their tenant. Who might
 * write what is told by the directory's own record alone: of no other is it known which of its receipts came after
 * which of these.
 */
export async function checkAccepted(context: ReplicaContext, set: WorkingSet, accepted: Accepted): Promise<void> {
  const { recorder, publicKey, header, recorded } = accepted
  const { at } = recorded.receipt
  const refusal =
    forbidden(context, set, accepted) ??
    ahead(header, at) ??
    distinct(accepted) ??
    // What it expects of its own commits concerns nobody else.
    (header.preconditions.length === 0 || equalBytes(recorder, publicKey) || set.state.feeds >= limits.knownFeeds
      ? null
      : await preconditions(context.store, set, accepted))
  if (refusal !== null) throw acceptedWrongly(recorded.record, refusal.reason)
}

/** Why a receipt is not taken over that accepts what it must not. */
export function acceptedWrongly(record: number, reason: string): VarveError {
  return new VarveError(
    'TAMPERED',
    `Receipt ${record} accepts a commit that must be refused: ${reason}; nothing was taken over`,
    { details: { record } },
  )
}

function forbidden(
  context: ReplicaContext,
  { standings }: WorkingSet,
  { publicKey, header }: Accepted,
): Receipt['refused'] {
  const isDirectory = context.keepStandings !== undefined
  if (!isDirectory && header.standings.length === 0) return null
  const reason = context.refuses(publicKey, header, { standings, recorded: true })
  return reason === null ? null : { code: 'FORBIDDEN', reason }
}

/**
 * Commits in the order in which they are judged: by stamp, but feeds that say who belongs to the tenant first, as far
 * as they do, so that a device is known before its own commits come; and before those the ones that others stand for,
 * which count only once these are refused. The order of each feed is kept.
 */
export function inJudgingOrder<T extends Placed>(commits: readonly T[]): readonly T[] {
  const [named, approving] = [lastNamed(commits), new Map<string, number>()]
  for (const { feed, seq, header } of commits) if (header.standings.length > 0) approving.set(toHex(feed), seq)
  if (named.size === 0 && approving.size === 0) return commits.toSorted(compareCommits)
  const turns: [T[], T[], T[]] = [[], [], []]
  for (const commit of commits) {
    const feed = toHex(commit.feed)
    const isNamed = commit.seq <= (named.get(feed) ?? -1)
    turns[isNamed ? 0 : commit.seq <= (approving.get(feed) ?? -1) ? 1 : 2].push(commit)
  }
  return turns.flatMap((list) => list.toSorted(compareCommits))
}

/** By feed, the last commit that another one of the same device stands for: nobody brings others' commits forward. */
function lastNamed(commits: readonly Placed[]): ReadonlyMap<string, number> {
  const last = new Map<string, number>()
  const originals = commits.filter(({ header }) => header.original !== null)
  if (originals.length === 0) return last
  const devices = new Map(commits.map(({ feed, publicKey }) => [toHex(feed), publicKey]))
  for (const { feed, publicKey, header } of originals) {
    if (header.original === null) continue
    const name = toHex(header.original.feed)
    if (name === toHex(feed) || !equalBytes(devices.get(name) ?? new Uint8Array(), publicKey)) continue
    last.set(name, Math.max(last.get(name) ?? -1, header.original.seq))
  }
  return last
}

interface Placed {
  readonly feed: Uint8Array
  readonly publicKey: Uint8Array
  readonly seq: number
  readonly header: CommitHeader
}

/** Within a feed stamps ascend, so its order is kept. */
function compareCommits(a: Placed, b: Placed): number {
  if (a.header.stamp !== b.header.stamp) return a.header.stamp < b.header.stamp ? -1 : 1
  return compareBytes(a.feed, b.feed)
}

/** A commit has one entry for a document at most, or its versions could not be numbered. */
export function distinct({ documents }: { readonly documents: readonly Uint8Array[] }): Receipt['refused'] {
  if (new Set(documents.map(toHex)).size === documents.length) return null
  return { code: 'INVALID', reason: 'Two entries of the commit change one document' }
}

/** A commit to be recorded, and what its author knew beyond what earlier commits of its feed say. */
export interface Judged {
  readonly feed: number
  readonly seq: number
  readonly header: CommitHeader
  /** Row tags of its entries. */
  readonly documents: readonly Uint8Array[]
  /** Local number of the feed with this id; undefined when there is none. */
  feedNumber(id: Uint8Array): number | undefined
}

/** A commit that a receipt accepts. */
export interface Accepted extends Judged {
  readonly publicKey: Uint8Array
  readonly recorded: Recorded
  /** Public key of the recorder whose receipt it is. */
  readonly recorder: Uint8Array
}

/**
 * What the recorder also checks: that the documents are at the versions the commit expects, and that its
 * author knew the last of them. The number alone is not enough: the author may have counted an own
 * change that was refused.
 */
export async function preconditions(store: Store, set: WorkingSet, judged: Judged): Promise<Receipt['refused']> {
  for (const { index, ov } of judged.header.preconditions) {
    const tag = judged.documents[index]
    if (tag === undefined) return { code: 'INVALID', reason: 'A precondition names an entry that is not there' }
    const document = set.find(tag)
    const actual = (document?.head.recorded ?? 0) - 1
    if (actual !== ov)
      return { code: 'CONFLICT', reason: `Version ${ov} was expected, the document has version ${actual}` }
    if (document !== undefined && ov >= 0 && !(await knewLast(store, set, judged, document)))
      return { code: 'CONFLICT', reason: `Another version ${ov} was expected than the one the document has` }
  }
  return null
}

async function knewLast(store: Store, set: WorkingSet, judged: Judged, document: WorkingDocument): Promise<boolean> {
  const fresh = set.entries.findLast((row) => row.document === document.no && row.place < pendingPlace)
  const [stored] =
    fresh === undefined
      ? await store.entries(document.no, { from: 0, to: pendingPlace, limit: 1, reverse: true })
      : [fresh]
  if (stored === undefined) return false
  const last = set.commits.find(({ no }) => no === stored.commit) ?? (await store.commitHeads([stored.commit]))[0]
  if (last === null || last === undefined) return false
  if (last.feed === judged.feed) return true
  const { feed, seq, header } = judged
  const listed = header.dependencies
    .filter((on) => judged.feedNumber(on.feed) === last.feed)
    .map(({ length }) => length)
  const before = set.dependencies
    .filter((row) => row.feed === feed && row.on === last.feed && row.seq <= seq)
    .map(({ seen }) => seen)
  return Math.max(await store.seen(feed, last.feed, seq), ...listed, ...before) > last.seq
}
