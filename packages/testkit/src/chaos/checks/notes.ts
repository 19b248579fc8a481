/** A note is what its author wrote to it last: nobody else writes to it. */

import type { JournaledWrite } from '../journal.ts'
import { notes, placed } from '../names.ts'
import { fieldsOf } from '../read.ts'
import type { Report } from '../report.ts'

/** What a note may be: its text, or null when it is deleted. */
type Text = string | null

export function checkNotes(writes: ReadonlyMap<string, JournaledWrite>, report: Report): readonly string[] {
  const expected = new Map<string, Set<Text>>()
  for (const write of writes.values()) {
    const { kind, answer, documents } = write
    if (answer !== 'done' && answer !== null) continue
    for (const document of documents.filter((name) => name.startsWith(placed(notes, '')))) {
      const id = document.slice(placed(notes, '').length)
      const text = kind === 'delete' ? null : kind === 'patch' ? write.token : `${id}-text`
      const before = answer === null ? (expected.get(document) ?? []) : []
      expected.set(document, new Set([...before, text]))
    }
  }
  const problems: string[] = []
  for (const [document, texts] of expected) {
    const found = textOf(report, document)
    if (found !== undefined && !texts.has(found))
      problems.push(`${document} is ${String(found)}, its author wrote ${[...texts].map(String).join(' or ')} last`)
  }
  return problems
}

/** Undefined when the note is not there at all, which is told by others. */
function textOf({ documents }: Report, document: string): Text | undefined {
  const data = documents.get(document)?.data
  if (data === undefined) return undefined
  return fieldsOf(data['_system'])['deleted'] === true ? null : String(data['text'])
}
