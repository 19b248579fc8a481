/** Whether reading a version costs the same in a long history as in a short one. */

import type { Collection } from 'varve'
import { numbers, reading, type Reading } from '../data.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { Folders } from '../files.ts'
import { found } from '../world.ts'

const short = 100
const long = 10_000
const reads = 400

/** A document with this many versions; its version n says n. `together` patches do not wait for each other. */
async function withVersions(readings: Collection<Reading>, versions: number, together: number): Promise<string> {
  const { id } = await readings.create(reading(0))
  for (let from = 1; from < versions; from += together) {
    const until = Math.min(from + together, versions)
    await Promise.all(Array.from({ length: until - from }, (_, i) => readings.patch(id, { value: from + i })))
  }
  return id
}

async function compare(readings: Collection<Reading>, name: string, together: number): Promise<Figure> {
  const documents = [
    { label: 'short', versions: short, id: await withVersions(readings, short, together) },
    { label: 'long', versions: long, id: await withVersions(readings, long, together) },
  ]
  const times = new Times()
  const next = numbers(3)
  for (let no = 0; no < reads; no++) {
    for (const { label, versions, id } of documents) {
      const ov = 1 + Math.floor(next() * (versions - 1))
      const start = performance.now()
      const doc = await readings.getVersion(id, ov)
      if (no >= reads / 4) times.add(label, performance.now() - start)
      if (doc?.value !== ov) throw new Error(`Version ${ov} of ${versions} says ${String(doc?.value)}`)
    }
  }
  return { name, value: times.median('long') * 1000, unit: 'µs', floor: times.median('short') * 1000, most: 3 }
}

export async function versionsWorkload(): Promise<Report> {
  using folders = new Folders()
  const tenant = await found(folders.next())
  const readings = (await tenant.database('bench')).collection<Reading>('readings')
  const figures = [
    await compare(readings, 'in 10,000 versions against one in 100, written one by one', 1),
    await compare(readings, 'in 10,000 versions against one in 100, 500 un-awaited', 500),
  ]
  await tenant.close()
  return { workload: 'versions', title: 'Reading one version of a document', figures }
}
