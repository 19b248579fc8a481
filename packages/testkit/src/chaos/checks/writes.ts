/** No acknowledged write is lost or doubled, no refused one counts, and none is torn. */

import type { JournaledWrite } from '../journal.ts'
import type { Report } from '../report.ts'

interface Found {
  readonly document: string
  readonly ov: number
}

/** `wereAhead` names the clients that had commits refused because their clocks were ahead. */
export function checkWrites(
  writes: ReadonlyMap<string, JournaledWrite>,
  report: Report,
  wereAhead: ReadonlySet<string>,
): readonly string[] {
  const problems: string[] = []
  const found = byToken(report)
  for (const write of writes.values()) {
    const what = wrongWith(write, found.get(write.token) ?? [], wereAhead.has(write.client))
    if (what !== null) {
      const { token, kind, answer, told } = write
      problems.push(`${token} (${kind}, answered ${answer ?? 'nothing'}, told ${JSON.stringify([...told])}) ${what}`)
    }
    found.delete(write.token)
  }
  for (const [token, versions] of found)
    problems.push(`${versions[0]?.document ?? ''} has a version nobody wrote: "${token}"`)
  return problems
}

/** Every version of every document, by the token it was written with. */
function byToken({ documents }: Report): Map<string, readonly Found[]> {
  const found = new Map<string, readonly Found[]>()
  for (const { name, versions } of documents.values()) {
    for (const { reason, ov } of versions) {
      const token = reason ?? ''
      found.set(token, [...(found.get(token) ?? []), { document: name, ov }])
    }
  }
  return found
}

function wrongWith(write: JournaledWrite, found: readonly Found[], wasAhead: boolean): string | null {
  const { documents, kind, answer, told } = write
  const names = found.map(({ document }) => document)
  if (new Set(names).size < names.length) return `is doubled: ${JSON.stringify(found)}`
  if (names.some((name) => !documents.includes(name))) return `is where it does not belong: ${JSON.stringify(found)}`
  const isThere = found.length === documents.length
  if (!isThere && found.length > 0) return `is torn: only ${JSON.stringify(found)} of ${documents.length} documents`
  if (answer !== null && answer !== 'done')
    return isThere ? 'was refused at once and is there' : wrongAnswer(kind, answer, wasAhead)
  for (const [document, word] of told) {
    if ('code' in word) {
      if (isThere) return 'was refused by the recorder and is there'
      if (!mayConflict(kind) || word.code !== 'CONFLICT') return 'was refused by the recorder without cause'
    } else if (!found.some((each) => each.document === document && each.ov === word.ov))
      return `is not where its receipt says: ${JSON.stringify(found)}`
  }
  // Without a word from the recorder it may have been refused.
  if (answer === 'done' && !isThere && !mayConflict(kind)) return 'is lost'
  return null
}

function mayConflict(kind: JournaledWrite['kind']): boolean {
  return kind === 'compare'
}

/**
 * Codes that a client answers itself. A transaction gives up when others keep winning; what was refused as ahead of
 * time is gone until it is issued again.
 */
function wrongAnswer(kind: JournaledWrite['kind'], answer: string, wasAhead: boolean): string | null {
  const mayLose = kind === 'compare' || kind === 'transact'
  const mayMiss = wasAhead && (kind === 'patch' || kind === 'delete')
  const isExpected = (mayLose && answer === 'CONFLICT') || (mayMiss && answer === 'NOT_FOUND')
  return isExpected ? null : 'should not have failed'
}
