/** `npm run bench`: builds, runs the workloads one after the other, prints what they measured and judges it. */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isReport, machine, readBaseline, saveBaseline } from './baseline.ts'
import { isMet, type Report } from './result.ts'
import { inChild } from './spawn.ts'
import { tableOf } from './table.ts'

const engine = ['log', 'encrypted', 'versions', 'size', 'flat', 'peers']
const sync = ['sync-up', 'sync-down', 'sync-live', 'sync-flat', 'sync-idle', 'sync-many', 'sync-urgent', 'peers-sync']
const asking = ['query', 'view', 'search', 'counters', 'live', 'asof', 'text']
const hub = ['hub-engines', 'hub-reads', 'hub-restore', 'hub-processes', 'hub-tenants']
const large = ['flat-large', 'sync-flat-large', 'query-large', 'hub-reads-large']
const usual = [...engine, ...sync, ...asking, ...hub]
const workloads = [...usual, ...large]
/** Names that stand for several. */
const groups: Readonly<Record<string, readonly string[]>> = { engine, sync, asking, hub, large }

const help = `npm run bench [-- OPTIONS]

  --only NAME[,NAME]  ${engine.join(', ')},
                      ${sync.join(', ')},
                      ${asking.join(', ')},
                      ${hub.join(', ')},
                      ${large.join(', ')};
                      or ${Object.keys(groups).join(', ')} for all of a line
  --large             also ${large.join(' and ')}: 1,000,000 documents, some minutes
  --json              prints one JSON object instead of tables
  --show              prints the committed run as tables, and measures nothing
  --save              writes what was measured into bench/baseline.json
  --no-build          measures what was built before

Exit code 1 when a figure misses its minimum.
`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    large: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    show: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** What users run is the built code; running from source would measure the loader too. */
function build(): boolean {
  const tsc = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-b', join(import.meta.dirname, '..')], { stdio: 'inherit' })
  return status === 0
}

function run(): number {
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const names = values.only?.split(',').flatMap((name) => groups[name] ?? name) ?? (values.large ? workloads : usual)
  const unknown = names.filter((name) => !workloads.includes(name))
  if (unknown.length > 0) {
    process.stderr.write(`There is no workload "${unknown.join(', ')}": choose from ${workloads.join(', ')}\n`)
    return 2
  }
  if (values.show) return show(values.only === undefined ? workloads : names)
  if (!values['no-build'] && !build()) {
    process.stderr.write('The build failed: mend it, or measure the last build with --no-build\n')
    return 2
  }
  return measure(names)
}

function show(names: readonly string[]): number {
  for (const report of readBaseline()?.reports ?? [])
    if (names.includes(report.workload)) process.stdout.write(`${tableOf(report, undefined)}\n`)
  return 0
}

function measure(names: readonly string[]): number {
  const baseline = readBaseline()
  const reports: Report[] = []
  for (const name of names) {
    const report = inChild(name)
    if (!isReport(report)) throw new Error(`The workload "${name}" gave no report`)
    reports.push(report)
    // At once, so that what was measured is kept when a later workload fails.
    if (values.save) saveBaseline([report])
    const before = baseline?.reports.find(({ workload }) => workload === name)
    if (!values.json) process.stdout.write(`${tableOf(report, before)}\n`)
  }
  const missed = reports.flatMap(({ figures }) => figures.filter((figure) => !isMet(figure)))
  if (values.json) process.stdout.write(`${JSON.stringify({ machine: machine(), reports, missed }, null, 2)}\n`)
  else if (missed.length > 0)
    process.stdout.write(`\n${missed.length} below the minimum: ${missed.map(({ name }) => name).join('; ')}\n`)
  return missed.length === 0 ? 0 : 1
}

process.exitCode = run()
