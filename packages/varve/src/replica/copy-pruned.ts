/** Copies a pruned replica within one device, with what is gone from it: a log with holes that no peer would take. */

import { decodeBook, emptyBook, bookName } from '../counters/book.ts'
import { counterRows } from '../counters/names.ts'
import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { FeedRow, ReceiptRow, CommitHead } from '../store/rows.ts'
import { copyBatch, type Copied } from './copy-batch.ts'
import { emptied } from './copy-layout.ts'
import { commitOfNote, fileNotes } from './file-notes.ts'
import { isSameGone, prunedName, type PrunedState } from './pruned.ts'
import type { Replica } from './replica.ts'
import { signHeads } from './sign.ts'
import type { TotalsState } from './state.ts'

/** What is known of the original at the moment up to which it is copied. */
export interface Cut {
  /** Receipts, and the id of the last of them. */
  readonly length: number
  readonly head: Uint8Array
  readonly feeds: readonly FeedRow[]
  readonly pruned: PrunedState
  readonly prunedBytes: Uint8Array
  readonly totals: TotalsState
  readonly book: Uint8Array | null
  readonly counts: ReadonlyMap<string, Uint8Array>
  /** Names and values of the files that a commit notes, by its local number. */
  readonly notes: ReadonlyMap<number, readonly (readonly [string, Uint8Array])[]>
}

const batchReceipts = 256
/** Named values written together. */
const valuesAtOnce = 256

/**
 * Copies the record of `from`, which was pruned, into `to`, a blank replica of the same database on the same device: bodies
 * that are gone stay gone, edges and counts are the same. What is written meanwhile is for the ordinary exchange. False
 * when the original was pruned further meanwhile: `to` must then be thrown away, as after an error. Nothing but chains and
 * numbers is checked on the way: verify the copy. Throws `TAMPERED`, and `UNSUPPORTED` for a sealed database.
 */
export async function copyPruned(from: Replica, to: Replica): Promise<boolean> {
  if (from.context.mode !== 'open')
    throw new VarveError('UNSUPPORTED', `"${from.context.name}" is sealed and was pruned: it cannot be copied yet`)
  const cut = await cutOf(from)
  await begin(from, to, cut)
  for (let next = 0; next < cut.length;) {
    const copied = await read(from, next, cut)
    if (copied === null || !isSameGone(from.reader.pruned.state, cut.pruned)) return false
    await copyBatch({ from, to, cut }, copied)
    next += copied.length
  }
  if (!equalBytes(to.state.record.head, cut.head)) throw lost(from, 'part of its record')
  await finish(to, cut)
  return isSameGone(from.reader.pruned.state, cut.pruned)
}

/** Everything up to here is signed. */
function cutOf(from: Replica): Promise<Cut> {
  const { store, context, counters, reader } = from
  return from.update(async (set) => {
    const own = from.ownFeed
    const [last] =
      own === null || own.length === 0 ? [] : await store.commits(own.no, own.length - 1, 1, { bodies: false })
    signHeads(context, set, own, last?.no ?? null)
    const prunedBytes = await store.value(prunedName)
    if (prunedBytes === null) throw lost(from, 'what is known of its pruning')
    const { record, totals } = set.state
    return {
      length: record.length,
      head: record.head,
      feeds: [...from.feeds.values()],
      pruned: reader.pruned.state,
      prunedBytes,
      totals,
      book: counters.book === emptyBook ? null : await store.value(bookName),
      counts: await store.values(counterRows),
      notes: notesOf(await fileNotes(store)),
    }
  })
}

function notesOf(notes: ReadonlyMap<string, Uint8Array>): Cut['notes'] {
  const found = new Map<number, (readonly [string, Uint8Array])[]>()
  for (const note of notes) {
    const commit = commitOfNote(note[0])
    found.set(commit, [...(found.get(commit) ?? []), note])
  }
  return found
}

/** Feeds and collections have the numbers that edges and counters know them by. */
function begin(from: Replica, to: Replica, { feeds }: Cut): Promise<void> {
  return to.update((set) => {
    for (const feed of feeds)
      set.feeds.set(feed.no, { ...feed, length: 0, head: new Uint8Array(32), listed: 0, recorded: 0 })
    set.state = { ...set.state, feeds: from.state.feeds }
    for (const collection of from.state.collections) set.setCollection(emptied(collection))
    return Promise.resolve()
  })
}

/** The next receipts with their commits; null when bodies went while they were read. */
async function read(from: Replica, next: number, { length }: Cut): Promise<readonly Copied[] | null> {
  const { store, reader } = from
  const receipts = await store.receipts(next, Math.min(batchReceipts, length - next))
  const heads = await store.commitHeads(receipts.map(({ commit }) => commit))
  const taken = aboutABatch(from, receipts, heads)
  const whole = taken.filter(({ head }) => !reader.pruned.dropped.has(head.no))
  const parts = await store.bodies(whole.map(({ head }) => ({ commit: head.no, offset: 0, size: head.size })))
  const bodies = new Map(whole.map(({ head }, i) => [head.no, parts[i] ?? new Uint8Array()]))
  const copied: Copied[] = []
  for (const { receipt, head } of taken) {
    const body = bodies.get(head.no) ?? null
    if (body !== null && reader.pruned.dropped.has(head.no)) return null
    if (body !== null && body.length !== head.size) throw lost(from, `the bodies of commit ${head.no}`)
    copied.push({ receipt, head, bodies: body })
  }
  return copied
}

function aboutABatch(
  from: Replica,
  receipts: readonly ReceiptRow[],
  heads: readonly (CommitHead | null)[],
): readonly { readonly receipt: ReceiptRow; readonly head: CommitHead }[] {
  const taken: { receipt: ReceiptRow; head: CommitHead }[] = []
  let bytes = 0
  for (const [i, receipt] of receipts.entries()) {
    const head = heads[i]
    if (head === null || head === undefined) throw lost(from, `the commit of receipt ${receipt.record}`)
    if (taken.length > 0 && bytes + head.size > limits.batchBytes) break
    bytes += head.size + head.header.length
    taken.push({ receipt, head })
  }
  if (taken.length === 0) throw lost(from, 'receipts')
  return taken
}

/** Counts, and at last what says that the copy is whole. */
async function finish(to: Replica, { counts, totals, book, prunedBytes }: Cut): Promise<void> {
  const all = [...counts]
  for (let i = 0; i < all.length; i += valuesAtOnce)
    await to.store.write({ values: new Map(all.slice(i, i + valuesAtOnce)) })
  await to.update((set) => {
    set.state = { ...set.state, totals }
    if (book !== null) to.counters.write(set, decodeBook(book))
    set.values.set(prunedName, prunedBytes)
    return Promise.resolve()
  })
}

function lost({ context }: Replica, what: string): VarveError {
  return new VarveError(
    'TAMPERED',
    `The store of "${context.name}" (${toHex(context.id)}) has lost ${what}: run verify and restore it`,
  )
}
