/** The part of the command line for hubs: `npm run chaos -- --world hub --kills 200 --seed 1 --engine all [--shared]`. */

import { listed, say } from '../say.ts'
import { engineNames } from './names.ts'
import { missingFor, runHubChaos } from './run.ts'

export interface HubCommand {
  readonly kills: string
  readonly seed: string
  /** One engine, or `all`. */
  readonly engine: string
  readonly minutes: string
  readonly shared: boolean
  readonly keep: boolean
}

const shownProblems = 30

/** Runs, prints what came of it, and returns the exit code. */
export async function hubCommand(given: HubCommand): Promise<number> {
  const [kills, seed, minutes] = [Number(given.kills), Number(given.seed), Number(given.minutes)]
  const engines = engineNames.filter((name) => given.engine === 'all' || given.engine === name)
  if (
    ![kills, seed, minutes].every((n) => Number.isSafeInteger(n) && n >= 0) ||
    kills > 10_000 ||
    engines.length === 0
  ) {
    say('--kills (at most 10000), --seed and --minutes are whole numbers; --engine is postgres, mongodb, sqlite or all')
    return 2
  }
  const missing = missingFor(engines)
  if (missing.length > 0) {
    say(`this machine lacks ${missing.join(' and ')}`)
    return 2
  }
  const started = Date.now()
  const result = await runHubChaos({ kills, seed, engines, minutes, isShared: given.shared, isKept: given.keep })
  const { problems, faults, writes, dir } = result
  const took = `${((Date.now() - started) / 1000).toFixed(1)} s`
  say(`faults: ${listed(faults)}`)
  say(`writes: ${listed(writes)}; objects ${result.objects}`)
  if (dir !== null) say(`everything is kept in ${dir}`)
  const what = `seed ${seed}, ${engines.join(' ')}: ${result.kills} kills in ${result.rounds} rounds`
  if (problems.length === 0) {
    say(`${what}: clean in ${took}`)
    return 0
  }
  say(`${what}: ${problems.length} findings after ${took}`)
  for (const problem of problems.slice(0, shownProblems)) say(`  ${problem}`)
  const shared = given.shared ? ' --shared' : ''
  say(`the same faults: npm run chaos -- --world hub --kills ${kills} --seed ${seed} --engine ${given.engine}${shared}`)
  return 1
}
