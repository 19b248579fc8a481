/** Issuing again, as new commits, what the recorder refused because this device's clock was ahead. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import { stampMs } from '../encoding/stamp.ts'
import { pause } from '../env/pause.ts'
import { isVarveError, VarveError, type ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { decodeHeader } from '../log/header.ts'
import type { CommitHead, CommitRow } from '../store/rows.ts'
import type { CheckedCommit } from './check.ts'
import { checkedAgain, storedCommit } from './checked-again.ts'
import { issueFor, issueName } from './issues.ts'
import type { Plan, PlanView } from './queue.ts'
import { refusedChanges } from './refused-changes.ts'
import { isListed, refusalName, refusals, type RefusedCommit } from './refusals.ts'
import type { Replica } from './replica.ts'

/** Whether this device's clock was found right, or agrees with the recorder's last time, so that what it stamps is taken. */
export function clockAgrees({ clockIsRight, context, state }: Replica): boolean {
  return clockIsRight || context.env.now() <= state.record.at + limits.clockDriftMs
}

/**
 * Issues every commit again that was refused with `CLOCK_AHEAD`, in the order written, when the clock agrees; each in one
 * write with the note that it was, so that a crash never doubles one. Others have their turn in between. Returns whether
 * some are left: the clock does not agree yet, or a key is missing. One that the device may not or cannot write any more
 * stays on the list of refusals, and keeps nothing else. `Replica.reissue` calls it, once at a time. Throws
 * `STORE_FAILED` and `CLOSED`.
 */
export async function reissueAhead(replica: Replica): Promise<boolean> {
  if (await awaitsRefusal(replica)) return true
  let left = false
  for (const [n, refused] of (await asWritten(replica)).entries()) {
    if (n > 0 && n % limits.reissueSlice === 0) {
      await pause(replica.context.env, 0)
      // What was issued until now may have been refused meanwhile.
      if (await awaitsRefusal(replica)) return true
    }
    // Going on later with the next one would change the order.
    if (!clockAgrees(replica)) return true
    if (!(await attempt(replica, refused, left))) left = true
  }
  return left
}

/**
 * What was refused as ahead, in the order in which it was first written. Record order is another: what was refused twice
 * may have been recorded after what was written later and needs it.
 */
async function asWritten(replica: Replica): Promise<readonly RefusedCommit[]> {
  const ahead = (await refusals(replica.store)).filter(({ code }) => code === 'CLOCK_AHEAD')
  const heads = await replica.store.commitHeads(ahead.map(({ commit }) => commit))
  const first = new Map<RefusedCommit, number>()
  for (const [i, refused] of ahead.entries()) first.set(refused, await firstIssue(replica, refused.commit, heads[i]))
  return ahead.toSorted((a, b) => (first.get(a) ?? 0) - (first.get(b) ?? 0))
}

/** The local number of the commit that this one stands for; its own when it stands for none that is here. */
async function firstIssue(replica: Replica, no: number, head: CommitHead | null | undefined): Promise<number> {
  const original = head === null || head === undefined ? null : decodeHeader(head.header).original
  const feed = original === null ? undefined : replica.feedById(original.feed)
  if (original === null || feed === undefined) return no
  const [row] = await replica.store.commits(feed.no, original.seq, 1, { bodies: false })
  return row !== undefined && equalBytes(row.id, original.id) ? row.no : no
}

/** After these nothing else can be written either. */
const general: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['STORE_FAILED', 'CLOSED'])

/** False when the commit is to be tried again: with `left`, what it needs may be among those before it that are. */
async function attempt(replica: Replica, refused: RefusedCommit, left: boolean): Promise<boolean> {
  try {
    return await reissue(replica, refused)
  } catch (error) {
    if (!isVarveError(error) || general.has(error.code) || replica.closed) throw error
    if (left && error.code === 'NOT_FOUND') return false
    replica.awaited.decided(refused.record, error)
    replica.context.env.log('warn', 'a commit that was refused as ahead of time is not issued again: it stays listed', {
      record: refused.record,
      code: error.code,
    })
    return true
  }
}

/**
 * Whether commits of a feed that was given up are still to be refused as ahead. What is issued again must not be
 * stamped above them, as it would where they change the same document, or it would be refused as well, and so on.
 */
async function awaitsRefusal({ store, waitingFeeds, ownFeed, context, state }: Replica): Promise<boolean> {
  for (const feed of waitingFeeds) {
    if (feed === ownFeed || !equalBytes(feed.publicKey, context.device.publicKey)) continue
    const [last] = await store.commits(feed.no, feed.length - 1, 1)
    if (last !== undefined && stampMs(last.stamp) > state.record.at + limits.clockDriftMs) return true
  }
  return false
}

/**
 * Waits until it is decided what becomes of a commit that was refused as ahead under a record number, and gives the local
 * number of the one that stands for it; null when it is not listed any more and there is none. Throws why it cannot be
 * issued again, and `CLOSED`.
 */
export async function issuedAgain(replica: Replica, head: CommitHead, record: number): Promise<number | null> {
  while (await isListed(replica.store, record)) {
    const failure = await replica.awaited.decision(record)
    if (failure !== null) throw failure
  }
  return standsFor(replica, head)
}

/** The local number of another commit that stands for what a refused one was to do; null when there is none. */
export async function standsFor({ store }: Replica, head: CommitHead): Promise<number | null> {
  const issue = await issueFor(store, decodeHeader(head.header).original?.id ?? head.id)
  return issue === head.no ? null : issue
}

async function reissue(replica: Replica, refused: RefusedCommit): Promise<boolean> {
  const row = await storedCommit(replica, refused.commit)
  if (row === null)
    throw new VarveError('TAMPERED', `Commit ${refused.commit} is missing from the store: run verify`, {
      details: { commit: refused.commit },
    })
  const commit = checkedAgain(replica, row)
  const { header, documents } = commit
  if (header.keys.some((id) => replica.context.keys.byId(toHex(id)) === null)) return false
  return replica.writeFirst({
    tags: documents,
    size: documents.length,
    alone: true,
    plan: async (view) =>
      (await isListed(replica.store, refused.record))
        ? planOf(replica, row, commit, refused, view)
        : { changes: [], finish: () => true },
  })
}

function planOf(
  replica: Replica,
  row: CommitRow,
  commit: CheckedCommit,
  { record }: RefusedCommit,
  view: PlanView,
): Plan<boolean> {
  const original = commit.header.original ?? { feed: commit.feed, seq: commit.seq, id: commit.id }
  return {
    changes: refusedChanges(replica, row, commit, view),
    values: (outcomes) => {
      const next = outcomes[0]?.commit
      const note: [string, Uint8Array][] = next === undefined ? [] : [[issueName(original.id), encodeCbor(next)]]
      return new Map<string, Uint8Array | null>([[refusalName(record), null], ...note])
    },
    standings: commit.header.standings,
    original,
    finish: () => {
      replica.awaited.decided(record, null)
      return true
    },
  }
}
