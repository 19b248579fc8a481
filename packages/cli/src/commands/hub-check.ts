/** `varve hub check`: reads the configuration of a hub, connects to everything, and says what is wrong. */

import type { CheckedPlacement, ConfigProblem, Hub } from '@varve/server/hub'
import type { Command } from 'commander'
import { isVarveError, type VarveError } from 'varve'
import type { Context } from '../context.ts'
import { openBeside, readConfig } from '../hub-config.ts'
import { printJson } from '../json.ts'
import { oneLine, table } from '../table.ts'

interface CheckFlags {
  readonly json?: true
  readonly placements?: true
}

export function addHubCheck(group: Command, context: Context, examples: string): void {
  group
    .command('check')
    .description('read a configuration and connect to everything it names')
    .argument('<config>', 'JSON file')
    .option('--placements', 'open every placement that was used, too: one after the other, without those in use')
    .option('--json', 'print JSON, and nothing else, on standard output')
    .addHelpText('after', examples)
    .action(async (file: string, flags: CheckFlags) => {
      const value = readConfig(file)
      let hub: Hub
      try {
        hub = await openBeside(context, value)
      } catch (error) {
        if (!isVarveError(error, 'INVALID')) throw error
        return tellProblems(context, flags, problemsOf(error))
      }
      try {
        await tellHealth(context, flags, hub)
      } finally {
        await hub.admin.shutdown()
      }
    })
}

function problemsOf(error: VarveError): readonly ConfigProblem[] {
  const problems: unknown = error.details?.['problems']
  if (!Array.isArray(problems)) return [{ path: '', problem: error.message }]
  return problems.filter(
    (each): each is ConfigProblem => typeof each === 'object' && each !== null && 'path' in each && 'problem' in each,
  )
}

async function tellProblems(context: Context, flags: CheckFlags, problems: readonly ConfigProblem[]): Promise<void> {
  context.negative()
  if (flags.json) return printJson(context, { ok: false, problems, connections: [], spaces: [] })
  const lines = problems.map(({ path, problem }) => oneLine(`${path === '' ? 'The file' : path}: ${problem}`))
  await context.terminal.out(`${lines.join('\n')}\n`)
}

async function tellHealth(context: Context, flags: CheckFlags, hub: Hub): Promise<void> {
  const health = await hub.admin.health({ buckets: 'probe' })
  const { connections, spaces } = health
  const placements = flags.placements === true && health.ok ? await hub.admin.check() : []
  const isFine = health.ok && placements.every(({ ok }) => ok)
  if (!isFine) context.negative()
  if (flags.json) return printJson(context, { ok: isFine, problems: [], connections, spaces, placements })
  const places = [
    ...connections.map((each) => ({ ...each, where: each.url })),
    ...spaces.map((each) => ({ ...each, where: each.bucket })),
  ]
  const rows = places.map(({ name, kind, where, ok: fine }) => [name, kind, where, fine ? 'ok' : 'wrong'])
  await context.terminal.out(table(['connection', 'kind', 'where', ''], rows, context.terminal.columns))
  const lines = places.flatMap(({ name, error }) => (error === null ? [] : [`${name}: ${oneLine(error)}\n`]))
  await context.terminal.out(lines.join(''))
  await tellPlacements(context, placements)
}

async function tellPlacements({ terminal }: Context, placements: readonly CheckedPlacement[]): Promise<void> {
  if (placements.length === 0) return
  const rows = placements.map(({ placement, inUse, ok }) => [placement, inUse ? 'in use' : ok ? 'ok' : 'wrong'])
  await terminal.out(table(['placement', ''], rows, terminal.columns))
  const lines = placements.flatMap(({ placement, error }) =>
    error === null ? [] : [`${placement}: ${oneLine(error)}\n`],
  )
  await terminal.out(lines.join(''))
}
