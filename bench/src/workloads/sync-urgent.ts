/** Urgent changes while much is being synced: from one device through the server to another that is catching up. */

import { setTimeout as pause } from 'node:timers/promises'
import { Folders } from '../files.ts'
import { median, percentile } from '../measure.ts'
import type { Report } from '../result.ts'
import { DeviceProcess } from '../sync/device.ts'
import { NodeProcess } from '../sync/node.ts'
import { sizes } from '../sync/sizes.ts'
import { found } from '../world.ts'

const urgent = ['alerts']
/** Urgent changes come at this pace, whether earlier ones have arrived or not. */
const betweenMs = 250
const mostMs = 200

interface Taken {
  /** Milliseconds from before a write to its being visible at the other device. */
  readonly ms: readonly number[]
  /** The part of it until the write was durable at its author, who takes over the bulk too. */
  readonly written: readonly number[]
  /** How many of them were seen while the bulk was still on its way. */
  readonly during: number
}

export async function syncUrgentWorkload(): Promise<Report> {
  using folders = new Folders()
  await using node = await NodeProcess.start(folders.next())
  const admin = await found(folders.next())
  await (await admin.database('bench')).collection('alerts').create({ no: -1, note: 'the first' })
  await admin.publish(node.url)
  const connection = admin.connect(node.url)
  const options = (user: string) => ({ dir: folders.next(), user, url: node.url, urgent })
  const [bulk, alert, reader] = [options('ada'), options('bob'), options('cyd')]
  await using uploads = await DeviceProcess.join(admin, bulk)
  await using alerts = await DeviceProcess.join(admin, alert)
  await using reads = await DeviceProcess.join(admin, reader)
  await connection.settled()
  await admin.close()
  await uploads.load('readings', sizes.bulk)
  await alerts.connect(alert)
  await reads.connect(reader)
  await alerts.settled()
  await reads.settled()
  await reads.follow('alerts')
  const calm = await measure(alerts, reads, 0, new Promise(() => undefined))
  const start = performance.now()
  await uploads.connect(bulk)
  const whole = (async () => {
    await uploads.settled()
    await reads.settled()
    return performance.now() - start
  })()
  const busy = await measure(alerts, reads, 1000, whole)
  const bulkMs = await whole
  const held = await reads.count('readings')
  if (held !== sizes.bulk) throw new Error(`${held} of ${sizes.bulk} documents are at the reader after settling`)
  return {
    workload: 'sync-urgent',
    title: `Urgent changes while ${sizes.bulk.toLocaleString('en')} documents go up from one device and down to two`,
    figures: [
      { name: 'urgent change to another device, nothing else going on, median', value: median(calm.ms), unit: 'ms' },
      { name: 'during the bulk sync, median', value: median(busy.ms), unit: 'ms', most: mostMs },
      { name: 'during the bulk sync, 95th percentile', value: percentile(busy.ms, 95), unit: 'ms', most: mostMs },
      { name: 'during the bulk sync, slowest', value: Math.max(...busy.ms), unit: 'ms', most: mostMs },
      { name: 'of it until it is durable at its author, median', value: median(busy.written), unit: 'ms' },
      { name: 'urgent changes seen before the bulk was through', value: busy.during, unit: 'writes' },
      { name: 'the bulk sync, up and down', value: bulkMs, unit: 'ms' },
    ],
  }
}

async function measure(from: DeviceProcess, to: DeviceProcess, first: number, end: Promise<unknown>): Promise<Taken> {
  let ended = false
  const watch = async (): Promise<void> => {
    await end
    ended = true
  }
  // Whoever gave the promise hears of its failure.
  watch().catch(() => undefined)
  let during = 0
  const written: number[] = []
  const one = async (no: number): Promise<number> => {
    const seen = to.seen(no)
    const { at, ms } = await from.write('alerts', no)
    written.push(ms)
    const taken = (await seen) - at
    if (!ended) during++
    return taken
  }
  const all: Promise<number>[] = []
  for (let no = first; no < first + sizes.urgent; no++) {
    all.push(one(no))
    await pause(betweenMs)
  }
  return { ms: await Promise.all(all), written, during }
}
