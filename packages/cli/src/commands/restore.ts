/** `varve restore`: brings one document or a whole collection back to an earlier state, as new versions. */

import type { Command } from 'commander'
import { VarveError, type Collection, type Difference, type RestoreAllProgress } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import {
  databaseOptions,
  parseWhole,
  pickWrite,
  writeOptions,
  type DatabaseFlags,
  type Row,
  type WriteFlags,
} from '../options.ts'
import { Progress } from '../progress.ts'
import { withCollection } from '../session.ts'
import { counted } from '../table.ts'
import { printWritten } from '../written.ts'
import { formatDifferences } from './diff.ts'

interface RestoreFlags extends DatabaseFlags, WriteFlags {
  readonly ov?: number
  readonly cv?: number
  readonly at?: string
  readonly all?: true
  readonly dryRun?: true
}

const examples = `
Examples:
  varve restore people ada                      a deleted document, as it was
  varve restore people ada --ov 3 --dry-run
  varve restore people --all --at 2026-01-31T12:00:00Z --dry-run
  varve restore people --all --cv 1041 --reason 'undo the import'

Nothing is lost: restoring writes new versions, and can itself be undone.`

export function addRestore(program: Command, context: Context): void {
  writeOptions(databaseOptions(program.command('restore <collection> [id]').description('go back to an earlier state')))
    .option('--ov <n>', 'this version of the document', parseWhole)
    .option('--at <time>', 'this recorded time')
    .option('--all', 'the whole collection')
    .option('--cv <n>', 'this version of the collection, with --all', parseWhole)
    .option('--dry-run', 'only show what would change')
    .addHelpText('after', examples)
    .action((name: string, id: string | undefined, flags: RestoreFlags) => {
      check(flags, id)
      return withCollection(context, flags, name, (collection) =>
        id === undefined ? everything(context, collection, flags) : one(context, collection, id, flags),
      )
    })
}

function check({ ov, cv, at, all }: RestoreFlags, id: string | undefined): void {
  if ((id === undefined) !== (all === true)) throw usageError('Give the id of a document, or --all')
  const given = [ov, cv, at].filter((point) => point !== undefined).length
  if (all && (given !== 1 || ov !== undefined)) throw usageError('With --all, give either --at TIME or --cv N')
  if (!all && (given > 1 || cv !== undefined))
    throw usageError('For one document, give --ov N or --at TIME, or neither')
}

async function everything(context: Context, collection: Collection<Row>, flags: RestoreFlags): Promise<void> {
  const to = flags.cv === undefined ? { at: flags.at ?? '' } : { cv: flags.cv }
  const dryRun = flags.dryRun === true
  const progress = new Progress(context, 'documents')
  const onProgress = ({ checked }: RestoreAllProgress): void => {
    progress.update(checked)
  }
  const report = await collection.restoreAll(to, { ...pickWrite(flags), dryRun, onProgress }).finally(() => {
    progress.clear()
  })
  if (flags.json) return printJson(context, { ...report, dryRun })
  const text = dryRun
    ? `${counted(report.planned, 'document')} would be restored; nothing was written.`
    : `Restored ${counted(report.restored, 'document')}.`
  await context.terminal.out(`${text}\n`)
}

async function one(context: Context, collection: Collection<Row>, id: string, flags: RestoreFlags): Promise<void> {
  const { ov, at } = flags
  const to = ov !== undefined ? { ov } : at !== undefined ? { at } : undefined
  if (!flags.dryRun) {
    return printWritten(context, 'Restored', await collection.restore(id, to, pickWrite(flags)), flags)
  }
  const plan = await planned(collection, id, to)
  if (flags.json) return printJson(context, { id, ...plan, dryRun: true })
  const fate =
    plan.deletedNow === plan.deletedThen
      ? ''
      : plan.deletedNow
        ? 'It would be alive again.\n'
        : 'It would be deleted.\n'
  const same = fate === '' && plan.differences.length === 0 ? 'Nothing would change.\n' : ''
  await context.terminal.out(`${formatDifferences(plan.differences)}${fate}${same}`)
}

interface RestorePlan {
  readonly differences: readonly Difference[]
  readonly deletedNow: boolean
  readonly deletedThen: boolean
}

async function planned(
  collection: Collection<Row>,
  id: string,
  to: { readonly ov: number } | { readonly at: string } | undefined,
): Promise<RestorePlan> {
  const now = await collection.find({ id }).includeDeleted().first()
  if (now === null) throw new VarveError('NOT_FOUND', `There is no document "${id}" in "${collection.name}"`)
  const deletedNow = now._system.deleted
  if (to === undefined) return { differences: [], deletedNow, deletedThen: false }
  const then = 'ov' in to ? await collection.getVersion(id, to.ov) : await collection.getAsOf(id, to.at)
  if (then === null)
    throw new VarveError('NOT_FOUND', `There is no such version of "${id}": varve history lists its versions`)
  const differences = await collection.diff(id, now._system.ov, then._system.ov)
  return { differences, deletedNow, deletedThen: then._system.deleted }
}
