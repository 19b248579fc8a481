/** `varve index`: declares indexes and search of a collection on this device, and lists them. */

import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { Collection, CollectionOptions, Declared, Duplicate, SearchOptions } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { databaseOptions, parseList, type DatabaseFlags, type Row } from '../options.ts'
import { withCollection } from '../session.ts'
import { cell, counted, table } from '../table.ts'

interface IndexFlags extends DatabaseFlags {
  readonly on?: readonly string[]
  readonly unique?: true
  readonly search?: SearchOptions['fields']
}

const examples = `
Examples:
  varve index people                                  what there is
  varve index people --on city,age                    one index, by city and then by age
  varve index people --on email --unique
  varve index people --search name:3,bio              what is found in a name counts three times

Indexes are of this device. They are made once, and from then on kept with every write.`

export function addIndex(program: Command, context: Context): void {
  databaseOptions(program.command('index <collection>').description('declare indexes and search, or list them'))
    .option('--on <paths>', 'comma-separated paths of one index, in order of weight', parseList)
    .option('--unique', 'no two documents may have the same values there')
    .option('--search <fields>', 'comma-separated paths of texts to search, each with :weight if not 1', parseFields)
    .addHelpText('after', examples)
    .action((name: string, flags: IndexFlags) => {
      if (flags.unique && flags.on === undefined) throw usageError('--unique is of an index: name its paths with --on')
      return withCollection(context, flags, name, async (_, database) => {
        const collection = database.collection<Row>(name, optionsOf(flags))
        const declared = await collection.declared()
        const duplicates = await duplicatesOf(collection, declared)
        if (flags.json) return printJson(context, { ...declared, duplicates })
        await context.terminal.out(declaredText(declared, context) + duplicatesText(duplicates, context))
      })
    })
}

function optionsOf({ on, unique, search }: IndexFlags): CollectionOptions<Row> {
  return {
    ...(on === undefined ? {} : { indexes: [{ paths: on, ...(unique === undefined ? {} : { unique }) }] }),
    ...(search === undefined ? {} : { search: { fields: search } }),
  }
}

function duplicatesOf(collection: Collection<Row>, { indexes }: Declared): Promise<readonly Duplicate[]> {
  return indexes.some(({ unique }) => unique) ? collection.duplicates() : Promise.resolve([])
}

function declaredText({ indexes, search }: Declared, { terminal }: Context): string {
  const fields = Object.entries(search?.fields ?? {}).map(([path, { weight = 1 }]) =>
    weight === 1 ? path : `${path}:${weight}`,
  )
  const rows = indexes.map(({ paths, unique }) => [unique ? 'unique' : 'index', paths.join(', ')])
  if (search !== null) rows.push(['search', fields.join(', ')])
  return rows.length === 0 ? 'No indexes.\n' : table(['kind', 'on'], rows, terminal.columns)
}

function duplicatesText(duplicates: readonly Duplicate[], { terminal }: Context): string {
  if (duplicates.length === 0) return ''
  const rows = duplicates.map(({ paths, values, ids }) => [
    paths.join(', '),
    values.map(cell).join(', '),
    ids.map(cell).join(', '),
  ])
  const heading = `${counted(duplicates.length, 'value')} should be unique and ${duplicates.length === 1 ? 'is' : 'are'} not`
  return `\n${heading}:\n${table(['on', 'value', 'documents'], rows, terminal.columns)}`
}

/** `name:3,bio` */
function parseFields(text: string): SearchOptions['fields'] {
  return Object.fromEntries(
    parseList(text).map((part) => {
      const [, path = '', weight] = /^(.+?)(?::([^:]*))?$/.exec(part) ?? []
      if (weight === undefined) return [path, {}]
      if (!/^\d+(?:\.\d+)?$/.test(weight))
        throw new InvalidArgumentError(`The weight of "${path}" must be a number, as in ${path}:3.`)
      return [path, { weight: Number(weight) }]
    }),
  )
}
