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
  for (const issue of issues) {
    if (issue.entries !== write.operations.size) wrong(`is torn: ${issue.entries} of ${write.operations.size} entries`)
    if (issue.record === null && !mayBeLost(world, write)) wrong('was never recorded')
    if (issue.refused !== null && !mayBeRefused(world, write, issue.refused))
      wrong(`was refused with ${issue.refused} without cause`)
  }
  if (mayBeTwice(world, write, issues)) return problems
  // Only what was refused as ahead of time is issued again, and what was accepted never is.
  if (issues.slice(0, -1).some(({ refused }) => refused !== 'CLOCK_AHEAD'))
    wrong(`is doubled: ${JSON.stringify(issues)}`)
  const last = issues.at(-1)
  if (last !== undefined && !agrees(write.told, last, issues))
    wrong(`ended as ${JSON.stringify(last)}, but its author was told ${JSON.stringify(write.told)}`)
  return problems
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

/** An old copy of a device that had still to issue a write again does so, though it had since: see NOTES.md. */
function mayBeTwice({ nodes }: SettledWorld, write: LedgerWrite, issues: readonly Issue[]): boolean {
  const author = nodes.find(({ name }) => name === write.node)
  return author?.issuesTwice === true && issues.some(({ refused }) => refused === 'CLOCK_AHEAD')
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
