/** `varve export`: a collection as JSON lines, as a stream. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { Outlet } from '../json.ts'
import { databaseOptions, queryOptions, type DatabaseFlags, type QueryFlags } from '../options.ts'
import { queryOf, withoutSystem } from '../query.ts'
import { withCollection } from '../session.ts'

interface ExportFlags extends DatabaseFlags, QueryFlags {
  readonly system?: true
}

const examples = `
Examples:
  varve export people > people.jsonl
  varve export people --filter '{"status":"active"}' --system | gzip > active.jsonl.gz

The output is JSON lines, with or without --json; varve import reads it again.`

export function addExport(program: Command, context: Context): void {
  queryOptions(databaseOptions(program.command('export <collection>').description('print a collection as JSON lines')))
    .option('--system', 'with _system: versions, times, authors')
    .addHelpText('after', examples)
    .action((name: string, flags: ExportFlags) =>
      withCollection(context, flags, name, async (collection) => {
        const outlet = new Outlet(context)
        for await (const doc of queryOf(collection.find(flags.filter), flags)) {
          await outlet.write(`${JSON.stringify(flags.system ? doc : withoutSystem(doc))}\n`)
        }
        await outlet.flush()
      }),
    )
}
