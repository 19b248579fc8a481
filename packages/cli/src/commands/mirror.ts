/** `varve mirror`: lets another server follow databases of the tenant, as a copy without keys. */

import type { Command } from 'commander'
import { VarveError, type DatabaseInfo } from 'varve'
import type { Context } from '../context.ts'
import { parseList, storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { tellNode } from '../waiting.ts'

interface MirrorFlags extends StoreFlags {
  readonly name: string
  readonly databases?: readonly string[]
}

const examples = `
Examples:
  varve mirror <key> --name paris > acme.json
  varve mirror <key> --name paris --databases crm,main > acme.json
  varve serve --mirror acme.json                  on the other server

The key is the node key that the other server shows when it starts. It gets what this device's server
gives out, sealed as it is, and writes nothing. The file holds no secret. varve revoke paris ends it.`

export function addMirror(program: Command, context: Context): void {
  storeOptions(program.command('mirror <key>').description('let another server follow databases, without keys'))
    .requiredOption('--name <name>', 'name of the mirror among the users')
    .option('--databases <names>', 'comma-separated; all that are known here otherwise', parseList)
    .addHelpText('after', examples)
    .action((key: string, flags: MirrorFlags) =>
      withTenant(context, flags, async (tenant) => {
        const node = await tenant.node()
        if (node === null) throw new VarveError('NOT_FOUND', 'This device knows no server: run varve publish first')
        const databases = chosen(await tenant.databases(), flags.databases)
        await tenant.directory.approveMirror(key, flags.name)
        await tellNode(context, tenant)
        const registration = Buffer.from(await tenant.registration()).toString('base64url')
        const file = { registration, url: node.url, node: node.key, databases }
        await context.terminal.out(`${JSON.stringify(file, null, flags.json ? 0 : 2)}\n`)
      }),
    )
}

/** Ids of the databases with these names. */
function chosen(known: readonly DatabaseInfo[], names: readonly string[] | undefined): readonly string[] {
  if (names === undefined) return known.map(({ id }) => id)
  return names.map((name) => {
    const found = known.find((each) => each.name === name)
    if (found !== undefined) return found.id
    throw new VarveError('NOT_FOUND', `There is no database "${name}" here: varve status lists them`)
  })
}
