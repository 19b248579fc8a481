/** `varve find`: queries a collection. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { printFound } from '../found.ts'
import { databaseOptions, foundOptions, type DatabaseFlags, type FoundFlags } from '../options.ts'
import { withCollection } from '../session.ts'

interface FindFlags extends DatabaseFlags, FoundFlags {
  readonly deleted?: true
}

const examples = `
Examples:
  varve find people --filter '{"status":"active"}' --sort -createdAt,name --limit 10
  varve find people --filter '{"address.city":{"$in":["Paris","Rome"]}}' --select name,address
  varve find people --filter '{"email":{"$regex":"@example.org$"}}' --count
  varve find people --group city --count --avg age --sort -count --limit 10
  varve find people --select name,address.city --csv > people.csv`

export function addFind(program: Command, context: Context): void {
  foundOptions(databaseOptions(program.command('find <collection>').description('find documents, or totals of them')))
    .option('--deleted', 'also deleted documents')
    .addHelpText('after', examples)
    .action((name: string, flags: FindFlags) =>
      withCollection(context, flags, name, (collection) => {
        const found = collection.find(flags.filter)
        return printFound(context, flags.deleted ? found.includeDeleted() : found, flags)
      }),
    )
}
