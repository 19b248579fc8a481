/** `varve devices`: the users of the tenant and their devices. */

import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { table } from '../table.ts'

const examples = `
Examples:
  varve devices
  varve devices --json | jq -r '.[] | select(.level == "admin") | .device'

The last write is that of the last commit held here, by the clock of the device that made it.`

export function addDevices(program: Command, context: Context): void {
  storeOptions(program.command('devices').description('list users and their devices'))
    .addHelpText('after', examples)
    .action((flags: StoreFlags) =>
      withTenant(context, flags, async (tenant) => {
        const last = await tenant.lastWrites()
        const devices = (await tenant.directory.users()).flatMap(({ name, devices: own }) =>
          own.map(({ id, level, addedAt }) => ({
            user: name,
            device: id,
            level,
            addedAt,
            lastWrite: last.get(id) ?? null,
            here: id === tenant.me.device,
          })),
        )
        if (flags.json) return printJson(context, devices)
        const rows = devices.map(({ user, device, level, addedAt, lastWrite, here }) => [
          user,
          device.slice(0, 16),
          level ?? 'waiting',
          addedAt.slice(0, 10),
          lastWrite ?? 'never',
          here ? 'this device' : '',
        ])
        const heading = ['user', 'device', 'level', 'added', 'last write', '']
        await context.terminal.out(table(heading, rows, context.terminal.columns))
      }),
    )
}
