/** `varve sync`: exchanges databases with another device's folder, without a server. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { VarveError, type SyncReport } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { bytes, counted } from '../table.ts'

interface SyncFlags extends StoreFlags {
  readonly database?: string
  readonly peerPassphraseFile?: string
}

const examples = `
Examples:
  varve sync ../grace/varve-data
  varve sync /media/stick/varve-data --database crm --peer-passphrase-file ./other.txt`

export function addSync(program: Command, context: Context): void {
  storeOptions(program.command('sync <dir>').description("exchange changes with another device's folder"))
    .option('--database <name>', 'only this database; all otherwise')
    .option('--peer-passphrase-file <file>', 'passphrase of the other folder; asked for in a terminal otherwise')
    .addHelpText('after', examples)
    .action((dir: string, flags: SyncFlags) =>
      withTenant(context, flags, (tenant) =>
        withTenant(context, peerFlags(dir, flags), async (peer) => {
          const known = [...(await tenant.databases()), ...(await peer.databases())].map(({ name }) => name)
          const names = flags.database === undefined ? [...new Set(known)].toSorted() : [flags.database]
          if (flags.database !== undefined && !known.includes(flags.database))
            throw new VarveError('NOT_FOUND', `Neither side has a database "${flags.database}"`)
          const reports: (SyncReport & { readonly database: string })[] = []
          for (const name of names) {
            const report = await (await tenant.database(name)).sync(await peer.database(name))
            reports.push({ database: name, ...report })
          }
          if (flags.json) return printJson(context, reports)
          if (reports.length === 0) await context.terminal.out('There are no databases to sync.\n')
          for (const { database, sent, received, bytesSent, bytesReceived } of reports) {
            const out = `sent ${counted(sent, 'commit')} (${bytes(bytesSent)})`
            const back = `received ${counted(received, 'commit')} (${bytes(bytesReceived)})`
            await context.terminal.out(`${database}: ${out}, ${back}\n`)
          }
        }),
      ),
    )
}

function peerFlags(dir: string, { peerPassphraseFile }: SyncFlags): StoreFlags {
  if (!existsSync(join(dir, 'tenant.sqlite')))
    throw new VarveError('NOT_FOUND', `There is no tenant in ${dir}: name the data folder of another device`)
  return { data: dir, ...(peerPassphraseFile === undefined ? {} : { passphraseFile: peerPassphraseFile }) }
}
