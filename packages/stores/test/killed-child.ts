/** Programs that tell the number of everything they were answered, and are killed while they go on. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs a file of this folder for `ms` after its first answer, kills it, and gives the last number it told. */
export async function lastToldBeforeKill(file: string, args: readonly string[], ms: number): Promise<number> {
  const program = fileURLToPath(new URL(file, import.meta.url))
  const running = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  running.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const closed = new Promise((resolve) => running.once('close', resolve))
  await new Promise((resolve) => running.stdout.once('data', resolve))
  await new Promise((resolve) => setTimeout(resolve, ms))
  running.kill('SIGKILL')
  await closed
  return Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1))
}
