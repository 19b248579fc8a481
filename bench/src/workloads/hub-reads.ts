/** Reads of a hub over PostgreSQL and MongoDB: documents, their versions among few and many, and queries by an index. */

import type { Hub, HubCollection } from '@varve/server/hub'
import { packageRecords, recordOf, type PackageRecord } from '../data.ts'
import { Folders, slices } from '../files.ts'
import type { ByHand } from '../hub/by-hand.ts'
import { mongo, onEach, postgresql, type Engine, type RunningEngine } from '../hub/engines.ts'
import { collectionOf, startHub } from '../hub/hub.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { part } from '../sync/sizes.ts'

const versionsEach = 10
const few = 1000
const rounds = part(400, 40)
const batch = 1000
const first = 50

type Docs = HubCollection<PackageRecord>

/** Documents with their versions; the time is that in the middle of them. */
interface Layers {
  readonly docs: Docs
  readonly ids: readonly string[]
  readonly middle: string
}

/** So many versions in a collection, and so many heads in another. */
export async function hubReadsWorkload(whole: number): Promise<Report> {
  const many = part(whole, 2 * few)
  const figures = await onEach([postgresql, mongo], (engine, running) => measure(engine, running, many))
  const count = many.toLocaleString('en')
  return {
    workload: whole > 100_000 ? 'hub-reads-large' : 'hub-reads',
    title: `Reads of a hub: ${count} versions in a collection beside ${few.toLocaleString('en')}, ${count} heads with an index`,
    figures,
  }
}

async function measure(engine: Engine, running: RunningEngine, many: number): Promise<readonly Figure[]> {
  using folders = new Folders()
  await using hub = await startHub({ url: running.url, folder: folders.next(), tenants: ['few', 'many', 'heads'] })
  const hand = await engine.byHand(running.url, 1)
  try {
    const small = await fillLayers(hub, 'few', few)
    const large = await fillLayers(hub, 'many', many)
    const heads = await fillHeads(hub, hand, many)
    const times = new Times()
    const trips = await readLayers(times, hand, small, large)
    await askIndex(times, heads, hand)
    return figuresOf(engine, times, trips, many)
  } finally {
    await hand.stop()
  }
}

async function fillLayers(hub: Hub, tenant: string, versions: number): Promise<Layers> {
  const docs = collectionOf(hub, tenant, 'packages')
  const records = packageRecords()
  const ids: string[] = []
  for (const numbers of slices([...Array(Math.ceil(versions / versionsEach)).keys()], batch))
    ids.push(...(await docs.createMany(numbers.map((no) => recordOf(records, no)))).map(({ id }) => id))
  let middle = ''
  for (let version = 1; version < versionsEach; version++) {
    if (version * 2 >= versionsEach && middle === '') middle = new Date().toISOString()
    for (const some of slices(ids, batch))
      await Promise.all(some.map((id) => docs.patch(id, { installedSize: version })))
  }
  return { docs, ids, middle }
}

/** The same documents here and by hand. */
async function fillHeads(hub: Hub, hand: ByHand, count: number): Promise<Docs> {
  const docs = collectionOf(hub, 'heads', 'sizes')
  const records = packageRecords()
  for (const numbers of slices([...Array(count).keys()], 20 * batch)) {
    const made = numbers.map((no) => ({ ...recordOf(records, no), installedSize: (no * 7919) % 1_000_003 }))
    for (const some of slices(made, batch)) await docs.createMany(some)
    await hand.fill(made.map((record, i) => ({ ...record, id: `document-${numbers[i] ?? 0}` })))
  }
  return docs
}

/** The two take turns. Round trips of one `get` of a document that was used before. */
async function readLayers(times: Times, hand: ByHand, small: Layers, large: Layers): Promise<number> {
  const sides = { small, large }
  for (let round = -rounds; round < rounds; round++) {
    const taken = round < 0 ? new Times() : times
    for (const [name, { docs, ids, middle }] of Object.entries(sides)) {
      const id = ids[(Math.abs(round) * 37) % ids.length] ?? ''
      await timed(taken, `version ${name}`, () => docs.getVersion(id, 4))
      await timed(taken, `past ${name}`, () => docs.getAsOf(id, middle))
    }
  }
  const [id = ''] = large.ids
  await large.docs.get(id)
  const before = await hand.said()
  for (let round = 0; round < rounds; round++) await timed(times, 'get', () => large.docs.get(id))
  const { roundTrips } = await hand.said()
  return (roundTrips - before.roundTrips) / rounds
}

async function askIndex(times: Times, docs: Docs, hand: ByHand): Promise<void> {
  for (let round = -rounds; round < rounds; round++) {
    const taken = round < 0 ? new Times() : times
    const above = (Math.abs(round) * 7907) % 500_000
    const query = (): Promise<readonly unknown[]> =>
      docs
        .find({ installedSize: { $gt: above } })
        .sort({ installedSize: 1 })
        .limit(first)
        .toArray()
    const found = await timed(taken, 'find', query)
    const expected = await timed(taken, 'find by hand', () => hand.find(above, first))
    if (found.length !== expected.length) throw new Error(`${found.length} documents instead of ${expected.length}`)
  }
}

async function timed<T>(times: Times, name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const value = await work()
  times.add(name, (performance.now() - start) * 1000)
  return value
}

function figuresOf({ name }: Engine, times: Times, trips: number, many: number): readonly Figure[] {
  const count = many.toLocaleString('en')
  const against = (what: string, call: string): Figure => ({
    name: `${name}: ${call} at ${count} versions, against ${few.toLocaleString('en')}`,
    value: times.median(`${what} large`),
    unit: 'µs',
    floor: times.median(`${what} small`),
    most: 1.5,
  })
  return [
    { name: `${name}: get of a document that was used before`, value: times.median('get'), unit: 'µs' },
    // What keeps leases alive goes on meanwhile.
    { name: `${name}: round trips of it`, value: trips, unit: 'calls', most: 1.1 },
    against('version', 'getVersion'),
    against('past', 'getAsOf'),
    {
      name: `${name}: first ${first} by an index of ${count}, against by hand`,
      value: times.median('find'),
      unit: 'µs',
      floor: times.median('find by hand'),
      most: 1.5,
    },
  ]
}
