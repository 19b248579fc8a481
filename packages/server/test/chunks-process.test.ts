/** Collecting at a node that is a process of its own, and is killed while it removes. */

import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { JsonObject } from 'varve'
import { limits } from 'varve/engine'
import { expect, test } from 'vitest'
import {
  bring,
  cleanups,
  codeOf,
  env as system,
  filesIn,
  folder,
  founder,
  how,
  spied,
  uploaded,
} from './chunks-world.ts'

const program = join(import.meta.dirname, 'chunks-node-child.ts')
const day = limits.garbageMinimumMs

interface Running {
  readonly url: string
  readonly child: ChildProcess
  /** Ends it at once, and waits until it has. */
  kill(): Promise<void>
}

async function start(dir: string, port: string, ahead: number): Promise<Running> {
  const args = ['--conditions=source', '--import', 'tsx', program, dir, port, String(ahead)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve()
    })
  })
  const kill = (): Promise<void> => {
    child.kill('SIGKILL')
    return ended
  }
  cleanups.push(kill)
  for await (const url of createInterface({ input: child.stdout })) return { url, child, kill }
  throw new Error('the node ended before it listened')
}

test('what is left of a collection that was killed is collected the next time, and the count is right', async () => {
  const dir = await folder()
  const first = await start(dir, '0', 0)
  const env = { ...system, shift: 0, now: (): number => system.now() + env.shift }
  const ada = await founder(env)
  const people = (await ada.database('crm')).collection<JsonObject>('people')
  await people.create({ id: 'p' })
  await ada.publish(first.url)
  const spy = spied()
  const line = ada.connect(undefined, { fetch: spy.fetch })
  await line.settled()
  await people.attach('p', 'scan', new Uint8Array(50_000).fill(7), how)
  await uploaded(ada)
  const garbage = Array.from({ length: 90 }, (_, n) => new Uint8Array(10_000).fill(n))
  for (const bytes of garbage) await bring(ada, first.url, spy.token, bytes)
  // The tenant is nearly full.
  await expect(bring(ada, first.url, spy.token, new Uint8Array(200_000))).rejects.toThrow('413')
  const { port } = new URL(first.url)
  await first.kill()

  env.shift = 40 * day
  const second = await start(dir, port, env.shift)
  await line.reconnect()
  await line.settled()
  const collecting = codeOf(ada.attachments.collect({ at: 'node' }))
  while ((await filesIn(join(dir, 'blobs'))).length > 85) await new Promise((resolve) => setImmediate(resolve))
  await second.kill()
  expect(await collecting).toBe('OFFLINE')

  await start(dir, port, env.shift)
  await line.reconnect()
  await line.settled()
  const { removed, kept } = await ada.attachments.collect({ at: 'node' })
  expect(removed).toBeGreaterThan(0)
  expect(kept).toBe(1)
  // Room for all but what is kept: not a byte of what has gone is counted.
  await people.attach('p', 'token', new Uint8Array(10), how)
  await uploaded(ada)
  await bring(ada, first.url, spy.token, new Uint8Array(990_000).fill(1))
  await expect(bring(ada, first.url, spy.token, new Uint8Array(50_000).fill(2))).rejects.toThrow('413')
}, 60_000)
