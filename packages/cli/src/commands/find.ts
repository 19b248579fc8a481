/** `varve find`: queries a collection. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { databaseOptions, queryOptions, type DatabaseFlags, type QueryFlags } from '../options.ts'
import { printAll, queryOf } from '../query.ts'
import { withCollection } from '../session.ts'
import { count } from '../table.ts'

interface FindFlags extends DatabaseFlags, QueryFlags {
  readonly deleted?: true
  readonly count?: true
  readonly explain?: true
}

const examples = `
Examples:
  varve find people --filter '{"status":"active"}' --sort -createdAt,name --limit 10
  varve find people --filter '{"address.city":{"$in":["Paris","Rome"]}}' --select name,address
  varve find people --filter '{"email":{"$regex":"@example.org$"}}' --count`

export function addFind(program: Command, context: Context): void {
  queryOptions(databaseOptions(program.command('find <collection>').description('find documents by a filter')))
    .option('--deleted', 'also deleted documents')
    .option('--count', 'only how many there are')
    .option('--explain', 'only which index would be used, and why')
    .addHelpText('after', examples)
    .action((name: string, flags: FindFlags) =>
      withCollection(context, flags, name, async (collection) => {
        const found = collection.find(flags.filter)
        const query = queryOf(flags.deleted ? found.includeDeleted() : found, flags)
        if (flags.explain) {
          const { path, sorted, reason } = await query.explain()
          if (flags.json) return printJson(context, { index: path, sorted, reason })
          return context.terminal.out(`${path === null ? 'no index' : `index "${path}"`}: ${reason}\n`)
        }
        if (flags.count) {
          const documents = await query.count()
          return flags.json ? printJson(context, documents) : context.terminal.out(`${count(documents)}\n`)
        }
        return printAll(context, query, flags)
      }),
    )
}
