/** `varve collect`: removes stored pieces of files that no version of any document names. */

import type { Command } from 'commander'
import type { Collected, CollectOptions, Tenant } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { parseDays, storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { bytes, counted } from '../table.ts'
import { syncWithNode } from '../waiting.ts'

interface CollectFlags extends StoreFlags {
  readonly server?: true
  readonly olderThanDays?: number
}

const dayMs = 86_400_000

const examples = `
Examples:
  varve collect                                 on this device
  varve collect --server                        at the server, for admins
  varve collect --server --older-than-days 90

Files are stored in pieces. Those that only a refused or interrupted write had, no version names: nobody can read them,
and they take room. Every database must be on this device, with its keys, so that it is known what is named.`

export function addCollect(program: Command, context: Context): void {
  storeOptions(program.command('collect').description('remove stored pieces of files that no version names'))
    .option('--server', 'at the server of this device, and its mirrors, in place of this device')
    .option('--older-than-days <n>', 'only what is so old: 1 at least, else 7, at a server 30', parseDays)
    .addHelpText('after', examples)
    .action((flags: CollectFlags) => {
      const age = flags.olderThanDays === undefined ? {} : { olderThanMs: Math.round(flags.olderThanDays * dayMs) }
      return withTenant(context, flags, async (tenant) => {
        const collected = await (flags.server === true ? atServer(tenant, age) : tenant.attachments.collect(age))
        if (flags.json) return printJson(context, collected)
        await context.terminal.out(textOf(collected))
      })
    })
}

async function atServer(tenant: Tenant, age: CollectOptions): Promise<Collected> {
  const connection = await syncWithNode(tenant)
  try {
    return await tenant.attachments.collect({ ...age, at: 'node' })
  } finally {
    await connection.close()
  }
}

function textOf({ removed, bytes: freed, kept }: Collected): string {
  return `${counted(removed, 'piece')} gone (${bytes(freed)}), ${kept} kept\n`
}
