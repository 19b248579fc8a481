/** Running queries for commands: options onto the query, results onto the screen. */

import type { Doc, Query } from 'varve'
import type { Context } from './context.ts'
import { Outlet } from './json.ts'
import type { QueryFlags, Row } from './options.ts'
import { counted } from './table.ts'

export function queryOf(query: Query<Row>, { sort, limit, select }: QueryFlags): Query<Row> {
  let made = query
  // oxlint-disable-next-line unicorn/no-array-sort -- a query is no array; its `sort` gives a new query
  if (sort !== undefined) made = made.sort(sort)
  if (limit !== undefined) made = made.limit(limit)
  if (select !== undefined) made = made.select(select)
  return made
}

/** A document as its author wrote it, `id` first. */
export function withoutSystem({ id, _system, ...attributes }: Doc<Row>): Row {
  return { id, ...attributes }
}

/** One JSON array, or a document a line with the number of documents on standard error. */
export async function printAll(
  context: Context,
  docs: AsyncIterable<Doc<Row>>,
  flags: { readonly json?: true },
): Promise<void> {
  const outlet = new Outlet(context)
  let found = 0
  for await (const doc of docs) {
    if (flags.json) await outlet.write((found === 0 ? '[' : ',\n') + JSON.stringify(doc))
    else await outlet.write(`${JSON.stringify(withoutSystem(doc))}\n`)
    found++
  }
  if (flags.json) await outlet.write(found === 0 ? '[]\n' : ']\n')
  await outlet.flush()
  if (!flags.json) context.terminal.err(`${counted(found, 'document')}\n`)
}
