/** `varve watch`: a line for every change as it arrives, of others and of this device. */

import type { Command } from 'commander'
import type { Connection } from 'varve'
import { printChanges } from '../changes.ts'
import type { Context } from '../context.ts'
import { databaseOptions, type DatabaseFlags } from '../options.ts'
import { existingDatabase, withTenant } from '../session.ts'
import { Following } from '../waiting.ts'

interface WatchFlags extends DatabaseFlags {
  readonly all?: true
  readonly since?: string
  /** False for `--no-sync`. */
  readonly sync: boolean
}

const examples = `
Examples:
  varve watch people
  varve watch --database crm --all
  varve watch people --json | jq .doc.name

It is connected to the server meanwhile, when this device knows one. Ctrl-C ends it.`

export function addWatch(program: Command, context: Context): void {
  databaseOptions(program.command('watch [collection]').description('print changes as they arrive'))
    .option('--all', 'begin with everything that is here')
    .option('--since <cursor>', 'begin after this cursor, as --json prints it')
    .option('--no-sync', 'do not connect to the server')
    .addHelpText('after', examples)
    .action((collection: string | undefined, flags: WatchFlags) =>
      withTenant(context, flags, async (tenant) => {
        const following = new Following(context.terminal.stopping())
        const { signal } = following
        const database = await existingDatabase(tenant, flags.database)
        const since = flags.since ?? (flags.all === true ? undefined : database.cursor())
        const followed = { database, ...(collection === undefined ? {} : { collection }) }
        if (flags.sync && (await tenant.node()) !== null) {
          const connection = tenant.connect()
          following.watch(tenant, connection)
          tellStatus(context, connection, signal)
        }
        await printChanges(context, since === undefined ? followed : { ...followed, since }, flags, signal)
        following.check()
      }),
    )
}

/** Tells, on standard error, when the connection comes and goes, until `signal` aborts. */
export function tellStatus({ terminal }: Context, connection: Connection, signal: AbortSignal): void {
  let shown = ''
  let told = ''
  connection.on('status', (status) => {
    const text = status === 'live' || status === 'offline' || status === 'refused' ? status : ''
    if (text === '' || text === shown || signal.aborted) return
    shown = text
    told = ''
    const why = text === 'live' || connection.error === null ? '' : `: ${connection.error.message}`
    terminal.err(`${text === 'live' ? 'connected to' : text} ${connection.url ?? ''}${why}\n`)
  })
  connection.on('problem', (error) => {
    const line = `varve: ${error.message} (${error.code})\n`
    // Every database may have the same.
    if (line !== told) terminal.err(line)
    told = line
  })
}
