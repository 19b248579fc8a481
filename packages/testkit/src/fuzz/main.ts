/** The fuzzer's command line: `npm run fuzz -- --cases N --seed S --target NAME`. A failing case prints its bytes. */

import { parseArgs } from 'node:util'
import { toHex } from 'varve/engine'
import { fuzz } from './run.ts'
import { targets, type Target } from './targets.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
  },
})

/** A process that grows beyond this holds on to what strangers sent. */
const memoryBytes = 1024 * 1024 * 1024

const say = (line: string): void => void process.stdout.write(`${line}\n`)

function main(): number {
  const [cases, seed] = [Number(values.cases), Number(values.seed)]
  const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target)
  if (![cases, seed].every((n) => Number.isSafeInteger(n) && n >= 0) || chosen.length === 0) {
    const names = targets.map(({ name }) => name).join(', ')
    say(
      `--cases and --seed are whole numbers, --target is one of ${names}: npm run fuzz -- --cases 10000000 --target frame`,
    )
    return 2
  }
  // Most cases end in an error: the places where they were made are half of the cost.
  Error.stackTraceLimit = 0
  return chosen.every((target) => clean(target, cases, seed)) ? 0 : 1
}

function clean(target: Target, cases: number, seed: number): boolean {
  const samples = target.samples().map(({ bytes }) => bytes)
  const started = Date.now()
  let largest = 0
  const progress = (): void => {
    largest = Math.max(largest, process.memoryUsage().rss)
  }
  const { cases: done, accepted, failure } = fuzz(target, samples, { cases, seed, progress })
  progress()
  const seconds = (Date.now() - started) / 1_000
  const rate = Math.round(done / Math.max(seconds, 0.001))
  const memory = Math.round(largest / 1024 / 1024)
  say(`${target.name}: ${done} cases, ${accepted} accepted, ${seconds.toFixed(1)} s, ${rate} a second, ${memory} MiB`)
  if (failure !== null) {
    say(`case ${failure.number} of seed ${seed} broke a promise: ${String(failure.error)}`)
    say(toHex(failure.bytes))
    return false
  }
  if (largest > memoryBytes) say(`the process grew to ${memory} MiB: something is kept that should not be`)
  return largest <= memoryBytes
}

process.exitCode = main()
