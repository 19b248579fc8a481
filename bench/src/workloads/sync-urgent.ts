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
const betweenMs = 100
const mostMs = 200

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
  for (const [device, with_] of [
    [alerts, alert],
    [reads, reader],
  ] as const) {
    await device.connect(with_)
    await device.settled()
  }
  await reads.follow('alerts')
  const calm = await measure(alerts, reads, 0)
  const start = performance.now()
  await uploads.connect(bulk)
  const busy = await measure(alerts, reads, 1000)
  const pending = await uploads.pending()
  const held = await reads.count('readings')
  await uploads.settled()
  await reads.settled()
  const whole = performance.now() - start
  return {
    workload: 'sync-urgent',
    title: `Urgent changes while ${sizes.bulk.toLocaleString('en')} documents go up from one device and down to others`,
    figures: [
      { name: 'urgent change to the other device, nothing else going on, median', value: median(calm), unit: 'ms' },
      { name: 'the same during the bulk sync, median', value: median(busy), unit: 'ms', most: mostMs },
      { name: 'during the bulk sync, 95th percentile', value: percentile(busy, 95), unit: 'ms', most: mostMs },
      { name: 'during the bulk sync, slowest', value: Math.max(...busy), unit: 'ms', most: mostMs },
      { name: 'the bulk sync up and down', value: whole, unit: 'ms' },
      { name: 'commits still to be recorded after the last urgent change', value: pending, unit: 'commits' },
      { name: 'documents of the bulk at the reader by then', value: held, unit: 'writes' },
    ],
  }
}

/** Milliseconds from before a write to its being visible at the other device; `first` is the number of the first. */
async function measure(from: DeviceProcess, to: DeviceProcess, first: number): Promise<readonly number[]> {
  const taken: number[] = []
  for (let no = first; no < first + sizes.urgent; no++) {
    const seen = to.seen(no)
    await pause(betweenMs)
    const at = await from.write('alerts', no)
    taken.push((await seen) - at)
  }
  return taken
}
