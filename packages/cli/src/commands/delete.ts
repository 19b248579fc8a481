/** `varve delete`: deletes one document, which `varve restore` brings back. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { databaseOptions, pickWrite, writeOptions, type DatabaseFlags, type WriteFlags } from '../options.ts'
import { withCollection } from '../session.ts'
import { printWritten } from '../written.ts'

const examples = `
Examples:
  varve delete people ada --reason 'asked for it'
  varve restore people ada`

export function addDelete(program: Command, context: Context): void {
  writeOptions(
    databaseOptions(program.command('delete <collection> <id>').description('delete a document; its history stays')),
  )
    .addHelpText('after', examples)
    .action((name: string, id: string, flags: DatabaseFlags & WriteFlags) =>
      withCollection(context, flags, name, async (collection) => {
        await printWritten(context, 'Deleted', await collection.delete(id, pickWrite(flags)), flags)
      }),
    )
}
