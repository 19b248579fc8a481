/** `varve history`: the versions of a document: when, who, why and what. */

import type { Command } from 'commander'
import type { Version } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { databaseOptions, parseWhole, type DatabaseFlags, type Row } from '../options.ts'
import { withCollection } from '../session.ts'
import { cut, table } from '../table.ts'

interface HistoryFlags extends DatabaseFlags {
  readonly from?: number
  readonly limit?: number
}

const examples = `
Examples:
  varve history people ada
  varve history people ada --from 10 --limit 5 --json`

export function addHistory(program: Command, context: Context): void {
  databaseOptions(program.command('history <collection> <id>').description('list the versions of a document'))
    .option('--from <ov>', 'the first version to list', parseWhole)
    .option('--limit <n>', 'at most this many', parseWhole)
    .addHelpText('after', examples)
    .action((name: string, id: string, { from, limit, ...flags }: HistoryFlags) =>
      withCollection(context, flags, name, async (collection) => {
        const versions: Version<Row>[] = []
        const range = { ...(from === undefined ? {} : { from }), ...(limit === undefined ? {} : { limit }) }
        for await (const version of collection.history(id, range)) versions.push(version)
        if (flags.json) return printJson(context, versions)
        const heading = ['ov', 'recorded', 'actor', 'kind', 'changed', 'reason']
        await context.terminal.out(table(heading, versions.map(rowOf), context.terminal.columns))
      }),
    )
}

function rowOf(version: Version<Row>): readonly string[] {
  return [
    String(version.ov),
    version.recordedAt ?? 'pending',
    version.actor ?? '',
    version.kind,
    cut(version.paths.join(', '), 40),
    version.reason ?? '',
  ]
}
