/** The record has every number once, nothing is pending, and each author still lists what was refused to it. */

import type { ClientReport, Report } from '../report.ts'

export function checkRecord(report: Report): readonly string[] {
  const problems: string[] = []
  report.commits.forEach(({ record }, i) => {
    if (record === null) problems.push('a commit is pending after everything was settled')
    else if (record !== i) problems.push(`record ${i} is missing: after ${i - 1} comes ${record}`)
  })
  return problems.slice(0, 10)
}

/** Refused for a conflict: the application must hear of it. Refused for its clock: issued again, so nothing is left to say. */
export function checkRefused(client: string, { device, refused }: ClientReport, report: Report): readonly string[] {
  const problems: string[] = []
  const listed = new Map(refused.map(({ record, code }) => [record, code]))
  for (const { record, refused: code, device: author } of report.commits) {
    if (code === null || author !== device) continue
    const isListed = listed.delete(record ?? -1)
    if (code === 'CONFLICT' && !isListed)
      problems.push(`${client} does not list its refused commit, record ${String(record)}`)
    if (code === 'CLOCK_AHEAD' && isListed) problems.push(`${client} has not issued record ${String(record)} again`)
    if (code !== 'CONFLICT' && code !== 'CLOCK_AHEAD')
      problems.push(`${client} was refused record ${String(record)} with ${code}`)
  }
  for (const [record, code] of listed)
    problems.push(`${client} lists record ${record} as refused (${code}), and it was not`)
  return problems
}
