/** `varve get`: one document, as it is or as one version had it. */

import type { Command } from 'commander'
import { VarveError, type Collection, type Doc } from 'varve'
import type { Context } from '../context.ts'
import { databaseOptions, parseList, parseWhole, type DatabaseFlags, type Row } from '../options.ts'
import { withCollection } from '../session.ts'

interface GetFlags extends DatabaseFlags {
  readonly ov?: number
  readonly select?: readonly string[]
}

const examples = `
Examples:
  varve get people ada@example.org
  varve get people ada@example.org --select name,address.city --json
  varve get people ada@example.org --ov 0`

export function addGet(program: Command, context: Context): void {
  databaseOptions(program.command('get <collection> <id>').description('print one document'))
    .option('--ov <n>', 'as this version had it', parseWhole)
    .option('--select <paths>', 'only these comma-separated paths', parseList)
    .addHelpText('after', examples)
    .action((name: string, id: string, flags: GetFlags) =>
      withCollection(context, flags, name, async (collection) => {
        await printDocument(context, await read(collection, id, flags), flags)
      }),
    )
}

async function read(collection: Collection<Row>, id: string, { ov, select }: GetFlags): Promise<Doc<Row>> {
  if (ov !== undefined) {
    const version = await collection.getVersion(id, ov)
    if (version !== null) return version
    throw new VarveError('NOT_FOUND', `There is no version ${ov} of "${id}": varve history lists its versions`)
  }
  const doc = await collection.get(id, select === undefined ? {} : { select })
  if (doc !== null) return doc
  throw new VarveError('NOT_FOUND', `There is no document "${id}" in "${collection.name}", or it is deleted`)
}

export function printDocument(context: Context, doc: Doc<Row> | null, flags: { readonly json?: true }): Promise<void> {
  return context.terminal.out(`${flags.json ? JSON.stringify(doc) : JSON.stringify(doc, null, 2)}\n`)
}
