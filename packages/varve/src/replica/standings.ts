/** Commits that set standings: how a write tells of them, and how they are read from the headers of a log. */

import type { Stamp } from '../encoding/stamp.ts'
import { decodeHeader, type CommitHeader, type StandingChange } from '../log/header.ts'
import type { CommitHead } from '../store/rows.ts'
import type { Replica } from './replica.ts'
import type { WorkingSet } from './working.ts'

/** A commit that sets standings, as far as who may write depends on it. */
export interface StandingCommit {
  /** Local number of the commit. */
  readonly commit: number
  /** Public key of its device. */
  readonly author: Uint8Array
  readonly stamp: Stamp
  /** Id of its feed, which orders equal stamps. */
  readonly feed: Uint8Array
  /** Null while it is pending. */
  readonly recorded: { readonly record: number; readonly at: number } | null
  /** False for a commit that was pending and has been refused. */
  readonly counts: boolean
  readonly changes: readonly StandingChange[]
}

/** What of a header tells whether its device may write it. */
export type Judgeable = Pick<CommitHeader, 'collections' | 'standings'>

/** From where a commit is judged. */
export interface Viewpoint {
  /** Standings set earlier in the same write. */
  readonly standings: readonly StandingCommit[]
  /** Whether pending commits are left aside, as for everything that gets a receipt. */
  readonly recorded: boolean
}

/** Adds a commit to the standings of a write, when it sets any. */
export function enterStandings(set: WorkingSet, commit: StandingCommit): void {
  if (commit.changes.length > 0) set.standings.push(commit)
}

const page = 256

/** Every commit of a log that sets standings and counts: recorded ones in record order, then pending ones. */
export async function* readStandings(replica: Replica): AsyncGenerator<StandingCommit> {
  yield* recordedStandings(replica)
  for (const { no, recorded, length } of replica.feeds.values()) {
    for (let seq = recorded; seq < length;) {
      const rows = await replica.store.commits(no, seq, page, { bodies: false })
      if (rows.length === 0) break
      for (const row of rows) yield* standingsOf(replica, row)
      seq += rows.length
    }
  }
}

async function* recordedStandings({ store, feeds, state }: Replica): AsyncGenerator<StandingCommit> {
  for (let record = 0; record < state.record.length;) {
    const rows = await store.receipts(record, page)
    if (rows.length === 0) return
    const heads = await store.commitHeads(rows.map(({ commit }) => commit))
    for (const head of heads) if (head !== null) yield* standingsOf({ feeds }, head)
    record += rows.length
  }
}

function* standingsOf({ feeds }: Pick<Replica, 'feeds'>, row: Omit<CommitHead, 'size'>): Generator<StandingCommit> {
  const feed = feeds.get(row.feed)
  if (feed === undefined || row.refused !== null) return
  const { standings: changes } = decodeHeader(row.header)
  if (changes.length === 0) return
  const recorded = row.record === null ? null : { record: row.record, at: row.at ?? 0 }
  yield { commit: row.no, author: feed.publicKey, stamp: row.stamp, feed: feed.id, recorded, counts: true, changes }
}
