/** `varve conflicts`: writes that met without knowing of each other. */

import type { Command } from 'commander'
import type { Conflict } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { databaseOptions, type DatabaseFlags } from '../options.ts'
import { withCollection } from '../session.ts'
import { counted, cut, show, table } from '../table.ts'

interface ConflictFlags extends DatabaseFlags {
  readonly open?: true
}

type Found = Conflict & { readonly id: string }

const examples = `
Examples:
  varve conflicts people            of all documents
  varve conflicts people ada
  varve conflicts people --open     not looked at yet`

export function addConflicts(program: Command, context: Context): void {
  databaseOptions(program.command('conflicts <collection> [id]').description('list concurrent writes to one attribute'))
    .option('--open', 'only those that nobody has written over since')
    .addHelpText('after', examples)
    .action((name: string, id: string | undefined, flags: ConflictFlags) =>
      withCollection(context, flags, name, async (collection) => {
        const ids: string[] = []
        if (id !== undefined) ids.push(id)
        else for await (const doc of collection.find().includeDeleted()) ids.push(doc.id)
        const found: Found[] = []
        for (const each of ids) {
          for (const conflict of await collection.conflicts(each)) {
            if (!flags.open || conflict.resolvedBy === null) found.push({ id: each, ...conflict })
          }
        }
        if (flags.json) return printJson(context, found)
        if (found.length === 0) return context.terminal.out('No conflicts.\n')
        const heading = ['document', 'attribute', 'kept', 'by', 'given up', 'by', 'resolved']
        await context.terminal.out(table(heading, found.map(rowOf), context.terminal.columns))
        context.terminal.err(`${counted(found.length, 'conflict')}\n`)
      }),
    )
}

function rowOf({ id, path, winner, loser, resolvedBy }: Found): readonly string[] {
  return [
    id,
    path === '' ? '(existence)' : path,
    winner.value === undefined ? '(removed)' : cut(show(winner.value), 30),
    winner.actor ?? '',
    loser.value === undefined ? '(removed)' : cut(show(loser.value), 30),
    loser.actor ?? '',
    resolvedBy === null ? 'no' : `version ${resolvedBy}`,
  ]
}
