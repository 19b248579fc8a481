/** `varve import`: JSON lines into a collection, as a stream. */

import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { usageError, type Context } from '../context.ts'
import { importLines, openInput } from '../import.ts'
import { printJson } from '../json.ts'
import {
  databaseOptions,
  parseList,
  parseWhole,
  pickWrite,
  writeOptions,
  type DatabaseFlags,
  type Row,
  type WriteFlags,
} from '../options.ts'
import { Progress } from '../progress.ts'
import { withTenant } from '../session.ts'
import { count, counted, duration } from '../table.ts'

interface ImportFlags extends DatabaseFlags, WriteFlags {
  readonly id?: string
  readonly index?: readonly string[]
  readonly skip?: number
}

const examples = `
Examples:
  varve import people people.jsonl
  varve import people people.jsonl.gz --id email --index email,status
  zcat people.jsonl.gz | varve import people --database crm --reason 'first load'

One JSON object a line, 1,000 documents a commit. An attribute "id" is taken as the document's id.`

export function addImport(program: Command, context: Context): void {
  writeOptions(
    databaseOptions(
      program.command('import <collection> [file]').description('import JSON lines from a file or standard input'),
    ),
  )
    .option('--id <path>', 'take the id from this attribute')
    .option('--index <paths>', 'comma-separated paths to index', parseList)
    .option('--skip <lines>', 'pass over the first lines, to go on after a failure', parseWhole)
    .addHelpText('after', examples)
    .action((name: string, file: string | undefined, flags: ImportFlags) =>
      withTenant(context, flags, async (tenant) => {
        const standard = file === undefined || file === '-'
        if (!standard && !existsSync(file)) throw usageError(`There is no file ${file}: check its name`)
        const database = await tenant.database(flags.database)
        const collection = database.collection<Row>(name, { indexes: flags.index ?? [] })
        const progress = new Progress(context, 'documents')
        const done = await importLines(collection, standard ? context.terminal.input : openInput(file), {
          name: standard ? 'standard input' : file,
          write: pickWrite(flags),
          ...(flags.id === undefined ? {} : { id: flags.id }),
          ...(flags.skip === undefined ? {} : { skip: flags.skip }),
          onCommit: ({ documents }) => {
            progress.update(documents)
          },
        }).finally(() => {
          progress.clear()
        })
        const ms = progress.elapsed()
        if (flags.json) return printJson(context, { ...done, ms })
        const speed = `${duration(ms)}, ${count(done.documents / (Math.max(ms, 1) / 1000))} a second`
        await context.terminal.out(
          `Imported ${counted(done.documents, 'document')} in ${counted(done.commits, 'commit')} (${speed}).\n`,
        )
      }),
    )
}
