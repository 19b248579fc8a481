/** Counters are what their acknowledged increments make them, and what is moved between accounts is never made or lost. */

import type { JournaledWrite } from '../journal.ts'
import { accountIds, counterIds, counters, placed } from '../names.ts'
import type { Report } from '../report.ts'

export function checkSums(writes: ReadonlyMap<string, JournaledWrite>, report: Report): readonly string[] {
  const problems: string[] = []
  for (const id of counterIds) {
    const answers = answersOf(writes, placed(counters, id))
    const least = answers.filter((answer) => answer === 'done').length
    const most = least + answers.filter((answer) => answer === null).length
    const count = valueOf(report, id)
    if (count < least || count > most)
      problems.push(`${id} is ${count}; increments acknowledged ${least}, acknowledged or not answered ${most}`)
  }
  const sum = accountIds.reduce((all, id) => all + valueOf(report, id), 0)
  if (sum !== 0) problems.push(`the accounts hold ${sum} together: only 0 was put in`)
  return problems
}

function answersOf(writes: ReadonlyMap<string, JournaledWrite>, document: string): readonly (string | null)[] {
  return [...writes.values()]
    .filter(({ kind, documents }) => kind === 'increment' && documents.includes(document))
    .map(({ answer }) => answer)
}

function valueOf({ documents }: Report, id: string): number {
  return Number(documents.get(placed(counters, id))?.data['n'])
}
