/** Invariant 2: an acknowledged write is in the log once and whole; its author is told the recorder's word. */

import { databaseNames, type DatabaseName } from '../node.ts'
import { accepted, readLog, type LoggedEntry } from '../log.ts'
import type { LedgerWrite } from '../ledger.ts'
import type { Check, SettledWorld } from './check.ts'

export const acknowledged: Check = async (world) => {
  const problems: string[] = []
  for (const name of databaseNames) {
    const found = new Map<string, LoggedEntry[]>()
    const log = await readLog(world.recorder.replica(name))
    problems.push(...(await wronglyListed(world, name, log)))
    for (const entry of log) {
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

/** Nobody is told that a write was refused which counts, whatever became of commits that said the same. */
async function wronglyListed(
  { nodes }: SettledWorld,
  database: DatabaseName,
  log: readonly LoggedEntry[],
): Promise<readonly string[]> {
  const tokens = new Map(log.map(({ record, token }) => [record, token]))
  const counted = new Set(accepted(log).map(({ token }) => token))
  const problems: string[] = []
  for (const node of nodes.filter(({ revoked }) => !revoked)) {
    for (const { record } of await node.database(database).refused()) {
      const token = tokens.get(record) ?? ''
      if (counted.has(token)) problems.push(`${node.name} lists ${token} as refused in ${database}, and it counts`)
    }
  }
  return problems
}

/** One commit that says what was written; there are several when it was refused as ahead of time and issued again. */
interface Issue {
  readonly entries: number
  readonly record: number | null
  readonly refused: string | null
}

function checkWrite(world: SettledWorld, write: LedgerWrite, entries: readonly LoggedEntry[]): readonly string[] {
  const problems: string[] = []
  const wrong = (what: string): void => void problems.push(`${write.token} by ${write.node} (${write.outcome}) ${what}`)
  const issues = issuesOf(entries)
  if (write.outcome === 'acknowledged' && issues.length === 0 && !mayBeLost(world, write)) wrong('is not in the log')
  if (write.outcome === 'unchanged' && issues.length > 0) wrong(`changed nothing and has ${entries.length} entries`)
  for (const [i, issue] of issues.entries()) {
    if (issue.entries !== write.operations.size) wrong(`is torn: ${issue.entries} of ${write.operations.size} entries`)
    if (issue.record === null && !mayBeLost(world, write)) wrong('was never recorded')
    if (issue.refused !== null && !mayBeRefused(world, write, issue.refused) && !isAgain(issues, i))
      wrong(`was refused with ${issue.refused} without cause`)
  }
  // Only what was refused as ahead of time is issued again; where an old copy of its device does it once more, that counts for nothing.
  const own = issues.filter((_, i) => !isAgain(issues, i))
  if (own.slice(0, -1).some(({ refused }) => refused !== 'CLOCK_AHEAD')) wrong(`is doubled: ${JSON.stringify(issues)}`)
  const last = own.at(-1)
  if (last !== undefined && !agrees(write.told, last, issues))
    wrong(`ended as ${JSON.stringify(last)}, but its author was told ${JSON.stringify(write.told)}`)
  return problems
}

/** Refused because the same was issued again and accepted before. */
function isAgain(issues: readonly Issue[], at: number): boolean {
  const before = issues.slice(0, at)
  return (
    issues[at]?.refused === 'EXISTS' &&
    before.some(({ refused }) => refused === 'CLOCK_AHEAD') &&
    before.some(({ refused, record }) => refused === null && record !== null)
  )
}

function issuesOf(entries: readonly LoggedEntry[]): readonly Issue[] {
  const byCommit = new Map<string, Issue>()
  for (const { order, record, refused } of entries) {
    const known = byCommit.get(order)?.entries ?? 0
    byCommit.set(order, { entries: known + 1, record, refused })
  }
  return [...byCommit.values()].toSorted((a, b) => (a.record ?? Infinity) - (b.record ?? Infinity))
}

/** The author is told the last word; or, of what was refused as ahead of time, why it could not be issued again when that was tried. */
function agrees(told: LedgerWrite['told'], last: Issue, issues: readonly Issue[]): boolean {
  if (told === null) return true
  const tried = told !== 'CLOCK_AHEAD' && issues.some(({ refused }) => refused === 'CLOCK_AHEAD')
  if (typeof told === 'string') return last.refused === told || tried
  return last.refused === null && told.record === last.record
}

/** What a device wrote that was revoked may never have left it. */
function mayBeLost({ nodes }: SettledWorld, write: LedgerWrite): boolean {
  const author = nodes.find(({ name }) => name === write.node)
  return author === undefined || author.revoked
}

function mayBeRefused({ nodes }: SettledWorld, write: LedgerWrite, refused: string): boolean {
  const author = nodes.find(({ name }) => name === write.node)
  if (refused === 'CLOCK_AHEAD') return nodes.some(({ wasAhead }) => wasAhead)
  if (refused === 'FORBIDDEN') return author === undefined || author.revoked
  return [...write.refusable].some((code) => code === refused)
}
