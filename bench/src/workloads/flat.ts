/** Whether operations cost the same in a large database as in a small one, and what an import takes. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Collection, Database, Tenant } from 'varve'
import { numbers, reading, type Reading } from '../data.ts'
import { asNumber, asText, isList, isRecord } from '../json.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { inChild } from '../spawn.ts'
import { Folders } from '../files.ts'
import { joined, reopen } from '../world.ts'
import { collectionName as name, idsFile } from './import.ts'

const small = 10_000
const most = 1.5
const singles = 400
const gets = 2000
const syncs = 41
const opens = 21

interface Side {
  readonly label: 'small' | 'large'
  readonly tenant: Tenant
  readonly database: Database
  readonly readings: Collection<Reading>
  readonly other: Tenant
  readonly replica: Database
  readonly ids: readonly string[]
}

async function openSide(label: Side['label'], dir: string, folders: Folders): Promise<Side> {
  const tenant = await reopen(dir)
  const database = await tenant.database('bench')
  const other = await joined(tenant, folders.next())
  const replica = await other.database('bench')
  await replica.sync(database)
  const ids = idsOf(dir)
  return { label, tenant, database, readings: database.collection<Reading>(name), other, replica, ids }
}

export function idsOf(dir: string): readonly string[] {
  const ids: unknown = JSON.parse(readFileSync(join(dir, idsFile), 'utf8'))
  return isList(ids) ? ids.map(asText) : []
}

/** Both sides take turns, so that whatever else the machine does meets both alike. */
async function alternate(sides: readonly Side[], times: number, step: (side: Side, no: number) => Promise<void>) {
  for (let no = 0; no < times; no++) for (const side of sides) await step(side, no)
}

async function measureSides(sides: readonly Side[], times: Times): Promise<void> {
  const clock = async (side: Side, what: string, work: () => Promise<unknown>): Promise<void> => {
    const start = performance.now()
    await work()
    times.add(`${side.label}/${what}`, performance.now() - start)
  }
  const next = numbers(11)
  await alternate(sides, singles, (side, no) => clock(side, 'create', () => side.readings.create(reading(no))))
  await alternate(sides, gets, (side) => {
    const id = side.ids[Math.floor(next() * side.ids.length)] ?? ''
    return clock(side, 'get', () => side.readings.get(id))
  })
  await alternate(sides, 1, async ({ replica, database }) => {
    await replica.sync(database)
  })
  await alternate(sides, syncs, async (side, no) => {
    const ids = Array.from({ length: 10 }, () => side.ids[Math.floor(next() * side.ids.length)] ?? '')
    await Promise.all([...new Set(ids)].map((id) => side.readings.patch(id, { value: -no })))
    await clock(side, 'sync', () => side.replica.sync(side.database))
  })
}

async function measureOpening(dirs: readonly (readonly [string, string])[], times: Times): Promise<void> {
  for (let no = 0; no < opens; no++) {
    for (const [label, dir] of dirs) {
      const id = idsOf(dir)[no] ?? ''
      globalThis.gc?.()
      const start = performance.now()
      const tenant = await reopen(dir)
      const doc = await (await tenant.database('bench')).collection<Reading>(name).get(id)
      times.add(`${label}/open`, performance.now() - start)
      if (doc === null) throw new Error(`The document ${id} is not there after opening`)
      await tenant.close()
    }
  }
}

export async function flatWorkload(large: number): Promise<Report> {
  using folders = new Folders()
  const dirs = [
    ['small', folders.next()],
    ['large', folders.next()],
  ] as const
  inChild('import', dirs[0][1], String(small))
  const imported = inChild('import', dirs[1][1], String(large))
  const times = new Times()
  await measureOpening(dirs, times)
  const sides: Side[] = []
  for (const [label, dir] of dirs) sides.push(await openSide(label, dir, folders))
  await measureSides(sides, times)
  for (const { tenant, other } of sides) {
    await other.close()
    await tenant.close()
  }
  const [seconds, peak] = isRecord(imported) ? [asNumber(imported['seconds']), asNumber(imported['peakMb'])] : [0, 0]
  const count = large.toLocaleString('en')
  const flat = (title: string, key: string, unit: 'ms' | 'µs'): Figure => {
    const scale = unit === 'ms' ? 1 : 1000
    return {
      name: `${title} at ${count}, against 10,000`,
      value: times.median(`large/${key}`) * scale,
      unit,
      floor: times.median(`small/${key}`) * scale,
      most,
    }
  }
  return {
    workload: large === 1_000_000 ? 'flat-large' : 'flat',
    title: `A database of ${count} small documents beside one of 10,000`,
    figures: [
      flat('one create', 'create', 'µs'),
      flat('one get', 'get', 'µs'),
      flat('sync of 10 changes', 'sync', 'ms'),
      flat('opening to the first document', 'open', 'ms'),
      { name: `import of ${count} as a stream, highest resident`, value: peak, unit: 'MB', most: 400 },
      { name: `import of ${count} as a stream`, value: large / seconds, unit: 'docs/s' },
    ],
  }
}
