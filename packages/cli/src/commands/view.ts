/** `varve view`: documents in categories with totals, as a definition in a file asks for. */

import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { VarveError, type View, type ViewDefinition } from 'varve'
import { usageError, type Context } from '../context.ts'
import { parseExact, printJson } from '../json.ts'
import { checkForm, csvOptions, parseWhole, storeOptions, type StoreFlags } from '../options.ts'
import type { CsvFlags } from '../csv.ts'
import { isRow } from '../paths.ts'
import { readInput, withTenant } from '../session.ts'
import { count, counted } from '../table.ts'
import { shownRows, type RowFlags } from '../view-rows.ts'
import { viewTable } from '../view-table.ts'

interface ViewFlags extends StoreFlags, CsvFlags, RowFlags {
  readonly xlsx?: string
  readonly asOf?: string
  readonly save?: true
}

const examples = `
Examples:
  varve view invoices.json
  varve view invoices.json --collapse
  varve view invoices.json --level 2 --from 40 --limit 20
  varve view invoices.json --as-of 2026-01-31 --csv > january.csv
  varve view invoices.json --xlsx invoices.xlsx

The file is a definition as JSON; docs/views.md describes it:
  { "name": "invoices", "sources": [{ "database": "main", "collection": "invoices" }],
    "categories": [{ "value": "country" }], "columns": [{ "name": "amount", "value": "amount", "totals": ["sum"] }] }`

export function addView(program: Command, context: Context): void {
  csvOptions(
    storeOptions(program.command('view <definition>').description('show documents in categories, with totals')),
  )
    .option('--collapse', 'categories only, without documents')
    .option('--level <n>', 'only so many levels, from the top', parseWhole)
    .option('--from <n>', 'the first row to show, from 0', parseWhole)
    .option('--limit <n>', 'at most this many rows', parseWhole)
    .option('--xlsx <file>', 'write a workbook to this file')
    .option('--as-of <time>', 'as it was recorded at this time')
    .option('--save', 'keep its rows on this device, so that the next time only changes are read')
    .addHelpText('after', examples)
    .action(async (path: string, flags: ViewFlags) => {
      check(flags)
      const definition = definitionIn(await readInput(context, path), path)
      await withTenant(context, flags, async (tenant) => {
        const view = await tenant.view(definition, flags.asOf === undefined ? {} : { asOf: flags.asOf })
        try {
          if (flags.save) await view.save()
          await print(context, view, definition, flags)
        } finally {
          view.close()
        }
      })
    })
}

function check(flags: ViewFlags): void {
  checkForm(flags)
  const { csv, xlsx, json, collapse, level, from, limit } = flags
  if (xlsx !== undefined && (csv || json)) throw usageError('Give one of --json, --csv and --xlsx')
  const part = collapse ?? level ?? from ?? limit
  if ((csv || xlsx !== undefined) && part !== undefined)
    throw usageError('--csv and --xlsx give the whole view: leave out --collapse, --level, --from and --limit')
}

function definitionIn(text: string, path: string): ViewDefinition {
  const definition = parseExact(text, `The definition in ${path}`)
  if (isDefinition(definition)) return definition
  throw usageError(`The definition in ${path} must be a JSON object with "name" and "sources"`)
}

/** Everything else about it is checked when the view is opened. */
function isDefinition(value: unknown): value is ViewDefinition {
  return isRow(value)
}

async function print(context: Context, view: View, definition: ViewDefinition, flags: ViewFlags): Promise<void> {
  const { terminal } = context
  if (flags.csv) return terminal.out(view.toCsv({ formulas: flags.keepFormulas ? 'keep' : 'escape' }))
  if (flags.xlsx !== undefined) return writeWorkbook(context, view, flags.xlsx)
  const { rows, count: all } = shownRows(view, flags)
  if (flags.json) return printJson(context, { name: view.name, totals: view.totals, count: all, rows })
  await terminal.out(viewTable(definition, rows, view.totals, terminal.columns))
  const part = rows.length < all ? `${count(rows.length)} of ` : ''
  terminal.err(`${part}${counted(all, 'row')} of ${counted(view.totals.documents, 'document')}\n`)
}

async function writeWorkbook({ terminal }: Context, view: View, path: string): Promise<void> {
  const bytes = await view.toXlsx()
  try {
    writeFileSync(path, bytes)
  } catch (cause) {
    throw new VarveError('STORE_FAILED', `The file ${path} cannot be written: check its folder and permissions`, {
      cause,
    })
  }
  await terminal.out(`Wrote ${path}.\n`)
}
