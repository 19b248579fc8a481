/** The simulator's command line: `npm run sim -- --seeds N [--from S]`. A failing seed prints what replays it. */

import { parseArgs } from 'node:util'
import { runWorld } from './world.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    steps: { type: 'string', default: '60' },
    trace: { type: 'boolean', default: false },
  },
})

/** Every so many seeds a world runs twice, to see that it replays. */
const replayEvery = 20
const shownLines = 30

const say = (line: string): void => void process.stdout.write(`${line}\n`)

async function main(): Promise<number> {
  const [seeds, from, steps] = [Number(values.seeds), Number(values.from), Number(values.steps)]
  if (![seeds, from, steps].every((n) => Number.isSafeInteger(n) && n >= 0)) {
    say('--seeds, --from and --steps are whole numbers, for example: npm run sim -- --seeds 200 --from 1')
    return 2
  }
  const started = Date.now()
  const tally = new Map<string, number>()
  for (let seed = from; seed < from + seeds; seed++) {
    const { problems, trace, hash, tally: counted } = await runWorld(seed, steps)
    for (const [what, count] of counted) tally.set(what, (tally.get(what) ?? 0) + count)
    const failures = [...problems]
    if (failures.length === 0 && (seed - from) % replayEvery === 0) {
      const again = await runWorld(seed, steps)
      if (again.hash !== hash) failures.push(`the second run differs: ${hash} and ${again.hash}`)
    }
    if (values.trace || failures.length > 0)
      for (const line of values.trace ? trace : trace.slice(-shownLines)) say(`  ${line}`)
    if (failures.length > 0) {
      say(`seed ${seed} failed after step ${trace.length - 1} (trace ${hash.slice(0, 16)}):`)
      for (const failure of failures.slice(0, shownLines)) say(`  ${failure}`)
      say(`replay it with: npm run sim -- --seeds 1 --from ${seed} --steps ${steps}`)
      return 1
    }
  }
  say([...tally].map(([what, count]) => `${what} ${count}`).join(', '))
  say(`${seeds} seeds from ${from}, ${steps} steps each: clean in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return 0
}

process.exitCode = await main()
