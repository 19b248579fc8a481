/** `varve search`: full-text search in a collection, best first. */

import type { Command } from 'commander'
import { VarveError, type Collection, type Database, type Hit, type HitPage, type Query } from 'varve'
import type { Context } from '../context.ts'
import { printCsvRows } from '../csv.ts'
import { cellsIn, columnsIn, selected } from '../found.ts'
import { fragment } from '../fragments.ts'
import { printJson } from '../json.ts'
import {
  checkForm,
  csvOptions,
  databaseOptions,
  queryOptions,
  type DatabaseFlags,
  type FoundFlags,
  type Row,
} from '../options.ts'
import { queryOf } from '../query.ts'
import { withCollection } from '../session.ts'
import { count, counted, figure, oneLine, table } from '../table.ts'

interface SearchFlags extends DatabaseFlags, FoundFlags {
  readonly after?: string
  readonly asOf?: string
}

const defaultLimit = 10

const examples = `
Examples:
  varve search packages 'mail server'
  varve search packages '"mail server" -perl' --filter '{"section":"mail"}' --limit 20
  varve search packages 'engin*' --sort name --json

All words must be there; "…" is a phrase, * ends a prefix, - excludes. The first time, say where to search:
  varve index packages --search name:3,description`

export function addSearch(program: Command, context: Context): void {
  csvOptions(
    queryOptions(
      databaseOptions(
        program.command('search <collection> <words...>').description('search words, best matches first'),
      ),
    ),
  )
    .option('--after <cursor>', 'go on after a page, with the "next" that --json printed')
    .option('--as-of <time>', 'as it was recorded at this time')
    .addHelpText('after', examples)
    .action((name: string, words: readonly string[], flags: SearchFlags) => {
      checkForm(flags)
      return withCollection(context, flags, name, async (collection, database) => {
        await assertSearchable(collection)
        const found = await searched(collection, database, flags)
        const query = queryOf(found.search(words.join(' ')), { ...flags, limit: flags.limit ?? defaultLimit })
        const page = await (flags.after === undefined ? query : query.after(flags.after)).hits()
        if (flags.json) return printJson(context, page)
        if (flags.csv) await printHitsAsCsv(context, page, flags)
        else await context.terminal.out(hitTable(context, page.items))
        context.terminal.err(`${await numberText(query, page)}\n`)
      })
    })
}

async function assertSearchable(collection: Collection<Row>): Promise<void> {
  if ((await collection.declared()).search !== null) return
  const { name } = collection
  throw new VarveError(
    'NOT_FOUND',
    `"${name}" has no search index: make one with varve index ${name} --search and the paths of its texts`,
  )
}

async function searched(collection: Collection<Row>, database: Database, flags: SearchFlags): Promise<Query<Row>> {
  if (flags.asOf === undefined) return collection.find(flags.filter)
  return (await database.asOf(flags.asOf)).collection<Row>(collection.name).find(flags.filter)
}

async function numberText(query: Query<Row>, { items, next }: HitPage<Row>): Promise<string> {
  if (next === null) return counted(items.length, 'document')
  return `${count(items.length)} of ${counted(await query.count(), 'document')}`
}

async function printHitsAsCsv(context: Context, { items }: HitPage<Row>, flags: SearchFlags): Promise<void> {
  const { select } = flags
  const columns = select === undefined ? await columnsIn(items.map(({ doc }) => doc)) : selected(select)
  const rows = items.map(({ doc, score }) => [score, ...cellsIn(doc, columns, select !== undefined)])
  await printCsvRows(context, ['score', ...columns], rows, flags)
}

/** The last column has the field, and of its text the part where most was found, as wide as the terminal allows. */
function hitTable({ terminal }: Context, hits: readonly Hit<Row>[]): string {
  const named = hits.map(({ doc, score }) => [figure(score), oneLine(doc.id)])
  const widths = [0, 1].map((column) => Math.max(5, ...named.map((cells) => cells[column]?.length ?? 0)))
  const room = terminal.columns - widths.reduce((sum, width) => sum + width + 2, 0)
  const rows = hits.map((hit, i) => [...(named[i] ?? []), place(hit, Math.max(room, 20), terminal.bold)])
  return table(['score', 'id', 'found in'], rows, Infinity, new Set([0]))
}

function place({ highlights }: Hit<Row>, room: number, isBold: boolean): string {
  const [best] = highlights.toSorted((a, b) => b.ranges.length - a.ranges.length)
  if (best === undefined) return ''
  const field = `${oneLine(best.path)}: `
  return `${field}${fragment(best, room - field.length, isBold)}`
}
