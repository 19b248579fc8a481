/** `varve join`: joins by the link of an invitation, or by two texts that people carry. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import type { Command } from 'commander'
import { createJoinRequest, joinByInvitation, joinTenant } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { parseList, parseWhole, storeOptions, type StoreFlags } from '../options.ts'
import { isLocked, passphraseOf, readInput, secretFile, withTenant } from '../session.ts'
import { tellNode } from '../waiting.ts'
import { wantedPassphrase, type InitFlags } from './init.ts'

export interface ApproveFlags extends StoreFlags {
  readonly roles?: readonly string[]
  readonly keys?: readonly string[]
  readonly passwordFile?: string
}

interface AcceptFlags extends StoreFlags {
  readonly passwordFile?: string
  readonly tenant?: string
}

interface LinkFlags extends Omit<InitFlags, 'user'> {
  readonly user?: string
  readonly wait: number
}

const examples = `
Examples:
  varve join 'https://varve.example.org/join#v1…' --user grace --data ./grace
  varve join request --user grace --data ./grace > request.txt      on the new device
  varve join approve request.txt > response.age                    on an admin's device
  varve join accept response.age --data ./grace                    on the new device

A link comes from varve invite; put it in quotes. Run it again to go on waiting. Without a server, the
request holds no secret, and the response opens on the requesting device only, and with --password-file
only with that password too.`

export function addJoin(program: Command, context: Context): void {
  const group = storeOptions(program.command('join [link]').description('join a tenant, or take a device in by text'))
    .helpCommand(false)
    // Options after the name of a subcommand are that one's.
    .enablePositionalOptions()
    .option('--user <name>', 'your name in the tenant')
    .option('--no-passphrase', 'leave the files on disk unencrypted')
    .option('--wait <seconds>', 'wait so long for an admin to answer', parseWhole, 300)
    .addHelpText('after', examples)
    .action((link: string | undefined, flags: LinkFlags) => joinByLink(context, link, flags))
  addRequest(group, context)
  addApprove(group, context)
  addAccept(group, context)
}

async function joinByLink(context: Context, link: string | undefined, flags: LinkFlags): Promise<void> {
  const { user, wait, ...store } = flags
  if (link === undefined) throw usageError('Give the link of an invitation, in quotes, or request, approve or accept')
  if (user === undefined) throw usageError('Give your name in the tenant with --user')
  const passphrase = await storePassphrase(context, { ...store, user })
  const tenant = await joinByInvitation({
    link,
    user,
    waitMs: wait * 1000,
    store: sqlite({ dir: flags.data }),
    env: context.env,
    signal: context.terminal.stopping(),
    onAsked: (fingerprint) => {
      context.terminal.err(`Asked to join, fingerprint ${fingerprint}. Waiting for an admin to answer …\n`)
    },
    ...(passphrase === undefined ? {} : { passphrase }),
  })
  try {
    // Joining is done, whatever becomes of this.
    const synced = await tellNode(context, tenant)
    const joined = { id: tenant.id, name: tenant.name, user, device: tenant.me.device }
    if (flags.json) return await printJson(context, { ...joined, synced })
    const what = synced ? 'Its data is here' : 'Get its data with varve sync'
    await context.terminal.out(`Joined ${tenant.name} as ${user}. ${what}.\n`)
  } finally {
    await tenant.close()
  }
}

/** Of a store that is there already the passphrase is asked for; a new one is given its own. */
function storePassphrase(context: Context, flags: InitFlags): Promise<string | undefined> {
  if (isLocked(flags.data)) return passphraseOf(context, flags.passphraseFile)
  if (existsSync(join(flags.data, 'tenant.sqlite'))) return Promise.resolve(undefined)
  return wantedPassphrase(context, flags)
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

/** Options of the commands that approve by text. */
export function approveOptions(command: Command): Command {
  return command
    .option('--roles <names>', 'comma-separated roles of the user', parseList)
    .option('--keys <names>', 'comma-separated further keys to hand over', parseList)
    .option('--password-file <file>', 'protect the response with this password too')
}

function addApprove(group: Command, context: Context): void {
  approveOptions(
    storeOptions(
      group.command('approve <file>').description('take a device in; prints the response; - reads standard input'),
    ),
  )
    .addHelpText('after', examples)
    .action((file: string, flags: ApproveFlags) => approveText(context, file, flags))
}

/** Approves a request that people carried, and prints the response to carry back. */
export async function approveText(
  context: Context,
  file: string,
  { roles, keys, passwordFile, ...flags }: ApproveFlags,
): Promise<void> {
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
