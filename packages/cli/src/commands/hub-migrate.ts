/** `varve hub migrate` and `varve hub prune`: what an operator runs after an update, and now and then. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { withHub } from '../hub-config.ts'
import { printJson } from '../json.ts'
import { counted, oneLine, table } from '../table.ts'
import { hubOptions, type HubFlags } from './hub-options.ts'

export function addHubMigrate(hub: Command, context: Context, examples: string): void {
  hubOptions(hub.command('migrate').description('bring all layouts to this release, and end interrupted moves'))
    .addHelpText('after', examples)
    .action((flags: HubFlags) =>
      withHub(context, flags.config, async ({ admin }) => {
        const report = await admin.migrate()
        if (!report.ok) context.negative()
        if (flags.json) return printJson(context, report)
        const { moves, moveProblem, placements } = report
        const { terminal } = context
        for (const { placement, to } of moves)
          await terminal.out(`Moved ${placement} to ${to.dbName} on ${to.dbConnRef}.\n`)
        if (moveProblem !== null) await terminal.out(`A move could not be ended: ${oneLine(moveProblem)}\n`)
        const rows = placements.map(({ placement, error }) => [placement, error === null ? 'ok' : oneLine(error)])
        await terminal.out(table(['placement', ''], rows, terminal.columns))
      }),
    )
}

export function addHubPrune(hub: Command, context: Context, examples: string): void {
  hubOptions(
    hub
      .command('prune')
      .description(
        'remove dropped tenants and sources of moves that are past their time, and versions that retention ends',
      ),
  )
    .addHelpText('after', examples)
    .action((flags: HubFlags) =>
      withHub(context, flags.config, async ({ admin }) => {
        const removed = await admin.prune()
        if (flags.json) return printJson(context, removed)
        const lines = [
          ...removed.tenants.map((id) => `Removed the tenant ${id}.`),
          ...removed.moved.map((name) => `Removed what a move had left of ${name}.`),
          ...removed.versions.map(
            ({ placement, versions }) => `Removed ${counted(versions, 'version')} of ${placement}.`,
          ),
        ]
        await context.terminal.out(lines.length === 0 ? 'Nothing is past its time.\n' : `${lines.join('\n')}\n`)
      }),
    )
}
