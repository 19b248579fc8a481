/**
 * The command line: `npm run chaos -- --seconds N --seed S --clients K [--patient] [--keep]`, and `--world hub --kills N`
 * for hubs over real servers. A finding keeps its folder.
 */

import { parseArgs } from 'node:util'
import { listed, say } from './say.ts'
import { hubCommand } from './hub/command.ts'
import { runChaos } from './run.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    clients: { type: 'string', default: '3' },
    patient: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    world: { type: 'string', default: 'node' },
    kills: { type: 'string', default: '20' },
    engine: { type: 'string', default: 'all' },
    minutes: { type: 'string', default: '60' },
    shared: { type: 'boolean', default: false },
  },
})

const shownProblems = 30

async function main(): Promise<number> {
  if (values.world === 'hub') return hubCommand(values)
  const [seconds, seed, clients] = [Number(values.seconds), Number(values.seed), Number(values.clients)]
  if (![seconds, seed, clients].every((n) => Number.isSafeInteger(n) && n >= 0) || clients < 1 || clients > 16) {
    say(
      '--seconds, --seed and --clients (1 to 16) are whole numbers: npm run chaos -- --seconds 30 --seed 1 --clients 3',
    )
    return 2
  }
  const started = Date.now()
  const { problems, faults, writes, record, isSkewing, dir } = await runChaos({
    seconds,
    seed,
    clients,
    isPatient: values.patient,
    isKept: values.keep,
  })
  if (!isSkewing) say('libfaketime was not found: all clocks were right')
  say(`faults: ${listed(faults)}`)
  say(`writes: ${listed(writes)}; record ${record}`)
  if (dir !== null) say(`everything is kept in ${dir}`)
  if (problems.length === 0) {
    say(`seed ${seed}, ${seconds} s, ${clients} clients: clean in ${((Date.now() - started) / 1000).toFixed(1)} s`)
    return 0
  }
  say(`seed ${seed}: ${problems.length} findings`)
  for (const problem of problems.slice(0, shownProblems)) say(`  ${problem}`)
  const patient = values.patient ? ' --patient' : ''
  say(`draw the same faults with: npm run chaos -- --seconds ${seconds} --seed ${seed} --clients ${clients}${patient}`)
  return 1
}

// Leaves through `exit`, where every process is ended, stopped ones too.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130))

process.exitCode = await main()
