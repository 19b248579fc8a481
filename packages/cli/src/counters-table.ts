/** Counters for people: versions by collection, and a table for each rule with its parts of time. */

import type { CounterMeasure, CounterRule, CounterTotals, Measured, RuleFigures, RuleTotals, Statistic } from 'varve'
import { figure, oneLine, table } from './table.ts'

/** The totals of one collection, or of all. */
export interface NamedTotals {
  readonly name: string
  readonly totals: CounterTotals
}

const right = new Set([1, 2, 3])

export function totalsTable(totals: readonly NamedTotals[], width: number): string {
  const rows = totals.map(({ name, totals: { created, updated, deleted, lastAt } }) => [
    oneLine(name),
    ...[created, updated, deleted].map(figure),
    lastAt ?? '',
  ])
  return table(['collection', 'created', 'updated', 'deleted', 'last'], rows, width, right)
}

/** What a rule counts, and its figures: all of them, then by part of time. */
export function ruleText(rule: CounterRule, totals: RuleTotals, width: number): string {
  const columns = columnsOf(rule)
  const cellsOf = (figures: RuleFigures): readonly string[] => columns.map(({ of }) => of(figures))
  const parts = Object.values(totals.buckets ?? {}).flatMap((buckets) => buckets ?? [])
  const rows = [['all', ...cellsOf(totals)], ...parts.map((part) => [part.name, ...cellsOf(part)])]
  const lines = table(
    ['', ...columns.map(({ heading }) => heading)],
    rows,
    width,
    new Set(columns.map((_, i) => i + 1)),
  )
  return `${headline(rule)}\n${lines.replaceAll(/^/gm, '  ').trimEnd()}\n`
}

function headline({ name, on, when, collections, approximate, from }: CounterRule): string {
  const parts = [
    ...(on === undefined ? [] : [on.join(', ')]),
    ...(when === undefined ? [] : [`when ${JSON.stringify(when)}`]),
    ...(collections === undefined ? [] : [`in ${collections.join(', ')}`]),
    ...(approximate ? ['distinct values estimated'] : []),
    ...(from === undefined ? [] : ['since it was defined']),
  ]
  return oneLine(parts.length === 0 ? name : `${name}: ${parts.join(', ')}`)
}

interface Column {
  readonly heading: string
  readonly of: (figures: RuleFigures) => string
}

const verbs = { CREATE: 'created', UPDATE: 'updated', DELETE: 'deleted' } as const

function columnsOf({
  on = ['CREATE', 'UPDATE', 'DELETE'],
  countUnique = [],
  measure = [],
  approximate,
}: CounterRule): readonly Column[] {
  const sign = approximate ? '~' : ''
  return [
    ...on.map((operation): Column => {
      const verb = verbs[operation]
      return { heading: verb, of: (figures) => figure(figures[verb] ?? 0) }
    }),
    ...countUnique.map((path): Column => ({
      heading: `distinct ${oneLine(path)}`,
      of: ({ unique }) => `${sign}${figure(unique?.[path] ?? 0)}`,
    })),
    ...listOf(measure).flatMap(({ path, stats }) =>
      stats.map((statistic): Column => ({
        heading: `${statistic} ${oneLine(path)}`,
        of: ({ measure: measured }) => statisticText(statistic, measured?.[path]),
      })),
    ),
  ]
}

function listOf(measure: CounterMeasure | readonly CounterMeasure[]): readonly CounterMeasure[] {
  return 'path' in measure ? [measure] : measure
}

/** A median of a part of the numbers is about that of all. */
function statisticText(statistic: Statistic, measured: Measured | undefined): string {
  const value = measured?.[statistic]
  if (measured === undefined || value === null || value === undefined) return ''
  const isPart = statistic === 'median' && (measured.medianOf ?? 0) < measured.count
  return `${isPart ? '~' : ''}${figure(value)}`
}
