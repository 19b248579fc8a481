/** `varve audit`: compares what the server has signed and gives out with what this device holds. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import type { Command } from 'commander'
import type { AuditProblem, AuditReport, DatabaseAudit, Tenant } from 'varve'
import { usageError, type Context } from '../context.ts'
import { printJson } from '../json.ts'
import { storeOptions, type StoreFlags } from '../options.ts'
import { withTenant } from '../session.ts'
import { counted } from '../table.ts'
import { openAll } from '../waiting.ts'

interface AuditFlags extends StoreFlags {
  readonly local?: true
  readonly quick?: true
  readonly node?: string
}

const examples = `
Examples:
  varve audit
  varve audit https://varve.example.org --quick
  varve audit --local --json

Every receipt is hashed anew, here and as the server gives it out. A finding names its place and shows the
signed checkpoints that do not go together: keep them, they prove it to others. The exit code is then 1.`

export function addAudit(program: Command, context: Context): void {
  storeOptions(program.command('audit [url]').description('check that the server has not rewritten the record'))
    .option('--local', 'ask no server: check what is held here against what was signed')
    .option('--quick', 'compare checkpoints, but do not fetch the record')
    .option('--node <key>', 'key the server must have; by default the one it had before')
    .addHelpText('after', examples)
    .action((url: string | undefined, flags: AuditFlags) =>
      withTenant(context, flags, async (tenant) => {
        if (url !== undefined && flags.local === true) throw usageError('Give a URL or --local, not both')
        const report = await audited(context, tenant, url, flags)
        if (!report.ok) context.negative()
        if (flags.json) return printJson(context, report)
        await context.terminal.out(reportText(report))
      }),
    )
}

async function audited(
  context: Context,
  tenant: Tenant,
  url: string | undefined,
  flags: AuditFlags,
): Promise<AuditReport> {
  await openAll(tenant)
  const isLocal = flags.local === true || (url === undefined && (await tenant.node()) === null)
  if (isLocal) return tenant.audit({ url: null })
  const dir = mkdtempSync(join(tmpdir(), 'varve-audit-'))
  try {
    return await tenant.audit({
      scratch: sqlite({ dir }),
      quick: flags.quick === true,
      signal: context.terminal.stopping(),
      ...(url === undefined ? {} : { url }),
      ...(flags.node === undefined ? {} : { node: flags.node }),
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function reportText({ node, problems, databases, ok }: AuditReport): string {
  const where = node === null ? 'what is held here' : `${node.url}, node ${node.key.slice(0, 16)}`
  const parts = [`Audit of ${where}\n`, ...databases.map(databaseText), ...problems.map(problemText)]
  return [...parts, ok ? 'Clean.\n' : 'Not clean: do not trust what does not fit, and keep the checkpoints.\n'].join('')
}

function databaseText({ name, record, root, problems }: DatabaseAudit): string {
  const held = `${name}: ${counted(record, 'receipt')}`
  if (problems.length === 0) return `${held}, root ${(root ?? '').slice(0, 16)}, clean\n`
  return [`${held}, ${counted(problems.length, 'finding')}\n`, ...problems.map(problemText)].join('')
}

function problemText({ code, where, evidence = [] }: AuditProblem): string {
  const checkpoints = evidence.map((text, i) => `  checkpoint ${i + 1}:\n${text.trimEnd().replaceAll(/^/gm, '    ')}\n`)
  return `  ${code}  ${where}\n${checkpoints.join('')}`
}
