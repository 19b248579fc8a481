/** `varve diff`: what changed between two versions of a document. */

import type { Command } from 'commander'
import type { Difference } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { databaseOptions, type DatabaseFlags } from '../options.ts'
import { withCollection } from '../session.ts'
import { show } from '../table.ts'

const examples = `
Examples:
  varve diff people ada 0 3
  varve diff people ada 0 3 --json`

export function addDiff(program: Command, context: Context): void {
  databaseOptions(
    program.command('diff <collection> <id> <from> <to>').description('compare two versions, attribute by attribute'),
  )
    .addHelpText('after', examples)
    .action((name: string, id: string, from: string, to: string, flags: DatabaseFlags) => {
      const [a, b] = [versionOf(from), versionOf(to)]
      return withCollection(context, flags, name, async (collection) => {
        const differences = await collection.diff(id, a, b)
        if (flags.json) return printJson(context, differences)
        await context.terminal.out(
          differences.length === 0 ? `Versions ${a} and ${b} are equal.\n` : formatDifferences(differences),
        )
      })
    })
}

function versionOf(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usageError(`"${text}" is not a version: give a number that varve history lists`)
  return Number(text)
}

export function formatDifferences(differences: readonly Difference[]): string {
  const signs = { added: '+', removed: '-', changed: '~' }
  return differences
    .map(({ kind, path, before, after }) => {
      const value =
        kind === 'added' ? show(after) : kind === 'removed' ? show(before) : `${show(before)} → ${show(after)}`
      return `${signs[kind]} ${path}  ${value}\n`
    })
    .join('')
}
