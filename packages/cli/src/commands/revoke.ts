/** `varve revoke`: shuts a user or a device out, and tells the server so at once. */

import type { Command } from 'commander'
import type { Tenant } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { counted } from '../table.ts'
import { tellNode } from '../waiting.ts'

interface RevokeFlags extends StoreFlags {
  readonly wipe?: true
}

const examples = `
Examples:
  varve revoke bob
  varve revoke 3f0c9a21b4e88d07
  varve revoke bob --wipe

A device is named by the beginning of its key, as varve devices shows it. Revoking is final. With --wipe
the devices are asked to remove everything when they hear of it. Rotate the keys they held as well:
varve keys rotate tenant.`

export function addRevoke(program: Command, context: Context): void {
  storeOptions(program.command('revoke <user>').description('shut a user or a device out'))
    .option('--wipe', 'ask the devices to remove everything')
    .addHelpText('after', examples)
    .action((whom: string, flags: RevokeFlags) =>
      withTenant(context, flags, async (tenant) => {
        const target = await targetOf(tenant, whom)
        const devices = target.devices
        await tenant.directory.revoke(target.whom, { wipe: flags.wipe === true })
        const told = await tellNode(context, tenant)
        if (flags.json) return printJson(context, { devices, wipe: flags.wipe === true, told })
        const done = flags.wipe === true ? 'Revoked, and asked to wipe themselves' : 'Revoked'
        await context.terminal.out(`${done}: ${counted(devices.length, 'device')}.\n`)
      }),
    )
}

/** A user by name, or a device by the first digits of its key. */
async function targetOf(
  tenant: Tenant,
  whom: string,
): Promise<{ readonly whom: string | { readonly device: string }; readonly devices: readonly string[] }> {
  const users = await tenant.directory.users()
  const user = users.find(({ name }) => name === whom)
  if (user !== undefined) return { whom, devices: user.devices.map(({ id }) => id) }
  const devices = users.flatMap((each) => each.devices.map(({ id }) => id))
  const found = /^[0-9a-f]{8,64}$/.test(whom) ? devices.filter((id) => id.startsWith(whom)) : []
  const [device] = found
  if (device === undefined || found.length > 1)
    throw usageError(`"${whom}" is no user and not one device (8 digits or more): varve devices lists them`)
  return { whom: { device }, devices: [device] }
}
