/** What open live queries add to a write: none, those it does not touch, and those it does. */

import type { Collection } from 'varve'
import { reading, type Reading } from '../data.ts'
import { Folders } from '../files.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { found } from '../world.ts'

const documents = 5_000
const rounds = 600
const shown = 50

interface Side {
  readonly label: string
  readonly readings: Collection<Reading>
  /** Of the documents that the live queries show. */
  readonly ids: readonly string[]
  heard: number
}

/** Live queries of a list as an application shows it: the newest, fifty and more. */
async function touched(side: Side, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const live = side.readings
      .find({ value: { $gte: 0 } })
      .sort({ at: -1 })
      .limit(shown + i)
      .live()
    live.subscribe(() => side.heard++)
    await live.settled()
  }
}

/** The same lists of other halls. */
async function untouched(side: Side, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const live = side.readings
      .find({ place: { $regex: `^hall ${100 + i},` }, value: { $gte: 0 } })
      .sort({ at: -1 })
      .limit(shown)
      .live()
    live.subscribe(() => side.heard++)
    await live.settled()
  }
}

export async function liveWorkload(): Promise<Report> {
  using folders = new Folders()
  const tenant = await found(folders.next())
  const database = await tenant.database('bench')
  const sides: Side[] = []
  for (const label of ['none', 'untouched 1', 'untouched 10', 'touched 1', 'touched 10']) {
    const readings = database.collection<Reading>(label.replace(' ', '-'))
    const written = await readings.createMany(Array.from({ length: documents }, (_, no) => reading(no)))
    sides.push({ label, readings, ids: written.slice(-shown).map(({ id }) => id), heard: 0 })
  }
  for (const side of sides) {
    const [kind, count] = side.label.split(' ')
    if (kind === 'touched') await touched(side, Number(count))
    if (kind === 'untouched') await untouched(side, Number(count))
  }
  const times = new Times()
  for (let no = 0; no < rounds; no++) {
    for (const { label, readings, ids } of sides) {
      const start = performance.now()
      await readings.patch(ids[no % shown] ?? '', { value: no })
      times.add(label, performance.now() - start)
    }
  }
  const heard = new Map(sides.map((side) => [side.label, side.heard]))
  if ((heard.get('touched 10') ?? 0) < 10 * rounds || (heard.get('untouched 10') ?? 0) > 10)
    throw new Error('The live queries heard something else than what was written')
  await tenant.close()
  const against = (name: string, label: string, floor: string, most: number): Figure => ({
    name,
    value: times.median(label) * 1000,
    unit: 'µs',
    floor: times.median(floor) * 1000,
    most,
  })
  return {
    workload: 'live',
    title: `Live queries of ${shown} documents of ${documents.toLocaleString('en')}, and one patch`,
    figures: [
      { name: 'patch without live queries', value: times.median('none') * 1000, unit: 'µs' },
      against('patch beside 1 that it does not touch, against none', 'untouched 1', 'none', 1.15),
      against('patch beside 10 that it does not touch, against none', 'untouched 10', 'none', 1.15),
      against('patch beside 1 that it touches, against none', 'touched 1', 'none', 1.5),
      against('patch beside 10 that it touches, against 1', 'touched 10', 'touched 1', 2),
    ],
  }
}
