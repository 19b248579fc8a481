/** Questions to a collection of the past: the first one, and those after it, against the same question of now. */

import { type Collection, type Database, type Query } from 'varve'
import { numbers, reading, type Reading } from '../data.ts'
import { Folders } from '../files.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { found } from '../world.ts'

const documents = 2_000
const changes = 8_000
const perCommit = 8
const points = 15
const repeats = 15

type Ask = (readings: Pick<Collection<Reading>, 'find'>) => Query<Reading>

const questions: Readonly<Record<string, Ask>> = {
  scan: (readings) =>
    readings
      .find({ value: { $gt: 500 } })
      .sort({ note: 1 })
      .limit(50),
  index: (readings) =>
    readings
      .find({ device: { $gte: 'sensor-3', $lt: 'sensor-5' } })
      .sort({ device: 1 })
      .limit(50),
}

async function fill(database: Database): Promise<Collection<Reading>> {
  const readings = database.collection<Reading>('readings', { indexes: ['device'] })
  const written = await readings.createMany(Array.from({ length: documents }, (_, no) => reading(no)))
  const next = numbers(3)
  for (let no = 0; no < changes; no += perCommit) {
    const picked = new Set(Array.from({ length: perCommit }, () => written[Math.floor(next() * documents)]?.id ?? ''))
    await Promise.all([...picked].map((id) => readings.patch(id, { value: Math.round(next() * 1000) })))
  }
  return readings
}

export async function asofWorkload(): Promise<Report> {
  using folders = new Folders()
  const tenant = await found(folders.next())
  const database = await tenant.database('bench')
  const readings = await fill(database)
  const { records } = await database.stats()
  const times = new Times()
  const take = async (name: string, query: Query<Reading>): Promise<void> => {
    const start = performance.now()
    await query.toArray()
    times.add(name, performance.now() - start)
  }
  for (const ask of Object.values(questions)) await ask(readings).toArray()
  for (let point = 1; point <= points; point++) {
    const record = Math.floor((records * point) / (points + 1))
    const past = (await database.asOf({ record })).collection<Reading>('readings')
    const first = questions['scan']
    if (first !== undefined) await take(point === 1 ? 'first' : 'further', first(past))
    for (let i = 0; i < repeats; i++) {
      for (const [name, ask] of Object.entries(questions)) {
        await take(`${name}/past`, ask(past))
        await take(`${name}/now`, ask(readings))
      }
    }
  }
  await tenant.close()
  const again = (title: string, name: string): Figure => ({
    name: `${title} asked again, against now`,
    value: times.median(`${name}/past`),
    unit: 'ms',
    floor: times.median(`${name}/now`),
    most: 2,
  })
  return {
    workload: 'asof',
    title: `As of some record: ${documents.toLocaleString('en')} documents, ${(documents + changes).toLocaleString('en')} changes`,
    figures: [
      { name: 'first question', value: times.median('first'), unit: 'ms' },
      { name: 'first question at another record', value: times.median('further'), unit: 'ms' },
      again('filter and sort without an index', 'scan'),
      again('range of an index', 'index'),
    ],
  }
}
