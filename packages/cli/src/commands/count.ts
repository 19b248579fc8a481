/** `varve count`: how many documents there are. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { printCount } from '../found.ts'
import { databaseOptions, filterOption, type DatabaseFlags, type QueryFlags } from '../options.ts'
import { withCollection } from '../session.ts'

interface CountFlags extends DatabaseFlags, Pick<QueryFlags, 'filter'> {
  readonly deleted?: true
}

const examples = `
Examples:
  varve count people
  varve count people --filter '{"city":"Paris"}' --json`

export function addCount(program: Command, context: Context): void {
  filterOption(databaseOptions(program.command('count <collection>').description('count documents')))
    .option('--deleted', 'also deleted documents')
    .addHelpText('after', examples)
    .action((name: string, flags: CountFlags) =>
      withCollection(context, flags, name, (collection) => {
        const found = collection.find(flags.filter)
        return printCount(context, flags.deleted ? found.includeDeleted() : found, flags)
      }),
    )
}
