/** A tenant on SQLite whose process is killed a hundred times while it writes: nothing answered is lost, nothing doubled. */

import { execFileSync, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openTenant, systemEnv } from 'varve'
import { sqlite } from '@varve/stores/sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Expected, type Said } from './crash-engine-model.ts'
import { temporaryFolder } from './folder.ts'

const inProject = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
/** One file starts a hundred times faster than a hundred modules; it lies where it finds the driver. */
const child = inProject(`node_modules/.cache/varve-crash/child-${process.pid}.mjs`)
const require = "import{createRequire as makeRequire}from'node:module';const require=makeRequire(import.meta.url);"

beforeAll(() => {
  const entry = fileURLToPath(new URL('crash-engine-child.ts', import.meta.url))
  const kind = ['--bundle', '--platform=node', '--format=esm', '--conditions=source', '--external:libsql']
  const args = [entry, ...kind, `--banner:js=${require}`, `--outfile=${child}`, '--log-level=warning']
  execFileSync(inProject('node_modules/.bin/esbuild'), args)
})

afterAll(() => rm(child))
const tenants = 10
const cycles = 10

/** Lets a process write for `ms` after it was ready, or after its start, kills it, and gives what it was answered. */
async function writeAndKill(args: readonly string[], ms: number, whileOpening: boolean): Promise<readonly Said[]> {
  const running = spawn(process.execPath, [child, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  const ready = new Promise((resolve) => {
    running.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      resolve(null)
    })
  })
  const closed = new Promise((resolve) => running.once('close', resolve))
  if (!whileOpening) await Promise.race([ready, closed])
  await new Promise((resolve) => setTimeout(resolve, ms))
  if (running.exitCode !== null) throw new Error('the process ended before it was killed')
  running.kill('SIGKILL')
  await closed
  const whole = output.slice(0, output.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const said: Said = JSON.parse(line)
      return said
    })
}

async function crashAgainAndAgain(number: number): Promise<number> {
  const { dir, remove } = await temporaryFolder()
  const passphrase = number < 2 ? 'a passphrase' : ''
  const expected = new Expected()
  for (let cycle = 0; cycle < cycles; cycle++) {
    const whileOpening = cycle > 0 && cycle % 4 === 3
    const ms = whileOpening ? 50 + Math.random() * 200 : Math.random() * 80
    const mode = cycle === 0 ? 'create' : 'open'
    expected.add(await writeAndKill([dir, mode, String(cycle), passphrase], ms, whileOpening))
    const tenant = await openTenant({
      store: sqlite({ dir }),
      env: systemEnv({ passphraseWork: 1 }),
      ...(passphrase === '' ? {} : { passphrase }),
    })
    expect(await expected.problems(await tenant.database('crm'))).toEqual([])
    await tenant.close()
  }
  await remove()
  return expected.answers
}

test('kill -9, a hundred times: nothing answered is lost, nothing is doubled, everything verifies', async () => {
  const waiting = Array.from({ length: tenants }, (_, number) => number)
  let answers = 0
  const worker = async (): Promise<void> => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift())
      answers += await crashAgainAndAgain(number)
  }
  await Promise.all([worker(), worker()])
  expect(answers).toBeGreaterThan(200)
}, 300_000)
