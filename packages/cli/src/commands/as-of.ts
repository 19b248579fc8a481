/** `varve as-of`: a document or a collection as it was. */

import type { Command } from 'commander'
import { VarveError, type Doc } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printFound } from '../found.ts'
import { databaseOptions, foundOptions, parseWhole, type DatabaseFlags, type FoundFlags, type Row } from '../options.ts'
import { withCollection } from '../session.ts'
import { printDocument } from './get.ts'

interface AsOfFlags extends DatabaseFlags, FoundFlags {
  readonly at?: string
  readonly record?: number
  readonly authored?: true
}

const examples = `
Examples:
  varve as-of people ada --at 2026-01-31T12:00:00Z
  varve as-of people --at 2026-01-31 --filter '{"status":"active"}' --sort name
  varve as-of people --record 41 --group city --count

Times are trusted, recorded times in ISO 8601; --authored goes by the clocks of the writing devices.`

export function addAsOf(program: Command, context: Context): void {
  foundOptions(
    databaseOptions(
      program.command('as-of <collection> [id]').description('read a document or a collection as it was'),
    ),
  )
    .option('--at <time>', 'at this time')
    .option('--record <n>', 'right after this record number', parseWhole)
    .option('--authored', 'by authored time; for one document')
    .addHelpText('after', examples)
    .action((name: string, id: string | undefined, flags: AsOfFlags) => {
      check(flags, id)
      return withCollection(context, flags, name, async (collection, database) => {
        if (id !== undefined && flags.authored && flags.at !== undefined) {
          const doc = await collection.getAsOf(id, flags.at, { time: 'authored' })
          return printDocument(context, found(doc, id), flags)
        }
        const view = await database.asOf(flags.record === undefined ? (flags.at ?? '') : { record: flags.record })
        const past = view.collection<Row>(name)
        if (id !== undefined) return printDocument(context, found(await past.get(id), id), flags)
        return printFound(context, past.find(flags.filter), flags)
      })
    })
}

function check({ at, record, authored, csv }: AsOfFlags, id: string | undefined): void {
  if ((at === undefined) === (record === undefined)) throw usageError('Give either --at TIME or --record N')
  if (authored && (id === undefined || at === undefined))
    throw usageError('--authored needs the id of a document and --at: collections are read by recorded time')
  if (csv && id !== undefined) throw usageError('--csv is of a collection: leave out the id')
}

function found(doc: Doc<Row> | null, id: string): Doc<Row> {
  if (doc !== null && !doc._system.deleted) return doc
  throw new VarveError('NOT_FOUND', `"${id}" did not exist then, or was deleted: varve history tells when it changed`)
}
