/** What a replica holds, in the words of the sync protocol: the record, and the feeds that go beyond it. */

import { equalBytes, fromHex, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { noCommit } from '../log/commit.ts'
import { forked } from './check.ts'
import type { Replica } from './replica.ts'

/** How far one feed goes. */
export interface FeedPosition {
  /** 16 bytes. */
  readonly feed: Uint8Array
  readonly length: number
  /** Id of its last commit; zeros when nothing of it is held. */
  readonly head: Uint8Array
}

export interface Position {
  /** Receipts held. */
  readonly record: number
  /** Id of the last receipt. */
  readonly head: Uint8Array
  /** Feeds with commits that have no receipt here. */
  readonly feeds: readonly FeedPosition[]
}

/** The position of a replica; `asked` are feeds that the peer listed and wants to know about. */
export function positionOf(replica: Replica, asked: readonly FeedPosition[] = []): Position {
  const { length: record, head } = replica.state.record
  const names = new Set(asked.map(({ feed }) => toHex(feed)))
  for (const { id } of replica.waitingFeeds) names.add(toHex(id))
  const feeds = [...names].map((name) => {
    const known = replica.feedById(fromHex(name))
    const held = known !== undefined && known.length > 0
    return { feed: fromHex(name), length: held ? known.length : 0, head: held ? known.head : noCommit }
  })
  return { record, head, feeds }
}

/**
 * Compares a peer's position with this replica. Throws `TAMPERED` when the records are two histories, or when the
 * recorder itself (`peerRecords`) holds less than it has given out: `held` are the receipts that were here when it was
 * asked, as more may have come another way since. Returns the feeds that are forked.
 */
export function comparePositions(
  replica: Replica,
  peer: Position,
  peerRecords: boolean,
  held = replica.state.record.length,
): readonly VarveError[] {
  const { length, head } = replica.state.record
  if (peer.record === length && !equalBytes(peer.head, head)) {
    throw twoRecords(length)
  }
  if (peerRecords && peer.record < held) {
    throw new VarveError(
      'TAMPERED',
      `The recorder has ${peer.record} receipts, ${held} of its own are held here: it has forgotten some, or was restored from a copy`,
      { details: { record: peer.record, held } },
    )
  }
  return peer.feeds.flatMap((theirs) => {
    const own = replica.feedById(theirs.feed)
    const same = own === undefined || own.length !== theirs.length || equalBytes(own.head, theirs.head)
    return same ? [] : [forked(theirs.feed, theirs.length - 1)]
  })
}

/** Records of one length that are not the same. */
export function twoRecords(length: number): VarveError {
  return new VarveError(
    'TAMPERED',
    `The two records of ${length} receipts differ: the recorder issued two histories, or was restored from a copy`,
    { details: { record: length - 1 } },
  )
}
