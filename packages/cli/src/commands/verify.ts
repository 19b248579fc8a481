/** `varve verify`: recomputes everything from the log and names what does not fit. */

import type { Command } from 'commander'
import { VarveError, type Tenant, type VerifyReport } from 'varve'
import type { Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { existingDatabase, withTenant } from '../session.ts'
import { counted } from '../table.ts'

interface VerifyFlags extends StoreFlags {
  readonly database?: string
}

type Report = VerifyReport & { readonly database: string }

const examples = `
Examples:
  varve verify
  varve verify --database crm --json

The exit code is 1 when anything is wrong.`

export function addVerify(program: Command, context: Context): void {
  storeOptions(program.command('verify').description('check every hash, signature, head, version and index'))
    .option('--database <name>', 'only this database; all otherwise')
    .addHelpText('after', examples)
    .action((flags: VerifyFlags) =>
      withTenant(context, flags, async (tenant) => {
        const names =
          flags.database === undefined ? (await tenant.databases()).map(({ name }) => name) : [flags.database]
        const reports: Report[] = []
        for (const name of names) reports.push({ database: name, ...(await verifyOne(tenant, name)) })
        if (reports.some(({ ok }) => !ok)) context.negative()
        if (flags.json) return printJson(context, reports)
        for (const report of reports) await context.terminal.out(formatReport(report))
        if (reports.length === 0) await context.terminal.out('There are no databases to verify.\n')
      }),
    )
}

/** A database that cannot even be opened is a finding, and the others are still checked. */
async function verifyOne(tenant: Tenant, name: string): Promise<VerifyReport> {
  const database = existingDatabase(tenant, name)
  try {
    return await (await database).verify()
  } catch (error) {
    if (!(error instanceof VarveError) || error.code === 'NOT_FOUND') throw error
    return { ok: false, commits: 0, entries: 0, problems: [{ code: error.code, where: error.message }] }
  }
}

function formatReport({ database, ok, commits, entries, problems }: Report): string {
  const checked = `${counted(commits, 'commit')} with ${counted(entries, 'entry', 'entries')}`
  if (ok) return `${database}: ${checked}, all well\n`
  const lines = problems.map(({ code, where }) => `  ${code}  ${where}\n`)
  return `${database}: ${checked} checked, ${counted(problems.length, 'problem')}\n${lines.join('')}`
}
