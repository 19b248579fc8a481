/** `varve approve`: takes devices in, by the text of their request or by the invitations of this device. */

import type { Command } from 'commander'
import type { Approved } from 'varve'
import { answerWhile, approvedText } from '../answers.ts'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { parseWhole, storeOptions } from '../options.ts'
import { withTenant } from '../session.ts'
import { approveOptions, approveText, type ApproveFlags } from './join.ts'

interface Flags extends ApproveFlags {
  readonly invited?: true
  readonly wait?: number
}

const examples = `
Examples:
  varve approve --invited
  varve approve --invited --wait 600
  varve approve request.txt > response.age

With --invited, those who came by varve invite are let in and answered through the server. With a file,
the response is printed, to be carried back: see varve join --help.`

export function addApprove(program: Command, context: Context): void {
  approveOptions(storeOptions(program.command('approve [file]').description('take devices in; - reads standard input')))
    .option('--invited', 'those who come by the invitations of this device')
    .option('--wait <seconds>', 'with --invited, wait so long for the first', parseWhole, 0)
    .addHelpText('after', examples)
    .action((file: string | undefined, { invited, wait, ...flags }: Flags) => {
      if ((file === undefined) === (invited === undefined))
        throw usageError('Give a file with a request, or --invited: one of the two')
      return file === undefined ? approveInvited(context, flags, wait ?? 0) : approveText(context, file, flags)
    })
}

function approveInvited(context: Context, flags: ApproveFlags, seconds: number): Promise<void> {
  return withTenant(context, flags, async (tenant) => {
    const all: Approved[] = []
    await answerWhile(context, tenant, {
      waitMs: seconds * 1000,
      enough: 1,
      onApproved: async (approved) => {
        all.push(approved)
        if (!flags.json) await context.terminal.out(approvedText(approved))
      },
    })
    if (flags.json) await printJson(context, all)
    else if (all.length === 0) await context.terminal.out('Nobody has come.\n')
  })
}
