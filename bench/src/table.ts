/** Reports as text for people. */

import { isMet, ratioOf, type Figure, type Report } from './result.ts'

/** One table for a report; with `before`, the committed run of the same workload, what each figure was there. */
export function tableOf(report: Report, before: Report | undefined): string {
  const rows = report.figures.map((figure) => {
    const earlier = before?.figures.find(({ name }) => name === figure.name)
    const cells = [figure.name, measured(figure), floorOf(figure), allowed(figure), verdict(figure)]
    return before === undefined ? cells : [...cells, was(earlier)]
  })
  const head = ['', 'measured', 'against', 'ratio', '', ...(before === undefined ? [] : ['baseline'])]
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [`\n${report.title}`, line(head), ...rows.map(line), ...(report.lines ?? []).map((text) => `  ${text}`)].join(
    '\n',
  )
}

function number(value: number): string {
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

function measured({ value, unit }: Figure): string {
  return `${number(value)} ${unit}`
}

function floorOf({ floor, unit }: Figure): string {
  return floor === undefined ? '' : `${number(floor)} ${unit}`
}

function allowed(figure: Figure): string {
  const ratio = ratioOf(figure)
  return ratio === null ? '' : `${ratio.toFixed(2)}×`
}

function verdict(figure: Figure): string {
  const { most, aim, value, floor, unit } = figure
  if (most !== undefined) {
    const limit = floor === undefined ? `${number(most)} ${unit}` : `${most}×`
    return isMet(figure) ? `≤ ${limit}` : `MISSED ≤ ${limit}`
  }
  if (aim === undefined) return ''
  return value <= aim ? `mark ${aim} met` : `mark ${aim} not met`
}

function was(earlier: Figure | undefined): string {
  if (earlier === undefined) return ''
  const ratio = ratioOf(earlier)
  return ratio === null ? measured(earlier) : `${ratio.toFixed(2)}×`
}
