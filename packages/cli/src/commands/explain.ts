/** `varve explain`: how a query would be answered, and why. */

import type { Command } from 'commander'
import type { QueryPlan } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { databaseOptions, filterOption, sortOption, type DatabaseFlags, type QueryFlags } from '../options.ts'
import { queryOf } from '../query.ts'
import { withCollection } from '../session.ts'
import { counted } from '../table.ts'

interface ExplainFlags extends DatabaseFlags, Pick<QueryFlags, 'filter' | 'sort'> {
  readonly search?: string
}

const examples = `
Examples:
  varve explain people --filter '{"city":"Paris"}'
  varve explain people --filter '{"city":"Paris","age":{"$gte":30}}' --sort -age --json
  varve explain people --search 'engine*'`

export function addExplain(program: Command, context: Context): void {
  sortOption(
    filterOption(
      databaseOptions(program.command('explain <collection>').description('tell which index answers a query, and why')),
    ),
  )
    .option('--search <words>', 'of a search for these words')
    .addHelpText('after', examples)
    .action((name: string, flags: ExplainFlags) =>
      withCollection(context, flags, name, async (collection) => {
        const found = collection.find(flags.filter)
        const query = queryOf(flags.search === undefined ? found : found.search(flags.search), flags)
        const plan = await query.explain()
        if (!flags.json) return context.terminal.out(planText(plan, flags))
        const { path, paths, ids, ranges, reverse, sorted, reason } = plan
        const numbers = { ids: ids?.length ?? null, ranges: ranges.length }
        return printJson(context, { index: path, paths, ...numbers, reverse, sorted, reason })
      }),
    )
}

function planText({ paths, ids, ranges, reverse, sorted, reason }: QueryPlan, { sort, search }: ExplainFlags): string {
  const order = sort === undefined ? '' : `order  ${sorted ? 'as it is read' : 'sorted after reading'}\n`
  return `index  ${indexText()}\nwhy    ${reason}\n${order}`

  function indexText(): string {
    if (ids !== null) return `none, ${counted(ids.length, 'id')}`
    if (paths === null) return search === undefined ? 'none' : 'of words'
    const parts = ranges.length === 1 ? '' : `, ${counted(ranges.length, 'part')} of it`
    return `${paths.join(', ')}${parts}${reverse ? ', read backwards' : ''}`
  }
}
