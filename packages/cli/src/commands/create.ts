/** `varve create`: one document from JSON. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import {
  databaseOptions,
  parseObject,
  pickWrite,
  writeOptions,
  type DatabaseFlags,
  type Row,
  type WriteFlags,
} from '../options.ts'
import { readInput, withTenant } from '../session.ts'
import { printWritten } from '../written.ts'

interface CreateFlags extends DatabaseFlags, WriteFlags {
  readonly id?: string
}

const examples = `
Examples:
  varve create people '{"name":"Ada"}' --reason 'signed up'
  varve create people - --id ada < ada.json`

export function addCreate(program: Command, context: Context): void {
  writeOptions(
    databaseOptions(
      program.command('create <collection> <json>').description('create a document; - is standard input'),
    ),
  )
    .option('--id <id>', 'its id; made up otherwise')
    .addHelpText('after', examples)
    .action((name: string, json: string, flags: CreateFlags) =>
      withTenant(context, flags, async (tenant) => {
        const text = json === '-' ? await readInput(context, '-') : json
        const data = parseObject(text, 'The document')
        const collection = (await tenant.database(flags.database)).collection<Row>(name)
        const options = { ...pickWrite(flags), ...(flags.id === undefined ? {} : { id: flags.id }) }
        await printWritten(context, 'Created', await collection.create(data, options), flags)
      }),
    )
}
