/** The simulator's command line: `npm run sim -- --seeds N [--from S] [--world devices|servers|all]`. A failing seed prints what replays it. */

import { parseArgs } from 'node:util'
import { runServers } from './servers/world.ts'
import { runWorld, type WorldResult } from './world.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    world: { type: 'string', default: 'all' },
    steps: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})

/** Every so many seeds a world runs twice, to see that it replays. */
const replayEvery = 20
const shownLines = 30
/** A world that takes so long has stopped for good. */
const hangsMs = 120_000

const kinds = ['devices', 'servers'] as const
type Kind = (typeof kinds)[number]
const usualSteps: Readonly<Record<Kind, number>> = { devices: 40, servers: 30 }

const say = (line: string): void => void process.stdout.write(`${line}\n`)

/** With all worlds, the seed says which it is. */
function kindOf(seed: number): Kind {
  return kinds.find((kind) => kind === values.world) ?? (seed % 2 === 0 ? 'devices' : 'servers')
}

async function run(seed: number): Promise<WorldResult> {
  const kind = kindOf(seed)
  const steps = values.steps === undefined ? usualSteps[kind] : Number(values.steps)
  const watchdog = setTimeout(() => {
    say(`seed ${seed} hangs; ${replayOf(seed)}`)
    process.exit(1)
  }, hangsMs)
  try {
    return kind === 'devices' ? await runWorld(seed, steps) : await runServers(seed, steps)
  } finally {
    clearTimeout(watchdog)
  }
}

function replayOf(seed: number): string {
  const steps = values.steps === undefined ? '' : ` --steps ${values.steps}`
  return `replay it with: npm run sim -- --world ${kindOf(seed)} --seeds 1 --from ${seed}${steps}`
}

/** What is wrong with a seed; with `twice` it runs again, to see that it replays. */
async function check(seed: number, twice: boolean, tally: Map<string, number>): Promise<readonly string[]> {
  const { problems, trace, hash, tally: counted } = await run(seed)
  for (const [what, count] of counted) tally.set(what, (tally.get(what) ?? 0) + count)
  const failures = [...problems]
  if (failures.length === 0 && twice) {
    const again = await run(seed)
    if (again.hash !== hash) failures.push(`the second run differs: ${hash} and ${again.hash}`)
  }
  if (values.trace || failures.length > 0)
    for (const line of values.trace ? trace : trace.slice(-shownLines)) say(`  ${line}`)
  if (failures.length > 0) say(`seed ${seed} failed after line ${trace.length - 1} (trace ${hash.slice(0, 16)}):`)
  return failures
}

async function main(): Promise<number> {
  const [seeds, from, steps] = [Number(values.seeds), Number(values.from), Number(values.steps ?? 0)]
  const known = values.world === 'all' || kinds.some((kind) => kind === values.world)
  if (!known || ![seeds, from, steps].every((n) => Number.isSafeInteger(n) && n >= 0)) {
    say('--seeds, --from and --steps are whole numbers, --world is devices, servers or all, for example:')
    say('npm run sim -- --seeds 200 --from 1 --world servers')
    return 2
  }
  const started = Date.now()
  const tally = new Map<string, number>()
  for (let seed = from; seed < from + seeds; seed++) {
    const failures = await check(seed, (seed - from) % replayEvery === 0, tally)
    if (failures.length === 0) continue
    for (const failure of failures.slice(0, shownLines)) say(`  ${failure}`)
    say(replayOf(seed))
    return 1
  }
  say([...tally].map(([what, count]) => `${what} ${count}`).join(', '))
  say(`${seeds} seeds from ${from}, world ${values.world}: clean in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return 0
}

process.exitCode = await main()
