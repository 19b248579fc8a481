/** `varve join`: takes a second device or user into a tenant, by two texts that people carry. */

import { sqlite } from '@varve/stores/sqlite'
import type { Command } from 'commander'
import { createJoinRequest, joinTenant } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { parseList, storeOptions, type StoreFlags } from '../options.ts'
import { isLocked, passphraseOf, readInput, secretFile, withTenant } from '../session.ts'
import { wantedPassphrase, type InitFlags } from './init.ts'

interface ApproveFlags extends StoreFlags {
  readonly roles?: readonly string[]
  readonly keys?: readonly string[]
  readonly passwordFile?: string
}

interface AcceptFlags extends StoreFlags {
  readonly passwordFile?: string
  readonly tenant?: string
}

const examples = `
Examples:
  varve join request --user grace --data ./grace > request.txt      on the new device
  varve join approve request.txt > response.age                    on the founding device
  varve join accept response.age --data ./grace                    on the new device

The request holds no secret. The response opens on the requesting device only, and with
--password-file only with that password too.`

export function addJoin(program: Command, context: Context): void {
  const group = program
    .command('join')
    .helpCommand(false)
    .description('take another device or user into the tenant')
    .addHelpText('after', examples)
  addRequest(group, context)
  addApprove(group, context)
  addAccept(group, context)
}

function addRequest(group: Command, context: Context): void {
  storeOptions(group.command('request').description('ask to join; prints the request'))
    .requiredOption('--user <name>', 'your name in the tenant')
    .option('--no-passphrase', 'leave the files on disk unencrypted')
    .addHelpText('after', examples)
    .action(async (flags: InitFlags) => {
      const passphrase = await wantedPassphrase(context, flags)
      const request = await createJoinRequest({
        user: flags.user,
        store: sqlite({ dir: flags.data }),
        env: context.env,
        ...(passphrase === undefined ? {} : { passphrase }),
      })
      await (flags.json ? printJson(context, { request }) : context.terminal.out(`${request}\n`))
    })
}

function addApprove(group: Command, context: Context): void {
  storeOptions(
    group.command('approve <file>').description('take a device in; prints the response; - reads standard input'),
  )
    .option('--roles <names>', 'comma-separated roles of the user', parseList)
    .option('--keys <names>', 'comma-separated further keys to hand over', parseList)
    .option('--password-file <file>', 'protect the response with this password too')
    .addHelpText('after', examples)
    .action(async (file: string, { roles, keys, passwordFile, ...flags }: ApproveFlags) => {
      const request = await readInput(context, file)
      const password = passwordFile === undefined ? undefined : secretFile(passwordFile)
      await withTenant(context, flags, async (tenant) => {
        const response = await tenant.directory.approve(request, {
          ...(roles === undefined ? {} : { roles }),
          ...(keys === undefined ? {} : { keys }),
          ...(password === undefined ? {} : { password }),
        })
        await (flags.json ? printJson(context, { response }) : context.terminal.out(response))
      })
    })
}

function addAccept(group: Command, context: Context): void {
  storeOptions(group.command('accept <file>').description('complete joining with the response; - reads standard input'))
    .option('--password-file <file>', 'password of the response')
    .option('--tenant <id>', 'refuse a response of any other tenant (varve info shows the id)')
    .addHelpText('after', examples)
    .action(async (file: string, flags: AcceptFlags) => {
      const response = await readInput(context, file)
      const password = flags.passwordFile === undefined ? undefined : secretFile(flags.passwordFile)
      const passphrase = isLocked(flags.data) ? await passphraseOf(context, flags.passphraseFile) : undefined
      const tenant = await joinTenant({
        response,
        store: sqlite({ dir: flags.data }),
        env: context.env,
        ...(password === undefined ? {} : { password }),
        ...(flags.tenant === undefined ? {} : { tenant: flags.tenant }),
        ...(passphrase === undefined ? {} : { passphrase }),
      })
      const joined = { id: tenant.id, name: tenant.name, user: tenant.me.user, device: tenant.me.device }
      await tenant.close()
      if (flags.json) return printJson(context, joined)
      await context.terminal.out(`Joined ${joined.name} as ${joined.user}: sync with another device to get its data.\n`)
    })
}
