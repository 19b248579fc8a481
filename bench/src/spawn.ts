/** Workloads run in processes of their own, so that memory and warm code of one never reach another. */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/** The last line that the child printed, as JSON. */
export function inChild(...args: readonly string[]): unknown {
  const child = join(import.meta.dirname, '../dist/child.js')
  const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', child, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`The workload "${args.join(' ')}" ended with ${String(status)}`)
  const answer: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null')
  return answer
}
