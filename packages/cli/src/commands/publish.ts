/** `varve publish`: brings the tenant to a server, which records from then on. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { secretFile, withTenant } from '../session.ts'
import { openAll } from '../waiting.ts'

interface PublishFlags extends StoreFlags {
  readonly tokenFile?: string
  readonly node?: string
  readonly replace?: boolean
}

const examples = `
Examples:
  varve publish http://127.0.0.1:7400
  varve publish https://varve.example.org --token-file ./token.txt --node <key>

Everything is sent, then the server is appointed recorder. Publishing again does no harm: after a failure
it goes on where it ended.`

export function addPublish(program: Command, context: Context): void {
  storeOptions(program.command('publish <url>').description('bring the tenant to a server, which records from then on'))
    .option('--token-file <file>', 'file with the token of a server that asks for one')
    .option('--node <key>', 'key the server must have, as its operator gives it')
    .option('--replace', 'take back the appointment of a server that never answered it')
    .addHelpText('after', examples)
    .action((url: string, flags: PublishFlags) =>
      withTenant(context, flags, async (tenant) => {
        await openAll(tenant)
        const { node, former } = await tenant.publish(url, {
          signal: context.terminal.stopping(),
          ...(flags.tokenFile === undefined ? {} : { token: secretFile(flags.tokenFile) }),
          ...(flags.node === undefined ? {} : { node: flags.node }),
          ...(flags.replace === undefined ? {} : { replace: flags.replace }),
        })
        const known = await tenant.node()
        if (former?.told === false)
          context.terminal.err(
            `varve: the server at ${former.url} could not be told that it records no more: when it is back, run varve sync --url ${former.url}\n`,
          )
        if (flags.json)
          return printJson(context, { url: known?.url ?? url, node, ...(former === undefined ? {} : { former }) })
        await context.terminal.out(
          `Published ${tenant.name} to ${known?.url ?? url}, which records from now on.\nnode key  ${node}\n` +
            'Take others in with varve invite.\n',
        )
      }),
    )
}
