/** `varve info`: what is in a tenant and how much room it takes. */

import type { Command } from 'commander'
import type { DatabaseStats, Tenant } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { bytes, count, table } from '../table.ts'

interface DatabaseReport extends DatabaseStats {
  readonly name: string
  readonly mode: string
  readonly key: string
}

const examples = `
Examples:
  varve info
  varve info --json | jq '.databases[].documents'`

export function addInfo(program: Command, context: Context): void {
  storeOptions(program.command('info').description('show users, keys, databases and their sizes'))
    .addHelpText('after', examples)
    .action((flags: StoreFlags) =>
      withTenant(context, flags, async (tenant) => {
        const databases = await reportsOf(tenant)
        const users = await tenant.directory.users()
        const { id, name, me } = tenant
        if (flags.json) return printJson(context, { id, name, me, users, keys: tenant.keys.names(), databases })
        const people = users.map((user) => `${user.name} (${user.devices.length})`).join(', ')
        await context.terminal.out(
          `tenant     ${name}  ${id}\nyou        ${me.user}  ${me.device.slice(0, 16)}\n` +
            `users      ${people}\nkeys       ${tenant.keys.names().join(', ')}\n\n${databaseTable(databases, context)}`,
        )
      }),
    )
}

async function reportsOf(tenant: Tenant): Promise<readonly DatabaseReport[]> {
  const reports: DatabaseReport[] = []
  for (const { name, mode, key } of await tenant.databases()) {
    const database = await tenant.database(name)
    reports.push({ name, mode, key, ...(await database.stats()) })
  }
  return reports
}

function databaseTable(databases: readonly DatabaseReport[], context: Context): string {
  if (databases.length === 0) return 'No databases yet: varve import makes one.\n'
  const rows = databases.map((database) => [
    database.name,
    database.mode,
    count(database.documents),
    count(database.commits),
    count(database.pending),
    database.bytes.disk === null ? '' : bytes(database.bytes.disk),
    database.collections.map((each) => `${each.name ?? '(sealed)'} ${count(each.documents)}`).join(', '),
  ])
  const heading = ['database', 'mode', 'documents', 'commits', 'pending', 'disk', 'collections']
  return table(heading, rows, context.terminal.columns)
}
