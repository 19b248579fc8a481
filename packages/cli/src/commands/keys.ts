/** `varve keys`: the named keys of this device, and the passphrase around them. */

import type { Command } from 'commander'
import type { Tenant } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { filePassword, isLocked, newSecret, passphraseOf, readInput, withTenant } from '../session.ts'
import { table } from '../table.ts'

interface PasswordFlags extends StoreFlags {
  readonly passwordFile?: string
}

interface PassphraseFlags extends StoreFlags {
  readonly newPassphraseFile?: string
}

const examples = `
Examples:
  varve keys list
  varve keys create salaries
  varve keys rotate tenant
  varve keys export tenant salaries --password-file ./password.txt > keys.age
  age --decrypt keys.age                        opens it without Varve
  varve keys import keys.age --data ./grace
  varve keys passphrase`

export function addKeys(program: Command, context: Context): void {
  const group = program
    .command('keys')
    .helpCommand(false)
    .description('named keys, and the passphrase')
    .addHelpText('after', examples)
  addList(group, context)
  addSimple(group, context, ['create', 'make a new named key', 'Created'], (tenant, name) => tenant.keys.create(name))
  addSimple(group, context, ['rotate', 'seal everything new under a new version', 'Rotated'], (tenant, name) =>
    tenant.keys.rotate(name),
  )
  addExport(group, context)
  addImport(group, context)
  addSimple(group, context, ['remove', 'forget a key on this device', 'Removed'], (tenant, name) =>
    tenant.keys.remove(name),
  )
  addPassphrase(group, context)
}

function versionsOf(tenant: Tenant, name: string): { readonly name: string; readonly versions: number } {
  return { name, versions: tenant.keys.versions(name).length }
}

function addList(group: Command, context: Context): void {
  storeOptions(group.command('list').description('the keys this device holds'))
    .addHelpText('after', examples)
    .action((flags: StoreFlags) =>
      withTenant(context, flags, async (tenant) => {
        const keys = tenant.keys.names().map((name) => versionsOf(tenant, name))
        if (flags.json) return printJson(context, keys)
        const rows = keys.map(({ name, versions }) => [name, String(versions)])
        await context.terminal.out(table(['key', 'versions'], rows, context.terminal.columns))
      }),
    )
}

function addSimple(
  group: Command,
  context: Context,
  [name, what, done]: readonly [string, string, string],
  work: (tenant: Tenant, key: string) => Promise<void>,
): void {
  storeOptions(group.command(`${name} <key>`).description(what))
    .addHelpText('after', examples)
    .action((key: string, flags: StoreFlags) =>
      withTenant(context, flags, async (tenant) => {
        await work(tenant, key)
        const answer = tenant.keys.has(key) ? versionsOf(tenant, key) : { name: key, versions: 0 }
        await (flags.json ? printJson(context, answer) : context.terminal.out(`${done} the key "${key}".\n`))
      }),
    )
}

function addExport(group: Command, context: Context): void {
  storeOptions(group.command('export <keys...>').description('print an age file with all versions of these keys'))
    .option('--password-file <file>', 'password of the file; asked for in a terminal otherwise')
    .addHelpText('after', examples)
    .action((names: readonly string[], flags: PasswordFlags) =>
      withTenant(context, flags, async (tenant) => {
        const password = await newSecret(context, flags.passwordFile, 'password', '--password-file')
        const file = await tenant.keys.export(names, password)
        await (flags.json ? printJson(context, { file }) : context.terminal.out(file))
      }),
    )
}

function addImport(group: Command, context: Context): void {
  storeOptions(group.command('import <file>').description('take in the keys of an age file; - reads standard input'))
    .option('--password-file <file>', 'password of the file; asked for in a terminal otherwise')
    .addHelpText('after', examples)
    .action(async (file: string, flags: PasswordFlags) => {
      const text = await readInput(context, file)
      const password = await filePassword(context, flags.passwordFile)
      await withTenant(context, flags, async (tenant) => {
        const names = await tenant.keys.import(text, password)
        await (flags.json ? printJson(context, { names }) : context.terminal.out(`Imported ${names.join(', ')}.\n`))
      })
    })
}

function addPassphrase(group: Command, context: Context): void {
  storeOptions(group.command('passphrase').description('replace the passphrase; the data is not touched'))
    .option('--new-passphrase-file <file>', 'file with the new one; asked for in a terminal otherwise')
    .addHelpText('after', examples)
    .action(async (flags: PassphraseFlags) => {
      if (!isLocked(flags.data))
        throw usageError(`There is no tenant with a passphrase in ${flags.data}: one made without cannot get one later`)
      const from = await passphraseOf(context, flags.passphraseFile)
      const to = await newSecret(context, flags.newPassphraseFile, 'passphrase', '--new-passphrase-file')
      await withTenant(context, flags, (tenant) => tenant.changePassphrase(from, to), from)
      await (flags.json ? printJson(context, { changed: true }) : context.terminal.out('The passphrase is replaced.\n'))
    })
}
