/** A process killed while it writes: everything it was answered is there, and every batch is whole. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { sqlite } from '@varve/stores/sqlite'
import { expect, test } from 'vitest'
import { temporaryFolder } from './folder.ts'

const child = fileURLToPath(new URL('crash-child.ts', import.meta.url))

/** Lets a process write for `ms` after its first answer, kills it, and gives the last number it told. */
async function writeAndKill(dir: string, ms: number): Promise<number> {
  const running = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', child, dir], {
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

test('kill -9, again and again on one store', async () => {
  const { dir, remove } = await temporaryFolder()
  for (const ms of [0, 7, 40, 150]) {
    const last = await writeAndKill(dir, ms)
    const store = await sqlite({ dir }).open('main', { pageKey: null })
    const { documents } = await store.stats()
    expect(documents).toBeGreaterThan(last)
    expect(await store.value('count')).toEqual(Uint8Array.of((documents - 1) >> 8, (documents - 1) & 255))
    await store.close()
  }
  await remove()
})
