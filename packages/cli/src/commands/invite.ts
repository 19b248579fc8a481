/** `varve invite`: makes a link by which somebody joins, and lists and ends those that were made. */

import type { Command } from 'commander'
import type { OpenInvitation, Tenant } from 'varve'
import { answerWhile, approvedText } from '../answers.ts'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { parseList, parseWhole, storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { counted, table } from '../table.ts'

interface InviteFlags extends StoreFlags {
  readonly uses?: number
  readonly days?: number
  readonly roles?: readonly string[]
  readonly keys?: readonly string[]
  readonly wait?: true
  readonly list?: true
  readonly end?: string
}

const dayMs = 24 * 60 * 60 * 1000

const examples = `
Examples:
  varve invite
  varve invite --uses 5 --days 2 --wait
  varve invite https://varve.example.org --roles admin
  varve invite --list
  varve invite --end 3f0c9a…

Whoever has the link can join, so send it where only the invited person reads. This device answers
those who come: while --wait runs, or at the next varve approve --invited.`

export function addInvite(program: Command, context: Context): void {
  storeOptions(program.command('invite [url]').description('make a link by which somebody joins'))
    .option('--uses <n>', 'how many devices may join by it; 1 by default', parseWhole)
    .option('--days <n>', 'days until it ends; 7 by default', parseWhole)
    .option('--roles <names>', 'comma-separated roles of those who join', parseList)
    .option('--keys <names>', 'comma-separated further keys to hand over', parseList)
    .option('--wait', 'let those in who come, until all have joined')
    .option('--list', 'list the invitations made on this device')
    .option('--end <id>', 'end an invitation')
    .addHelpText('after', examples)
    .action((url: string | undefined, flags: InviteFlags) =>
      withTenant(context, flags, (tenant) => {
        if (flags.list === true && flags.end !== undefined) throw usageError('Give --list or --end, not both')
        if (flags.list === true) return list(context, tenant, flags)
        if (flags.end !== undefined) return end(context, tenant, flags, flags.end)
        return invite(context, tenant, flags, url)
      }),
    )
}

async function invite(context: Context, tenant: Tenant, flags: InviteFlags, url: string | undefined): Promise<void> {
  const { uses, days, roles, keys } = flags
  const made = await tenant.invite({
    ...(url === undefined ? {} : { url }),
    ...(uses === undefined ? {} : { uses }),
    ...(days === undefined ? {} : { expiresInMs: days * dayMs }),
    ...(roles === undefined ? {} : { roles }),
    ...(keys === undefined ? {} : { keys }),
  })
  if (flags.json) await printJson(context, made)
  else {
    await context.terminal.out(`${made.link}\n`)
    context.terminal.err(
      `For ${counted(made.uses, 'device')}, until ${made.expiresAt}. On the new device: varve join '<link>' --user <name>\n`,
    )
  }
  if (flags.wait !== true) return
  await answerWhile(context, tenant, {
    id: made.id,
    waitMs: Date.parse(made.expiresAt) - context.env.now(),
    enough: made.uses,
    onApproved: (approved) =>
      flags.json ? printJson(context, approved) : context.terminal.out(approvedText(approved)),
  })
}

async function list(context: Context, tenant: Tenant, flags: InviteFlags): Promise<void> {
  const open = await tenant.invitations()
  if (flags.json) return printJson(context, open)
  if (open.length === 0) return context.terminal.out('No open invitations.\n')
  await context.terminal.out(table(['id', 'joined', 'until', 'server'], open.map(rowOf), context.terminal.columns))
}

function rowOf({ id, joined, uses, expiresAt, node }: OpenInvitation): readonly string[] {
  return [id, `${joined.length} of ${uses}`, expiresAt, node]
}

async function end(context: Context, tenant: Tenant, flags: InviteFlags, wanted: string): Promise<void> {
  const found = (await tenant.invitations()).filter(({ id }) => id.startsWith(wanted))
  const [one] = found
  if (one === undefined || found.length > 1)
    throw usageError(`"${wanted}" is not one invitation made on this device: varve invite --list shows them`)
  await tenant.endInvitation(one.id)
  await (flags.json ? printJson(context, { id: one.id }) : context.terminal.out(`Ended the invitation ${one.id}.\n`))
}
