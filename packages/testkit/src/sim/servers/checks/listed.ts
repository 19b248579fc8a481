/** A refused commit stands in the list of its author, until he dismisses it or it was issued again. */

import { readLog, type LoggedEntry } from '../../log.ts'
import { databaseNames } from '../../node.ts'
import type { ServersWorld } from '../setup.ts'

export async function listed({ clients, sim }: ServersWorld): Promise<readonly string[]> {
  const problems: string[] = []
  for (const { name, node, member } of clients) {
    if (!member) continue
    for (const database of databaseNames) {
      const log = await readLog(node.replica(database))
      const expected = new Set<number>()
      for (const { author, token, record, refused } of log) {
        if (author !== node.tenant.me.device || refused === null || record === null) continue
        const again = refused === 'CLOCK_AHEAD' && log.some((later) => later.token === token && isAfter(later, record))
        if (!again && !sim.ledger.dismissed.has(`${name}/${database}/${record}`)) expected.add(record)
      }
      const found = new Set((await node.database(database).refused()).map(({ record }) => record))
      for (const record of expected)
        if (!found.has(record)) problems.push(`${name} does not list its refusal ${record} in ${database}`)
      for (const record of found)
        if (!expected.has(record)) problems.push(`${name} lists ${record} of ${database}, which it need not`)
    }
  }
  return problems
}

/** Issued again later: recorded behind, or not yet. */
function isAfter({ record }: LoggedEntry, refusal: number): boolean {
  return record === null || record > refusal
}
