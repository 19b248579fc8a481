/** Many clients on one server: what an idle one costs it, and whether every writing one gets its turn. */

import { setTimeout as pause } from 'node:timers/promises'
import { Folders } from '../files.ts'
import { median, percentile } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { Crowds } from '../sync/crowd.ts'
import { NodeProcess, type Memory } from '../sync/node.ts'
import { sizes } from '../sync/sizes.ts'
import { found } from '../world.ts'

/** Writers share a database in tens, so that each write goes to nine others. */
const perTeam = 10
const thinkMs = 1000
/** Of the idle, and of the writing. */
const processes = 2

type Receipts = readonly (readonly number[])[]

export async function syncManyWorkload(): Promise<Report> {
  using folders = new Folders()
  await using node = await NodeProcess.start(folders.next())
  await using idle = new Crowds()
  await using writing = new Crowds()
  const tenant = await found(folders.next())
  const lobby = await tenant.database('lobby')
  await lobby.collection('notes').create({ text: 'Welcome' })
  const teams = Array.from({ length: Math.ceil(sizes.writers / perTeam) }, (_, i) => `team-${i}`)
  for (const team of teams) await (await tenant.database(team)).collection('notes').create({ text: team })
  await tenant.publish(node.url)
  await writing.join(tenant, processes, sizes.writers, teams)
  await idle.join(tenant, processes, sizes.idleDevices, ['lobby'])
  const connection = tenant.connect(node.url)
  await connection.settled()
  await tenant.close()
  await writing.connect(node.url)
  await idle.connect(node.url)
  await writing.write(1000, 0)
  const alone = await settledMemory(node)
  const start = performance.now()
  await idle.connect(node.url, sizes.idle / sizes.idleDevices - 1)
  const connectMs = performance.now() - start
  const crowded = await settledMemory(node)
  const paced = await writing.write(sizes.writingMs, thinkMs)
  const flatOut = await writing.write(sizes.writingMs, 0)
  const lost = sizes.idle - (await idle.live())
  return {
    workload: 'sync-many',
    title: `${sizes.idle.toLocaleString('en')} idle connections and ${sizes.writers} writing devices on one server`,
    figures: [
      ...memoryFigures(alone, crowded),
      {
        name: `connecting ${sizes.idle.toLocaleString('en')} clients until they are up to date`,
        value: connectMs,
        unit: 'ms',
      },
      { name: 'idle connections lost meanwhile', value: lost, unit: 'problems', most: 0 },
      ...receiptFigures(paced, 'a write a second each'),
      ...receiptFigures(flatOut, 'without pause'),
    ],
  }
}

async function settledMemory(node: NodeProcess): Promise<Memory> {
  await node.memory()
  await pause(1000)
  return node.memory()
}

function memoryFigures(before: Memory, after: Memory): readonly Figure[] {
  // One connection of each device was there before.
  const each = (mb: number): number => (mb * 1e6) / (sizes.idle - sizes.idleDevices)
  return [
    {
      name: 'server memory for each idle client, resident',
      value: each(after.residentMb - before.residentMb),
      unit: 'bytes',
    },
    { name: 'of it on the heap', value: each(after.heapMb - before.heapMb), unit: 'bytes' },
    { name: 'server memory with all of them, resident', value: after.residentMb, unit: 'MB' },
  ]
}

function receiptFigures(receipts: Receipts, how: string): readonly Figure[] {
  const all = receipts.flat()
  const counts = receipts.map((times) => times.length)
  const [least, usual] = [Math.min(...counts), median(counts)]
  return [
    { name: `write to receipt, ${how}, median`, value: percentile(all, 50), unit: 'ms' },
    { name: `write to receipt, ${how}, 95th percentile`, value: percentile(all, 95), unit: 'ms' },
    { name: `write to receipt, ${how}, slowest`, value: Math.max(...all), unit: 'ms' },
    { name: `receipts in all, ${how}`, value: all.length, unit: 'writes' },
    { name: `receipts of the device with most, ${how}`, value: Math.max(...counts), unit: 'writes' },
    // Starved would be: less than a third of what is usual.
    {
      name: `receipts usual for a device, against the one with fewest, ${how}`,
      value: usual,
      unit: 'writes',
      floor: least,
      most: 3,
    },
  ]
}
