/** `varve recovery`: a kit for the safe, and the device that is made of it when every admin's device is lost. */

import { sqlite } from '@varve/stores/sqlite'
import type { Command } from 'commander'
import { isVarveError, joinTenant, VarveError, type Tenant } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { filePassword, newSecret, readInput, withTenant } from '../session.ts'
import { syncWithNode, tellNode } from '../waiting.ts'
import { wantedPassphrase } from './init.ts'

interface MakeFlags extends StoreFlags {
  readonly passwordFile?: string
}

interface UseFlags extends MakeFlags {
  /** False for `--no-passphrase`. */
  readonly passphrase: boolean
  readonly tenant?: string
  readonly url?: string
  readonly node?: string
}

const examples = `
Examples:
  varve recovery make --password-file ./password.txt > kit.age
  varve recovery use kit.age --url https://varve.example.org --data ./recovered
  varve revoke recovery                         makes all kits so far useless

Print the kit and lay it in a safe; keep its password elsewhere. Whoever has both is an admin. Make a new
one after keys were made or rotated: a kit holds the keys of the moment it was made.`

export function addRecovery(program: Command, context: Context): void {
  const group = program
    .command('recovery')
    .helpCommand(false)
    .description('a kit for the day on which all admins lose their devices')
    .addHelpText('after', examples)
  addMake(group, context)
  addUse(group, context)
}

function addMake(group: Command, context: Context): void {
  storeOptions(group.command('make').description('print a recovery kit, an age file under a password'))
    .option('--password-file <file>', 'password of the kit; asked for in a terminal otherwise')
    .addHelpText('after', examples)
    .action((flags: MakeFlags) =>
      withTenant(context, flags, async (tenant) => {
        const password = await newSecret(context, flags.passwordFile, 'password of the kit', '--password-file')
        const kit = await tenant.directory.recoveryKit(password)
        const counts = await isRecorded(context, tenant)
        await (flags.json ? printJson(context, { kit, counts }) : context.terminal.out(kit))
      }),
    )
}

/** Whether the device of a kit that was just made is known to whoever records: before, the kit lets nobody in. */
async function isRecorded(context: Context, tenant: Tenant): Promise<boolean> {
  if ((await tenant.node()) !== null) return tellNode(context, tenant)
  const { here } = (await tenant.status()).recorder
  if (!here) context.terminal.err('varve: the kit is of use only once the device that records has heard of it: sync\n')
  return here
}

function addUse(group: Command, context: Context): void {
  storeOptions(group.command('use <file>').description('make an admin’s device of a kit; - reads standard input'))
    .option('--password-file <file>', 'password of the kit; asked for in a terminal otherwise')
    .option('--no-passphrase', 'leave the files on disk unencrypted')
    .option('--tenant <id>', 'refuse a kit of any other tenant (varve info shows the id)')
    .option('--url <url>', 'the server that records: get the data from it')
    .option('--node <key>', 'key the server must have, as its operator gives it')
    .addHelpText('after', examples)
    .action(async (file: string, flags: UseFlags) => {
      const tenant = await joinByKit(context, file, flags)
      try {
        const failure = flags.url === undefined ? null : await bringData(tenant, flags.url, flags)
        await tell(context, tenant, flags)
        if (failure === null) return
        context.terminal.err(`varve: ${failure.message} (${failure.code})\n`)
        context.negative()
      } finally {
        await tenant.close()
      }
    })
}

async function joinByKit(context: Context, file: string, flags: UseFlags): Promise<Tenant> {
  const recovery = await readInput(context, file)
  const password = await filePassword(context, flags.passwordFile)
  const passphrase = await wantedPassphrase(context, { ...flags, user: 'recovery' })
  return joinTenant({
    recovery,
    password,
    store: sqlite({ dir: flags.data }),
    env: context.env,
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(flags.tenant === undefined ? {} : { tenant: flags.tenant }),
  })
}

/** Brings the new device in step with the server, which it knows from then on. The device is there whatever this gives. */
async function bringData(tenant: Tenant, url: string, { node }: UseFlags): Promise<VarveError | null> {
  try {
    await tenant.publish(url, node === undefined ? {} : { node })
    await (await syncWithNode(tenant)).close()
    return null
  } catch (error) {
    if (!isVarveError(error)) throw error
    return new VarveError(error.code, whatFailed(error, tenant, url), { cause: error })
  }
}

function whatFailed({ code, message }: VarveError, { level }: Tenant, url: string): string {
  if (level === 'revoked' || level === 'wiped') return 'This kit was made useless by varve revoke: look for a newer one'
  if (code === 'FORBIDDEN' && level === null)
    return 'The server has not heard of this kit: run varve sync on the device that made it, or with the folder of one that has its data'
  return `${message}; the device is made all the same: go on with varve publish ${url}`
}

async function tell(context: Context, tenant: Tenant, flags: UseFlags): Promise<void> {
  const { id, name, me, level } = tenant
  if (flags.json) return printJson(context, { id, name, ...me, level })
  const next =
    level === 'admin'
      ? 'It is an admin’s: approve devices of the admins, revoke what was lost, rotate the keys, make a new kit.'
      : 'Its data comes with varve publish <url> from the server that records, or with varve sync <dir>.'
  await context.terminal.out(`Recovered ${name} on a device of the user "${me.user}".\n${next}\n`)
}
