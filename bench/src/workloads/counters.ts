/** What counters cost: writes with no rule, one and five, reading totals, and counting the log again. */

import type { CounterRule, Database } from 'varve'
import { reading, type Reading } from '../data.ts'
import { Folders } from '../files.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { found } from '../world.ts'

const share = Number(process.env['VARVE_BENCH_SHARE'] ?? '1')
const documents = Math.round(20_000 * share)
const together = 100
const rounds = 3

const rules: readonly CounterRule[] = [
  { name: 'high', on: ['CREATE'], when: { value: { $gte: 500 } }, countUnique: ['device'] },
  { name: 'places', countUnique: ['place'], buckets: { day: 30 } },
  { name: 'values', measure: { path: 'value', stats: ['sum', 'avg', 'min', 'max'] }, buckets: { hour: 48 } },
  { name: 'deleted', on: ['DELETE'] },
  { name: 'hall', when: { place: { $regex: '^hall 7,' }, value: { $lt: 250 } }, countUnique: ['device'] },
]

/** Documents that do not wait for each other, as many at a time as a busy application has under way. */
async function write(database: Database, from: number, count: number): Promise<void> {
  const readings = database.collection<Reading>('readings')
  for (let start = from; start < from + count; start += together)
    await Promise.all(Array.from({ length: together }, (_, i) => readings.create(reading(start + i))))
}

function perDocument(times: Times, name: string): number {
  return (times.median(name) / documents) * rounds * 1000
}

export async function countersWorkload(): Promise<Report> {
  using folders = new Folders()
  const tenant = await found(folders.next())
  const times = new Times()
  const worlds = await Promise.all(
    [0, 1, 5].map(async (count) => {
      const database = await tenant.database(`rules-${count}`)
      await database.counters.define(rules.slice(0, count))
      await write(database, 1_000_000, together)
      return { name: `${count}`, database }
    }),
  )
  const each = Math.max(together, Math.round(documents / rounds / together) * together)
  for (let round = 0; round < rounds; round++)
    for (const { name, database } of worlds) await times.take(name, () => write(database, round * each, each))
  const five = worlds.at(-1)?.database
  if (five === undefined) throw new Error('There is no world')
  await times.take('totals', async () => void (await five.counters.totals({ collection: 'readings' })))
  await times.take('recount', () => five.counters.recount())
  const { ok } = await five.counters.verify()
  if (!ok) throw new Error('The counters are not what the log gives')
  await tenant.close()
  const floor = perDocument(times, '0')
  const recount = times.median('recount')
  const figures: Figure[] = [
    { name: 'a write without rules', value: floor, unit: 'µs' },
    { name: 'with one rule', value: perDocument(times, '1'), unit: 'µs', floor, most: 2 },
    { name: 'with five rules', value: perDocument(times, '5'), unit: 'µs', floor, most: 4 },
    { name: 'totals of five rules', value: times.median('totals'), unit: 'ms' },
    { name: 'counting the log again under five', value: (rounds * each * 1000) / recount, unit: 'docs/s' },
  ]
  return { workload: 'counters', title: 'Counters beside writes', figures }
}
