/** Whether connecting again after ten changes costs the same in a large database as in a small one. */

import type { Collection, Connection, Tenant } from 'varve'
import { numbers, type Reading } from '../data.ts'
import { Folders } from '../files.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { inChild } from '../spawn.ts'
import { CountedConnector } from '../sync/counted.ts'
import { NodeProcess } from '../sync/node.ts'
import { part, sizes } from '../sync/sizes.ts'
import { joined, reopen } from '../world.ts'
import { idsOf } from './flat.ts'
import { collectionName } from './import.ts'

const most = 1.5
/** Numbers of documents and commits are written with more digits in a large database. */
const mostBytes = 1.1
const changes = 10

interface Side {
  readonly label: 'small' | 'large'
  readonly ids: readonly string[]
  readonly author: { readonly tenant: Tenant; readonly readings: Collection<Reading>; readonly connection: Connection }
  readonly device: { readonly tenant: Tenant; readonly readings: Collection<Reading>; readonly connection: Connection }
  readonly counted: CountedConnector
}

async function openSide(label: Side['label'], dir: string, folders: Folders, url: string): Promise<Side> {
  const tenant = await reopen(dir)
  const readings = (await tenant.database('bench')).collection<Reading>(collectionName)
  await tenant.publish(url)
  const connection = tenant.connect(url)
  const other = await joined(tenant, folders.next())
  await connection.settled()
  const counted = new CountedConnector()
  const replica = (await other.database('bench')).collection<Reading>(collectionName)
  const second = other.connect(url, { connector: counted.connect })
  await second.settled()
  const author = { tenant, readings, connection }
  return { label, ids: idsOf(dir), author, device: { tenant: other, readings: replica, connection: second }, counted }
}

/** Ten commits by `from` while the device is away, then the time and bytes until it has caught up. */
async function reconnect(
  side: Side,
  from: 'author' | 'device',
  next: () => number,
  no: number,
): Promise<{ readonly ms: number; readonly bytes: number }> {
  const { connection } = side.device
  await connection.disconnect()
  for (let i = 0; i < changes; i++) {
    const id = side.ids[Math.floor(next() * side.ids.length)] ?? ''
    await side[from].readings.patch(id, { value: -no - i / 100 })
  }
  await side.author.connection.settled()
  side.counted.clear()
  const start = performance.now()
  await connection.reconnect()
  await connection.settled()
  const ms = performance.now() - start
  await side.author.connection.settled()
  return { ms, bytes: side.counted.up.bytes + side.counted.down.bytes }
}

/** Both sides take turns, so that whatever else the machine does meets both alike. */
async function measure(sides: readonly Side[]): Promise<Times> {
  const times = new Times()
  const next = numbers(17)
  for (let no = 1; no <= sizes.reconnects; no++) {
    for (const side of sides) {
      for (const from of ['author', 'device'] as const) {
        const { ms, bytes } = await reconnect(side, from, next, no)
        if (no === 1) continue
        times.add(`${side.label}/${from}/ms`, ms)
        times.add(`${side.label}/${from}/bytes`, bytes)
      }
    }
  }
  return times
}

export async function syncFlatWorkload(whole: number): Promise<Report> {
  using folders = new Folders()
  await using node = await NodeProcess.start(folders.next())
  const large = part(whole, 2 * sizes.small)
  const dirs = [
    ['small', folders.next(), sizes.small],
    ['large', folders.next(), large],
  ] as const
  const sides: Side[] = []
  for (const [label, dir, count] of dirs) {
    inChild('import', dir, String(count))
    sides.push(await openSide(label, dir, folders, node.url))
  }
  const times = await measure(sides)
  for (const { author, device } of sides) {
    await device.tenant.close()
    await author.tenant.close()
  }
  const count = large.toLocaleString('en')
  const flat = (from: 'author' | 'device', unit: 'ms' | 'bytes'): Figure => ({
    name: `${changes} changes of ${from === 'author' ? 'others' : 'its own'} at ${count}, against ${sizes.small.toLocaleString('en')}`,
    value: times.median(`large/${from}/${unit}`),
    unit,
    floor: times.median(`small/${from}/${unit}`),
    most: unit === 'ms' ? most : mostBytes,
  })
  return {
    workload: whole === 1_000_000 ? 'sync-flat-large' : 'sync-flat',
    title: `Connecting again: a database of ${count} small documents beside one of ${sizes.small.toLocaleString('en')}`,
    figures: [flat('author', 'ms'), flat('author', 'bytes'), flat('device', 'ms'), flat('device', 'bytes')],
  }
}
