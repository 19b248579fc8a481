/** `varve hub tenants`: the tenants of a hub, added, dropped, restored and moved. */

import type { TenantInfo } from '@varve/server/hub'
import type { Command } from 'commander'
import { usageError, type Context } from '../context.ts'
import { withHub } from '../hub-config.ts'
import { printJson } from '../json.ts'
import { parseWhole } from '../options.ts'
import { table } from '../table.ts'
import { hubOptions, type HubFlags } from './hub-options.ts'

interface DropFlags extends HubFlags {
  readonly graceDays?: number
}

interface MoveFlags extends HubFlags {
  readonly type: string
  readonly to: string
  readonly dbName: string
  readonly pauseMs?: number
}

const types = ['metadata', 'knowledge', 'runtime', 'logs', 'messaging', 'identities'] as const

export function addHubTenants(hub: Command, context: Context, examples: string): void {
  const group = hub
    .command('tenants')
    .helpCommand(false)
    .description('the tenants of a hub')
    .addHelpText('after', examples)
  hubOptions(group.command('list').description('all tenants, also dropped ones that can be restored'))
    .addHelpText('after', examples)
    .action((flags: HubFlags) =>
      withHub(context, flags.config, async ({ tenants }) => tellTenants(context, flags, await tenants.list())),
    )
  addSimple(group, context, ['add', 'add a tenant where tenantDefaults say'], (each, id) => each.add(id))
  addDrop(group, context, examples)
  addSimple(group, context, ['restore', 'undo a drop'], (each, id) => each.restore(id))
  addMove(group, context, examples)
}

type Tenants = Parameters<Parameters<typeof withHub>[2]>[0]['tenants']

function addSimple(
  group: Command,
  context: Context,
  [name, what]: readonly [string, string],
  work: (tenants: Tenants, id: string) => Promise<TenantInfo>,
): void {
  hubOptions(group.command(name).description(what).argument('<tenant>', 'its id')).action(
    (id: string, flags: HubFlags) =>
      withHub(context, flags.config, async ({ tenants }) => tell(context, flags, await work(tenants, id))),
  )
}

function addDrop(group: Command, context: Context, examples: string): void {
  hubOptions(group.command('drop').description('end the use of a tenant now, and its data later'))
    .argument('<tenant>', 'its id')
    .option('--grace-days <n>', 'days until its data may be removed; 30 by default', parseWhole)
    .addHelpText('after', examples)
    .action((id: string, flags: DropFlags) =>
      withHub(context, flags.config, async ({ tenants }) => {
        const options = flags.graceDays === undefined ? {} : { graceDays: flags.graceDays }
        await tell(context, flags, await tenants.drop(id, options))
      }),
    )
}

function addMove(group: Command, context: Context, examples: string): void {
  hubOptions(group.command('move').description('move a database of a tenant while it is used'))
    .argument('<tenant>', 'its id')
    .option('--type <type>', `which of its databases: ${types.join(', ')}`, 'runtime')
    .requiredOption('--to <connection>', 'name of the connection it goes to')
    .requiredOption('--db-name <name>', 'name of the database there')
    .option('--pause-ms <n>', 'milliseconds that calls may wait for the switch; longer, and it is put off', parseWhole)
    .addHelpText('after', examples)
    .action((id: string, flags: MoveFlags) => {
      const databaseType = types.find((type) => type === flags.type)
      if (databaseType === undefined) throw usageError(`--type must be one of ${types.join(', ')}`)
      return withHub(context, flags.config, async ({ admin }) => {
        const limits = flags.pauseMs === undefined ? {} : { pauseMs: flags.pauseMs }
        const report = await admin.move(id, { databaseType, dbConnRef: flags.to, dbName: flags.dbName, ...limits })
        if (flags.json) return printJson(context, report)
        const { commits, pausedMs, to } = report
        await context.terminal.out(
          `Moved ${id} to ${to.dbName} on ${to.dbConnRef}: ${commits} commits, calls waited ${Math.ceil(pausedMs)} ms.\n`,
        )
      })
    })
}

async function tell(context: Context, flags: HubFlags, tenant: TenantInfo): Promise<void> {
  if (flags.json) return printJson(context, tenant)
  await tellTenants(context, flags, [tenant])
}

async function tellTenants(context: Context, flags: HubFlags, tenants: readonly TenantInfo[]): Promise<void> {
  if (flags.json) return printJson(context, tenants)
  const rows = tenants.map(({ tenantId, status, from, databases, removeAfter }) => [
    tenantId,
    status,
    from,
    databases.join(' '),
    removeAfter === null ? '' : `until ${removeAfter.slice(0, 10)}`,
  ])
  await context.terminal.out(table(['tenant', 'status', 'from', 'databases', ''], rows, context.terminal.columns))
}
