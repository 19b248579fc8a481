/** The ordinary `age` command, which asks for passphrases on a terminal only: it gets one from `script`. */

import { spawnSync } from 'node:child_process'

const isHere = spawnSync('age', ['--version']).status === 0 && spawnSync('script', ['--version']).status === 0

/** Whether its tests run. On CI a missing tool must fail, not pass unseen. */
export const testsAge = isHere || process.env['CI'] === 'true'

/** Runs it in `cwd`, and answers its questions with `answers`. */
export function runAge(command: string, answers: readonly string[], cwd: string): void {
  const run = spawnSync('script', ['--quiet', '--return', '--command', `age ${command}`, '/dev/null'], {
    cwd,
    input: answers.map((answer) => `${answer}\n`).join(''),
    timeout: 50_000,
  })
  if (run.status !== 0)
    throw new Error(`age ${command} ended with ${run.status}: ${String(run.stdout)}${String(run.error ?? '')}`)
}
