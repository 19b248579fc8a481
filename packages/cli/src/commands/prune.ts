/** `varve prune`: takes old versions away for good. */

import type { Command } from 'commander'
import type { PruneOptions, PruneReport } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { parseDays, parseWhole, storeOptions, type StoreFlags } from '../options.ts'
import { existingDatabase, withTenant } from '../session.ts'
import { counted } from '../table.ts'

interface PruneFlags extends StoreFlags {
  readonly olderThanDays?: number
  readonly keepVersions?: number
  readonly dryRun?: true
}

const examples = `
Examples:
  varve prune crm --older-than-days 365 --dry-run     what would go
  varve prune crm --older-than-days 365
  varve prune crm --keep-versions 20

What goes cannot be brought back. The present stays, and so does every version since the one that was the newest then;
asking for an earlier one answers PRUNED. Only the device that records a database can prune it.`

export function addPrune(program: Command, context: Context): void {
  storeOptions(program.command('prune <database>').description('take old versions away for good'))
    .option('--older-than-days <n>', 'versions that were not the newest any more so many days ago', parseDays)
    .option('--keep-versions <n>', 'all but so many newest versions of each document', parseWhole)
    .option('--dry-run', 'only say what would go')
    .addHelpText('after', examples)
    .action((name: string, flags: PruneFlags) => {
      const options = optionsOf(flags)
      return withTenant(context, flags, async (tenant) => {
        const database = await existingDatabase(tenant, name)
        const report = await database.prune(options)
        if (flags.json) return printJson(context, report)
        await context.terminal.out(reportText(report, flags.dryRun === true))
      })
    })
}

function optionsOf({ olderThanDays, keepVersions, dryRun }: PruneFlags): PruneOptions {
  if (olderThanDays === undefined && keepVersions === undefined)
    throw usageError('Say what goes: give --older-than-days, --keep-versions or both')
  return {
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(olderThanDays === undefined ? {} : { olderThanDays }),
    ...(keepVersions === undefined ? {} : { keepVersions }),
  }
}

function reportText({ versions, commits, bytes }: PruneReport, isDry: boolean): string {
  const size = `${counted(bytes, 'byte')} of ${counted(commits, 'commit')}`
  return `${counted(versions, 'version')} ${isDry ? 'would go' : 'gone'}, with them ${size}\n`
}
