/** `varve sync`: exchanges changes with the server, once or for as long as it runs, or with another device's folder. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { VarveError, type Connection, type SyncReport, type Tenant } from 'varve'
import { printChanges } from '../changes.ts'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { Progress } from '../progress.ts'
import { withTenant } from '../session.ts'
import { bytes, count, counted, table } from '../table.ts'
import { aborted, filesBrought, Following, inStep, openAll } from '../waiting.ts'
import { tellStatus } from './watch.ts'

interface SyncFlags extends StoreFlags {
  readonly database?: string
  readonly peerPassphraseFile?: string
  readonly url?: string
  readonly live?: true
  readonly once?: true
}

const examples = `
Examples:
  varve sync                                    with the server, once
  varve sync --live                             and on, printing what changes
  varve sync ../grace/varve-data
  varve sync /media/stick/varve-data --database crm --peer-passphrase-file ./other.txt`

export function addSync(program: Command, context: Context): void {
  storeOptions(
    program.command('sync [dir]').description("exchange changes with the server, or another device's folder"),
  )
    .option('--once', 'end when both sides have everything, which is the default')
    .option('--live', 'go on, printing changes, until stopped')
    .option('--url <url>', 'a server other than the one of this device')
    .option('--database <name>', 'with a folder: only this database; all otherwise')
    .option('--peer-passphrase-file <file>', 'passphrase of the other folder; asked for in a terminal otherwise')
    .addHelpText('after', examples)
    .action((dir: string | undefined, flags: SyncFlags) => {
      if (flags.once === true && flags.live === true) throw usageError('Give --once or --live, not both')
      if (dir !== undefined && (flags.live === true || flags.url !== undefined))
        throw usageError('--live and --url are for syncing with a server: leave the folder out')
      return withTenant(context, flags, (tenant) =>
        dir === undefined ? syncServer(context, tenant, flags) : syncFolder(context, tenant, dir, flags),
      )
    })
}

async function syncServer(context: Context, tenant: Tenant, flags: SyncFlags): Promise<void> {
  await openAll(tenant)
  if (flags.live === true) return syncLive(context, tenant, flags)
  const connection = connect(tenant, flags)
  const received = countReceived(context, connection)
  await inStep(connection)
  await openAll(tenant)
  await inStep(connection)
  await filesBrought(tenant, connection)
  const report = (await tenant.status()).databases.map(({ id, name, recorded, pending, refused }) => {
    return { database: name, received: received.of(id), recorded, pending, refused }
  })
  received.progress.clear()
  if (flags.json) return printJson(context, report)
  const rows = report.map((each) => [
    each.database,
    ...[each.received, each.recorded, each.pending, each.refused].map((value) => count(value)),
  ])
  const heading = ['database', 'received', 'recorded', 'pending', 'refused']
  await context.terminal.out(table(heading, rows, context.terminal.columns))
}

/** Commits that came, by database, shown while they come. */
function countReceived(
  context: Context,
  connection: Connection,
): { readonly progress: Progress; readonly of: (database: string) => number } {
  const received = new Map<string, number>()
  const progress = new Progress(context, 'commits received')
  let all = 0
  connection.on('progress', ({ database, commits }) => {
    received.set(database, (received.get(database) ?? 0) + commits)
    progress.update((all += commits))
  })
  return { progress, of: (database) => received.get(database) ?? 0 }
}

function connect(tenant: Tenant, { url }: SyncFlags): Connection {
  return url === undefined ? tenant.connect() : tenant.connect(url)
}

async function syncLive(context: Context, tenant: Tenant, flags: SyncFlags): Promise<void> {
  const following = new Following(context.terminal.stopping())
  const { signal } = following
  const printing = new Map<string, Promise<void>>()
  /** Databases that the directory names later are followed too, from their beginning. */
  const follow = async (fromNow: boolean): Promise<void> => {
    for (const { name, mode } of await tenant.databases()) {
      if (printing.has(name)) continue
      const database = await tenant.database(name, { mode })
      const since = fromNow ? { since: database.cursor() } : {}
      const printed = printChanges(context, { database, ...since }, flags, signal).catch((error: unknown) => {
        following.end(error)
      })
      printing.set(name, printed)
    }
  }
  // Before the connection is there, so that everything it brings is shown.
  await follow(true)
  const connection = connect(tenant, flags)
  following.watch(tenant, connection)
  tellStatus(context, connection, signal)
  let looking = Promise.resolve()
  connection.on('progress', () => {
    looking = looking
      .then(() => follow(false))
      .catch((error: unknown) => {
        if (!signal.aborted) context.terminal.err(`varve: ${error instanceof Error ? error.message : String(error)}\n`)
      })
  })
  await aborted(signal)
  await looking
  await Promise.all(printing.values())
  following.check()
}

async function syncFolder(context: Context, tenant: Tenant, dir: string, flags: SyncFlags): Promise<void> {
  await withTenant(context, peerFlags(dir, flags), async (peer) => {
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
  })
}

function peerFlags(dir: string, { peerPassphraseFile }: SyncFlags): StoreFlags {
  if (!existsSync(join(dir, 'tenant.sqlite')))
    throw new VarveError('NOT_FOUND', `There is no tenant in ${dir}: name the data folder of another device`)
  return { data: dir, ...(peerPassphraseFile === undefined ? {} : { passphraseFile: peerPassphraseFile }) }
}
