/** Grouping on the command line: options onto totals, groups as a table, JSON or CSV. */

import type { Group, Query, Total } from 'varve'
import { usageError, type Context } from './context.ts'
import { printCsvRows } from './csv.ts'
import { printJson } from './json.ts'
import type { FoundFlags, Row } from './options.ts'
import { cell, counted, figure, table } from './table.ts'

const kinds = ['sum', 'avg', 'min', 'max'] as const

export function isGrouped(flags: FoundFlags): boolean {
  return flags.group !== undefined || kinds.some((kind) => flags[kind] !== undefined)
}

/** One row for each group: its values, then its totals. `sort` and `limit` are of groups. */
export async function printGroups(context: Context, query: Query<Row>, flags: FoundFlags): Promise<void> {
  if (flags.select !== undefined) throw usageError('--select is of documents: groups show their paths and totals')
  const by = flags.group ?? []
  const totals = totalsOf(flags)
  const columns = [...by, ...Object.keys(totals)]
  const found = sorted(await query.group(by, totals), columns, flags)
  const shown = flags.limit === undefined ? found : found.slice(0, flags.limit)
  if (flags.json) return printJson(context, shown)
  if (flags.csv) {
    const rows = shown.map((group) => columns.map((column) => group[column]))
    await printCsvRows(context, columns, rows, flags)
  } else await context.terminal.out(groupTable(shown, { by, columns }, context.terminal.columns))
  const all = shown.length < found.length ? ` of ${figure(found.length)}` : ''
  context.terminal.err(`${counted(shown.length, 'group')}${all}\n`)
}

/** Named as SQL names them. Groups without totals are counted. */
function totalsOf(flags: FoundFlags): Readonly<Record<string, Total>> {
  const totals = kinds.flatMap((kind) =>
    (flags[kind] ?? []).map((path): [string, Total] => [`${kind}(${path})`, { [kind]: path }]),
  )
  const count: [string, Total] = ['count', { count: true }]
  return Object.fromEntries(flags.count || totals.length === 0 ? [count, ...totals] : totals)
}

/** Totals that are numbers stand to the right; numbers that are grouped by may be years, so they stay as they are. */
function groupTable(
  groups: readonly Group[],
  { by, columns }: { readonly by: readonly string[]; readonly columns: readonly string[] },
  width: number,
): string {
  const isFigure = (column: string): boolean =>
    !by.includes(column) && groups.every(({ [column]: value }) => value === null || typeof value === 'number')
  const right = new Set(columns.flatMap((column, i) => (isFigure(column) ? [i] : [])))
  const rows = groups.map((group) =>
    columns.map((column, i) => {
      const value = group[column]
      return right.has(i) && typeof value === 'number' ? figure(value) : cell(value)
    }),
  )
  return table(columns, rows, width, right)
}

function sorted(groups: readonly Group[], columns: readonly string[], { sort }: FoundFlags): readonly Group[] {
  const order = Object.entries(sort ?? {})
  const unknown = order.find(([name]) => !columns.includes(name))
  if (unknown !== undefined)
    throw usageError(`Groups have no "${unknown[0]}" to be sorted by: choose from ${columns.join(', ')}`)
  return groups.toSorted((a, b) => {
    for (const [name, direction] of order) {
      const difference = compare(a[name], b[name]) * direction
      if (difference !== 0) return difference
    }
    return 0
  })
}

/** Numbers and text by themselves, what is null first; everything else stays in the order of groups. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b)
  return rank(a) - rank(b)
}

function rank(value: unknown): number {
  if (value === null) return 0
  return typeof value === 'number' ? 1 : typeof value === 'string' ? 2 : 3
}
