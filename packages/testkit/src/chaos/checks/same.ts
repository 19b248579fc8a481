/** Two clients hold the same: every document with every version, and the whole record. */

import type { Report } from '../report.ts'

const shownCharacters = 600

export function checkSame(name: string, report: Report, otherName: string, other: Report): readonly string[] {
  const [here, there] = [new Set(report.lines), new Set(other.lines)]
  const [only, missing] = [
    other.lines.filter((line) => !here.has(line)),
    report.lines.filter((line) => !there.has(line)),
  ]
  if (only.length === 0 && missing.length === 0) return []
  const [mine, theirs] = [missing[0] ?? '', only[0] ?? '']
  return [
    `${name} and ${otherName} differ in ${Math.max(only.length, missing.length)} lines of their reports, first: ` +
      `${around(mine, theirs)} and ${around(theirs, mine)}`,
  ]
}

/** What a line says where it begins to differ from the other one. */
function around(line: string, other: string): string {
  let at = 0
  while (at < line.length && line[at] === other[at]) at++
  return `${line.slice(0, 80)}…${line.slice(Math.max(0, at - shownCharacters / 2), at + shownCharacters / 2)}`
}
