/** `varve patch`: changes attributes of one document. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import {
  databaseOptions,
  parseObject,
  parseWhole,
  pickWrite,
  writeOptions,
  type DatabaseFlags,
  type WriteFlags,
} from '../options.ts'
import { withCollection } from '../session.ts'
import { printWritten } from '../written.ts'

interface PatchFlags extends DatabaseFlags, WriteFlags {
  readonly expect?: number
}

const examples = `
Examples:
  varve patch people ada '{"status":"active","address.city":"Paris"}'
  varve patch people ada '{"$inc":{"visits":1},"$unset":{"draft":true}}' --expect 3`

export function addPatch(program: Command, context: Context): void {
  writeOptions(
    databaseOptions(
      program
        .command('patch <collection> <id> <json>')
        .description('change attributes, by path or with update operators'),
    ),
  )
    .option('--expect <ov>', 'only if this is still its version', parseWhole)
    .addHelpText('after', examples)
    .action((name: string, id: string, json: string, flags: PatchFlags) =>
      withCollection(context, flags, name, async (collection) => {
        const options = { ...pickWrite(flags), ...(flags.expect === undefined ? {} : { expectedOv: flags.expect }) }
        const written = await collection.patch(id, parseObject(json, 'The change'), options)
        await printWritten(context, 'Changed', written, flags)
      }),
    )
}
