/** The log of a database as one node holds it: every entry with its token, order and verdict, read past all caches. */

import { decodeHeader, isHidden, splitBodies, stampMs, toHex, type Replica } from 'varve/engine'

export interface LoggedEntry {
  /** The reason that was given with the write; empty when its key is not held. */
  readonly token: string
  /** Document tag in hex. */
  readonly tag: string
  /** Sorts as time order does. */
  readonly order: string
  readonly authoredMs: number
  readonly record: number | null
  readonly at: number | null
  readonly refused: string | null
  readonly index: number
  readonly collection: string
  /** Public key of the device that wrote it, in hex. */
  readonly author: string
}

const all = Number.MAX_SAFE_INTEGER

export async function readLog(replica: Replica): Promise<readonly LoggedEntry[]> {
  const entries: LoggedEntry[] = []
  for (const feed of replica.feeds.values()) {
    for (const row of await replica.store.commits(feed.no, 0, all)) {
      const header = decodeHeader(row.header)
      const commit = replica.reader.decode({ ...row, size: row.bodies.length }, header)
      const bodies = splitBodies(header, row.bodies)
      header.entries.forEach((entry, index) => {
        const collection = header.collections[entry.collection] ?? new Uint8Array(0)
        // What the engine declares by itself has no token: nobody wrote it.
        if (isHidden(replica.context, collection)) return
        const body = bodies[index]
        const read = body === undefined ? null : replica.reader.unseal(commit, index, body)
        entries.push({
          token: read !== null && 'reason' in read ? (read.reason ?? '') : '',
          tag: toHex(entry.tag),
          order: `${row.stamp}/${toHex(feed.id)}`,
          authoredMs: stampMs(row.stamp),
          record: row.record,
          at: row.at,
          refused: row.refused,
          index,
          collection: toHex(collection),
          author: toHex(feed.publicKey),
        })
      })
    }
  }
  return entries
}

/** Accepted entries in record order. */
export function accepted(entries: readonly LoggedEntry[]): readonly LoggedEntry[] {
  return entries
    .filter((entry) => entry.record !== null && entry.refused === null)
    .toSorted((a, b) => (a.record ?? 0) - (b.record ?? 0) || a.index - b.index)
}
