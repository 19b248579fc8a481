/** A hub on SQLite whose disk is full: writes say so, reads go on, and so does everything once there is room. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isTested, SmallDisk, smallDiskProgram } from '@varve/testkit'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('hub-disk-child.ts', import.meta.url))
const upTo = (count: number): string => Array.from({ length: count }, (_, n) => n).join()

test.runIf(isTested(smallDiskProgram()))(
  'writes fail while the disk is full, and go on by themselves',
  async () => {
    const disk = await SmallDisk.open(16)
    // It begins in another folder, where a name alone says nothing.
    const tsx = createRequire(import.meta.url).resolve('tsx')
    const args = ['--conditions=source', '--import', tsx, program, join(disk.dir, 'hub')]
    const command = disk.command({ program: process.execPath, args })
    const child = spawn(command.program, command.args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async (): Promise<string> => {
      const { value, done } = await lines.next()
      if (done === true) throw new Error('the process ended before its time')
      return value
    }
    try {
      expect(await next()).toBe('written 5')
      await disk.fill(1_000_000)
      child.stdin.write('\n')
      const full = await next()
      expect(full).toMatch(/^full \d+ STORE_FAILED true The disk is full .*make room/)
      const written = Number(full.split(' ')[1])
      expect(await next()).toBe(`read ${upTo(written)}`)
      await disk.makeRoom()
      child.stdin.write('\n')
      expect(await next()).toBe(`wrote on ${written + 5} ${upTo(written + 5)}`)
      await once(child, 'exit')
      expect(child.exitCode).toBe(0)
    } finally {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      await disk.close()
    }
  },
  60_000,
)
