/** Commits from one store of a database to another through the engine's exchange, where everything is checked as it arrives. */

import { ingest, summaryOf, toHex, unitsFor, type Replica } from 'varve/engine'

/** Commits that one side lacks, and bytes of their headers and bodies. */
export interface Lag {
  readonly commits: number
  readonly bytes: number
}

export const noLag: Lag = { commits: 0, bytes: 0 }

const page = 64

/** Units of commits with their receipts, in the order of the record. */
export async function exchange(from: Replica, to: Replica): Promise<void> {
  await from.sign()
  for await (const unit of unitsFor(from, summaryOf(to))) await ingest(to, unit)
}

/** What `to` lacks; null when that is more than `most`. Looks at that much and no further. */
export async function lagOf(from: Replica, to: Replica, most: Lag): Promise<Lag | null> {
  const has = new Map([...to.feeds.values()].map(({ id, length }) => [toHex(id), length]))
  let [commits, bytes] = [0, 0]
  for (const { no, id, length } of from.feeds.values()) {
    const first = has.get(toHex(id)) ?? 0
    commits += Math.max(0, length - first)
    if (commits > most.commits) return null
    for (let seq = first; seq < length; seq += page) {
      const rows = await from.store.commits(no, seq, Math.min(page, length - seq), { bodies: false })
      const heads = await from.store.commitHeads(rows.map((row) => row.no))
      for (const head of heads) bytes += (head?.header.length ?? 0) + (head?.size ?? 0)
      if (bytes > most.bytes) return null
    }
  }
  return { commits, bytes }
}
