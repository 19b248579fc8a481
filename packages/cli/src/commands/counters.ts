/** `varve counters`: how many versions there are, and what rules count of them. */

import type { Command } from 'commander'
import type { CounterRule, CounterTotals, Database, TotalsOptions } from 'varve'
import { usageError, type Context } from '../context.ts'
import { ruleText, totalsTable } from '../counters-table.ts'
import { parseExact, printJson } from '../json.ts'
import { databaseOptions, parseWhole, type DatabaseFlags } from '../options.ts'
import { assertCollection, readInput, withDatabase } from '../session.ts'
import { counted } from '../table.ts'

interface CountersFlags extends DatabaseFlags {
  readonly rules?: string
  readonly at?: string
  readonly record?: number
  readonly pending?: true
}

const examples = `
Examples:
  varve counters
  varve counters events --json
  varve counters --rules rules.json
  varve counters --at 2026-01-31

The file has the rules of the database as a list; they stay until another is given, docs/counters.md describes them:
  [{ "name": "logins", "on": ["CREATE"], "when": { "action": "login" }, "countUnique": ["user"], "buckets": { "day": 30 } }]`

export function addCounters(program: Command, context: Context): void {
  databaseOptions(program.command('counters [collection]').description('count versions, and what rules ask for'))
    .option('--rules <file>', 'first make these the rules, and no others; of this device')
    .option('--at <time>', 'as they were at this time')
    .option('--record <n>', 'as they were right after this record number', parseWhole)
    .option('--pending', 'also what is not recorded yet')
    .addHelpText('after', examples)
    .action(async (name: string | undefined, flags: CountersFlags) => {
      const { at, record, pending } = flags
      if ([at, record, pending].filter((each) => each !== undefined).length > 1)
        throw usageError('Give one of --at, --record and --pending')
      const rules = flags.rules === undefined ? null : rulesIn(await readInput(context, flags.rules), flags.rules)
      await withDatabase(context, flags, async (database) => {
        if (name !== undefined) assertCollection(database, name)
        if (rules !== null) await database.counters.define(rules)
        const options = whenOf(flags)
        const totals = await totalsOf(database, name, options)
        if (flags.json) return printJson(context, totals)
        await print(context, database, totals, { ...options, ...(name === undefined ? {} : { collection: name }) })
      })
    })
}

function rulesIn(text: string, path: string): readonly CounterRule[] {
  const rules = parseExact(text, `The list of rules in ${path}`)
  if (isRules(rules)) return rules
  throw usageError(`${path} must hold a JSON list of rules, such as [{"name":"logins","on":["CREATE"]}]`)
}

/** Everything else about them is checked when they are defined. */
function isRules(value: unknown): value is readonly CounterRule[] {
  return Array.isArray(value)
}

function whenOf({ at, record, pending }: CountersFlags): TotalsOptions {
  if (pending) return { pending }
  if (record !== undefined) return { at: { record } }
  return at === undefined ? {} : { at }
}

function totalsOf({ counters }: Database, name: string | undefined, options: TotalsOptions): Promise<CounterTotals> {
  return counters.totals(name === undefined ? options : { ...options, collection: name })
}

async function print(
  context: Context,
  database: Database,
  all: CounterTotals,
  { collection, ...options }: TotalsOptions,
): Promise<void> {
  const { terminal } = context
  const names = collection === undefined ? database.collections() : [collection]
  const totals = []
  for (const name of names) totals.push({ name, totals: await totalsOf(database, name, options) })
  if (totals.length !== 1) totals.push({ name: 'all', totals: all })
  await terminal.out(totalsTable(totals, terminal.columns))
  for (const rule of database.counters.rules()) {
    const figures = all.rules[rule.name]
    if (figures !== undefined) await terminal.out(`\n${ruleText(rule, figures, terminal.columns)}`)
  }
  const { pending } = await database.stats()
  if (pending > 0 && options.at === undefined && !options.pending)
    terminal.err(`${counted(pending, 'version')} not recorded yet: --pending counts them too\n`)
}
