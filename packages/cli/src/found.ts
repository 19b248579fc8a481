/** What a query found, in the form that was asked for: documents, their number, groups; for people, JSON or CSV. */

import type { Doc, Query } from 'varve'
import type { Context } from './context.ts'
import { printCsvRows } from './csv.ts'
import { isGrouped, printGroups } from './groups.ts'
import { printJson } from './json.ts'
import { checkForm, type FoundFlags, type Row } from './options.ts'
import { valueAt } from './paths.ts'
import { printAll, queryOf, withoutSystem } from './query.ts'
import { count, counted } from './table.ts'

/** `query` has only its filter yet. */
export async function printFound(context: Context, query: Query<Row>, flags: FoundFlags): Promise<void> {
  checkForm(flags)
  if (isGrouped(flags)) return printGroups(context, query, flags)
  if (flags.count) return printCount(context, query, flags)
  const asked = queryOf(query, flags)
  if (!flags.csv) return printAll(context, asked, flags)
  const columns = flags.select === undefined ? await columnsIn(asked) : selected(flags.select)
  const found = await printCsvRows(context, columns, cellsOf(asked, flags, columns), flags)
  context.terminal.err(`${counted(found, 'document')}\n`)
}

export async function printCount(context: Context, query: Query<Row>, flags: { readonly json?: true }): Promise<void> {
  const documents = await query.count()
  return flags.json ? printJson(context, documents) : context.terminal.out(`${count(documents)}\n`)
}

/** `id`, then every attribute that a document has, in the order in which they come up. */
export async function columnsIn(docs: AsyncIterable<Doc<Row>> | Iterable<Doc<Row>>): Promise<readonly string[]> {
  const names = new Set(['id'])
  for await (const doc of docs) for (const name of Object.keys(withoutSystem(doc))) names.add(name)
  return [...names]
}

export function selected(paths: readonly string[]): readonly string[] {
  return ['id', ...paths.filter((path) => path !== 'id')]
}

async function* cellsOf(
  docs: AsyncIterable<Doc<Row>>,
  { select }: FoundFlags,
  columns: readonly string[],
): AsyncGenerator<readonly unknown[]> {
  for await (const doc of docs) yield cellsIn(doc, columns, select !== undefined)
}

/** Columns are paths when they were selected, else names of attributes, which may hold dots. */
export function cellsIn(doc: Doc<Row>, columns: readonly string[], paths: boolean): readonly unknown[] {
  return columns.map((column) => (paths ? valueAt(doc, column) : doc[column]))
}
