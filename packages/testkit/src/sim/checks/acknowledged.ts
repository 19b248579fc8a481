/** Invariant 2: an acknowledged write is in the log once and whole; its author is told the recorder's word. */

import { databaseNames } from '../node.ts'
import { readLog, type LoggedEntry } from '../log.ts'
import type { LedgerWrite } from '../ledger.ts'
import type { Check, SettledWorld } from './check.ts'

export const acknowledged: Check = async (world) => {
  const problems: string[] = []
  for (const name of databaseNames) {
    const found = new Map<string, LoggedEntry[]>()
    for (const entry of await readLog(world.recorder.replica(name))) {
      if (entry.token === '') problems.push(`${name} has an entry without a token`)
      found.set(entry.token, [...(found.get(entry.token) ?? []), entry])
    }
    for (const write of world.ledger.writes) {
      if (write.database === name) problems.push(...checkWrite(world, write, found.get(write.token) ?? []))
      if (write.database === name) found.delete(write.token)
    }
    for (const token of found.keys()) problems.push(`${name} has an entry nobody wrote: ${token}`)
  }
  return problems
}

function checkWrite(world: SettledWorld, write: LedgerWrite, entries: readonly LoggedEntry[]): readonly string[] {
  const problems: string[] = []
  const wrong = (what: string): void => void problems.push(`${write.token} by ${write.node} (${write.outcome}) ${what}`)
  const asked = write.operations.size
  const counted = entries.length
  if (write.outcome === 'acknowledged' && counted !== asked) wrong(`has ${counted} entries instead of ${asked}`)
  if (write.outcome === 'unchanged' && counted > 0) wrong(`changed nothing and has ${counted} entries`)
  if ((write.outcome === 'unknown' || write.outcome === 'doomed') && counted !== 0 && counted !== asked)
    wrong(`is torn: ${counted} of ${asked} entries`)
  if (entries.some(({ record }) => record === null)) wrong('was never recorded')
  const refusals = new Set(entries.map(({ refused }) => refused))
  if (refusals.size > 1) wrong('was refused in part')
  for (const refused of refusals) {
    if (refused !== null && !mayBeRefused(world, write, refused)) wrong(`was refused with ${refused} without cause`)
    if (write.told !== null && (typeof write.told === 'string' ? write.told : null) !== refused)
      wrong(`ended with ${refused ?? 'acceptance'}, but its author was told ${JSON.stringify(write.told)}`)
    if (write.told !== null && typeof write.told === 'object' && write.told.record !== entries[0]?.record)
      wrong(`has record ${entries[0]?.record ?? ''}, but its author was told ${write.told.record}`)
  }
  return problems
}

function mayBeRefused({ nodes }: SettledWorld, write: LedgerWrite, refused: string): boolean {
  const author = nodes.find(({ name }) => name === write.node)
  if (refused === 'CLOCK_AHEAD') return nodes.some(({ wasAhead }) => wasAhead)
  if (refused === 'FORBIDDEN') return author?.revoked === true
  return [...write.refusable].some((code) => code === refused)
}
