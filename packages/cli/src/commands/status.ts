/** `varve status`: where this device and its databases stand. */

import type { Command } from 'commander'
import type { TenantStatus } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { count, table } from '../table.ts'

const examples = `
Examples:
  varve status
  varve status --json | jq '.databases[] | select(.pending > 0)'

It asks nobody: what it shows is what this device knows.`

export function addStatus(program: Command, context: Context): void {
  storeOptions(program.command('status').description('show where this device and its databases stand'))
    .addHelpText('after', examples)
    .action((flags: StoreFlags) =>
      withTenant(context, flags, async (tenant) => {
        const status = await tenant.status()
        if (flags.json) return printJson(context, status)
        await context.terminal.out(statusText(status, context.terminal.columns))
      }),
    )
}

function statusText(status: TenantStatus, columns: number): string {
  const { tenant, user, device, level, node, databases } = status
  const lines = [
    `tenant     ${tenant.name}  ${tenant.id}`,
    `you        ${user}  ${device.slice(0, 16)}  ${level ?? 'not known to the tenant yet'}`,
    `server     ${node === null ? 'none' : `${node.url}  ${node.key.slice(0, 16)}`}`,
    `recorder   ${recorderText(status)}`,
    ...filesText(status),
  ]
  const rows = databases.map(({ name, mode, recorded, pending, refused, checkpoint, id }) => [
    name,
    mode,
    count(recorded),
    count(pending),
    count(refused),
    checkpoint === null ? '' : count(checkpoint),
    id,
  ])
  const heading = ['database', 'mode', 'recorded', 'pending', 'refused', 'checkpoint', 'id']
  return `${lines.join('\n')}\n\n${table(heading, rows, columns)}`
}

/** A line only when there is something to say. */
function filesText({ attachments }: TenantStatus): readonly string[] {
  if (attachments === null || attachments.waiting === 0) return []
  return [`files      ${count(attachments.waiting)} to be brought to the server: run varve sync`]
}

function recorderText({ recorder, node }: TenantStatus): string {
  const { key, here, proposed } = recorder
  const who = here ? 'this device' : key === node?.key ? 'the server' : key.slice(0, 16)
  return proposed === null ? who : `none until ${proposed.slice(0, 16)} accepts: run varve publish again`
}
