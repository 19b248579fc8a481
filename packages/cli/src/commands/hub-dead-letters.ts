/** `varve hub dead-letters`: what was given up until somebody looks, listed and tried again. */

import type { HubDeadLetter } from '@varve/server/hub'
import type { Command } from 'commander'
import type { Context } from '../context.ts'
import { withHub } from '../hub-config.ts'
import { printJson } from '../json.ts'
import { oneLine } from '../table.ts'
import { hubOptions, ofTenant, tenantOption, type HubFlags, type TenantFlags } from './hub-options.ts'

export function addHubDeadLetters(hub: Command, context: Context, examples: string): void {
  const group = hub
    .command('dead-letters')
    .helpCommand(false)
    .description('messages that came too often, and what object storage did not take')
    .addHelpText('after', examples)
  tenantOption(group.command('list').description('all of them, with the reason'))
    .addHelpText('after', examples)
    .action((flags: TenantFlags) =>
      withHub(context, flags.config, async ({ admin }) =>
        tell(context, flags, await admin.deadLetters(ofTenant(flags))),
      ),
    )
  hubOptions(group.command('retry').description('try one again').argument('<id>', 'its id in the list'))
    .addHelpText('after', examples)
    .action((id: string, flags: HubFlags) =>
      withHub(context, flags.config, async ({ admin }) => {
        await admin.retry(id)
        if (flags.json) return printJson(context, { id, retried: true })
        await context.terminal.out(`${id} is tried again.\n`)
      }),
    )
}

async function tell(context: Context, flags: HubFlags, letters: readonly HubDeadLetter[]): Promise<void> {
  if (flags.json) return printJson(context, letters)
  const lines = letters.map(
    ({ id, kind, attempts, reason }) =>
      `${id}\n  ${kind}, ${attempts} attempts: ${oneLine(reason ?? 'no reason given')}\n`,
  )
  await context.terminal.out(lines.length === 0 ? 'There are no dead letters.\n' : lines.join(''))
}
