/** The folder of a running server vanishes: it says so and ends, instead of confirming what will be lost. */

import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isVarveError } from 'varve'
import { expect, onTestFinished, test } from 'vitest'
import { closeAll, untilStopped } from '../src/running.ts'
import { publishedTo, start } from './network-world.ts'
import { temporaryFolder, type Outcome } from './world.ts'

interface Process {
  /** Resolves with everything printed once it holds `words`. */
  said(words: string): Promise<string>
  terminate(): void
  readonly ended: Promise<Outcome>
}

function varveProcess(args: readonly string[]): Process {
  const main = fileURLToPath(new URL('fast-main.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  let look = (): void => undefined
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const ended = new Promise<Outcome>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, out, err })
    })
  })
  const said = (words: string): Promise<string> =>
    new Promise((resolve, reject) => {
      look = () => {
        if (out.includes(words)) resolve(out)
      }
      look()
      child.once('close', () => {
        reject(new Error(`It ended before "${words}": ${err}`))
      })
    })
  return { said, terminate: () => void child.kill('SIGTERM'), ended }
}

const gone = /^varve: The data in .* was removed or moved .* start again \(STORE_FAILED\)$/m

test('varve serve, with a device connected', async () => {
  const dir = join(temporaryFolder(), 'server')
  const server = varveProcess(['serve', '--data', dir, '--port', '0'])
  const [, url = ''] = /serves on (\S+)/.exec(await server.said('Ctrl-C')) ?? []
  const ada = await publishedTo({ url })
  const live = start(['sync', '--live', ...ada])
  rmSync(dir, { recursive: true, maxRetries: 5 })
  server.terminate()
  const { code, out, err } = await server.ended
  expect(code).toBe(1)
  expect(err).toMatch(gone)
  expect(out).not.toContain('Stopped')
  await live.stop()
})

test('varve start, which is a server and a device in one', async () => {
  const dir = join(temporaryFolder(), 'start')
  const world = varveProcess(['start', '--dir', dir, '--port', '0'])
  await world.said('Ctrl-C')
  rmSync(dir, { recursive: true, maxRetries: 5 })
  world.terminate()
  const { code, out, err } = await world.ended
  expect(code).toBe(1)
  expect(err).toMatch(gone)
  expect(out).not.toContain('Stopped')
})

test('nobody has to ask: it is noticed within seconds', async () => {
  const dir = join(temporaryFolder(), 'data')
  mkdirSync(dir)
  const kept = { dir, files: [join(dir, 'server.sqlite')] }
  writeFileSync(join(dir, 'server.sqlite'), '')
  const waits: number[] = []
  const timer = (fn: () => void, ms: number): (() => void) => {
    waits.push(ms)
    if (waits.length === 3) rmSync(dir, { recursive: true, maxRetries: 5 })
    queueMicrotask(fn)
    return () => undefined
  }
  const running = untilStopped({ timer }, kept, new AbortController().signal)
  await expect(running).rejects.toThrow('"server.sqlite" is missing')
  expect(waits).toEqual([5_000, 5_000, 5_000])
})

test('everything is closed although a part of it fails, and the first failure is told', async () => {
  const closed: string[] = []
  const close = (name: string, fails: boolean) => async (): Promise<void> => {
    closed.push(name)
    if (fails) throw new Error(`${name} fails`)
  }
  const all = [close('one', false), close('two', true), close('three', true), close('four', false)]
  await expect(closeAll({ dir: '', files: [] }, all)).rejects.toThrow('two fails')
  expect(closed).toEqual(['one', 'two', 'three', 'four'])
  const lost = await closeAll({ dir: 'data', files: ['data/absent'] }, all).catch((error: unknown) => error)
  expect(isVarveError(lost, 'STORE_FAILED')).toBe(true)
})
