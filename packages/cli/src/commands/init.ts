/** `varve init`: founds a tenant in a folder. */

import { sqlite } from '@varve/stores/sqlite'
import type { Command } from 'commander'
import { createTenant } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { newSecret } from '../session.ts'

export interface InitFlags extends StoreFlags {
  readonly user: string
  /** False for `--no-passphrase`. */
  readonly passphrase: boolean
}

const examples = `
Examples:
  varve init acme --user ada
  varve init acme --user ada --data ./acme --passphrase-file ./passphrase.txt`

export function addInit(program: Command, context: Context): void {
  storeOptions(program.command('init <name>').description('found a tenant in a new folder'))
    .requiredOption('--user <name>', 'your name in the tenant')
    .option('--no-passphrase', 'leave the files on disk unencrypted')
    .addHelpText('after', examples)
    .action(async (name: string, flags: InitFlags) => {
      const passphrase = await wantedPassphrase(context, flags)
      const tenant = await createTenant({
        name,
        user: flags.user,
        store: sqlite({ dir: flags.data }),
        env: context.env,
        ...(passphrase === undefined ? {} : { passphrase }),
      })
      const made = { id: tenant.id, name: tenant.name, user: tenant.me.user, device: tenant.me.device }
      await tenant.close()
      if (flags.json) return printJson(context, { ...made, data: flags.data, encrypted: passphrase !== undefined })
      const disk = passphrase === undefined ? 'not encrypted on disk' : 'encrypted on disk under its passphrase'
      await context.terminal.out(`Founded ${name} in ${flags.data}, ${disk}. You are ${flags.user}, on device 1.\n`)
    })
}

/** The passphrase of a new store; undefined when it is to have none. */
export function wantedPassphrase(
  context: Context,
  { passphrase, passphraseFile }: InitFlags,
): Promise<string | undefined> {
  if (passphrase) return newSecret(context, passphraseFile, 'passphrase', '--passphrase-file or --no-passphrase')
  if (passphraseFile !== undefined) throw usageError('Give --passphrase-file or --no-passphrase, not both')
  return Promise.resolve(undefined)
}
