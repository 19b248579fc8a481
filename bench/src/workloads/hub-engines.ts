/** Writes of a hub over PostgreSQL and MongoDB, against the ordinary driver doing one insert for each version. */

import type { HubCollection } from '@varve/server/hub'
import { setTimeout as pause } from 'node:timers/promises'
import { packageRecords, recordOf, type PackageRecord } from '../data.ts'
import { Folders } from '../files.ts'
import type { ByHand, Said } from '../hub/by-hand.ts'
import { mongo, onEach, postgresql, type Engine, type RunningEngine } from '../hub/engines.ts'
import { collectionOf, startHub } from '../hub/hub.ts'
import { underLoad, type Load } from '../hub/load.ts'
import { median, percentile } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { part, sizes } from '../sync/sizes.ts'

interface Level extends Load {
  readonly most: number
}

/** How much of the time by hand a write may take: 0.7 of its speed, and more than it where writes are batched. */
const levels: readonly Level[] = [
  { concurrency: 1, calls: part(600, 50), most: 1.43 },
  { concurrency: 8, calls: part(2400, 200), most: 1.43 },
  { concurrency: 32, calls: part(6400, 400), most: 1 },
  { concurrency: 128, calls: part(12_800, 800), most: 1 },
]
/** More than these gain nothing on two cores. */
const connections = 16
const rounds = sizes.share < 1 ? 2 : 5

type Docs = HubCollection<PackageRecord>
type Kind = 'create' | 'patch' | 'enrich'

/** What was taken of one kind at one concurrency. */
interface Series {
  readonly kind: Kind
  readonly level: Level
  readonly hub: number[]
  readonly hand: number[]
  readonly latencies: number[]
  readonly said: Said[]
}

export async function hubEnginesWorkload(): Promise<Report> {
  const lines: string[] = []
  const figures = await onEach([postgresql, mongo], async (engine, running) => {
    const { series, fresh } = await measure(engine, running)
    lines.push(...series.map((one) => costLine(engine, one)))
    return [
      ...figuresOf(engine, series),
      { name: `${engine.name}: connections made after warm-up`, value: fresh, unit: 'connections', most: 0 },
    ]
  })
  return {
    workload: 'hub-engines',
    title: 'Writes of a hub, payloads sinking, against one insert for each version with the driver',
    figures,
    lines,
  }
}

async function measure(
  engine: Engine,
  running: RunningEngine,
): Promise<{ readonly series: readonly Series[]; readonly fresh: number }> {
  using folders = new Folders()
  await using hub = await startHub({ url: running.url, folder: folders.next(), tenants: ['ada'] })
  const hand = await engine.byHand(running.url, connections)
  const docs = collectionOf(hub, 'ada', 'packages')
  const writes = new Writes(docs, hand)
  try {
    for (const level of levels) await writes.round({ ...level, calls: Math.ceil(level.calls / 4) })
    // Sinking, and the driver's own watching, have begun then.
    await pause(2000)
    for (const level of levels) await writes.round({ ...level, calls: Math.ceil(level.calls / 4) })
    const warm = await hand.said()
    const all = new Map<string, Series>()
    for (let round = 0; round < rounds; round++) for (const level of levels) await writes.round(level, all)
    return { series: [...all.values()], fresh: (await hand.said()).connections - warm.connections }
  } finally {
    await hand.stop()
  }
}

class Writes {
  readonly #docs: Docs
  readonly #hand: ByHand
  readonly #records = packageRecords()
  #ids: string[] = []
  #no = 0

  constructor(docs: Docs, hand: ByHand) {
    this.#docs = docs
    this.#hand = hand
  }

  /** Each kind in turn with the driver, which of them first changing from kind to kind. */
  async round(level: Level, all?: Map<string, Series>): Promise<void> {
    for (const kind of ['create', 'patch', 'enrich'] as const) {
      const before = await this.#hand.said()
      const hub = await underLoad(level, (no) => this.#write(kind, no))
      const after = await this.#hand.said()
      const from = this.#no
      this.#no += level.calls
      const hand = await underLoad(level, (no) =>
        this.#hand.insert({ id: `v${from + no}`, ov: 0, data: recordOf(this.#records, no) }),
      )
      if (all === undefined) continue
      const name = `${kind} at ${level.concurrency}`
      const series: Series = all.get(name) ?? { kind, level, hub: [], hand: [], latencies: [], said: [] }
      all.set(name, series)
      series.hub.push(hub.each)
      series.hand.push(hand.each)
      series.latencies.push(...hub.latencies)
      series.said.push({
        statements: (after.statements - before.statements) / level.calls,
        roundTrips: (after.roundTrips - before.roundTrips) / level.calls,
        connections: after.connections - before.connections,
      })
    }
  }

  async #write(kind: Kind, no: number): Promise<void> {
    if (kind === 'create') {
      const { id } = await this.#docs.create(recordOf(this.#records, no))
      // Those of one round are written next, so that no round meets documents of many versions.
      if (no === 0) this.#ids = []
      this.#ids.push(id)
      return
    }
    const id = this.#ids[no % this.#ids.length] ?? ''
    if (kind === 'patch') await this.#docs.patch(id, { installedSize: no })
    else await this.#docs.enrich(id, { depends: [`package-${no % 97}`] })
  }
}

function figuresOf({ name }: Engine, series: readonly Series[]): readonly Figure[] {
  const ratios = series.map(({ kind, level, hub, hand }) => ({
    name: `${name}: ${kind} at ${level.concurrency}`,
    value: median(hub),
    unit: 'µs' as const,
    floor: median(hand),
    most: level.most,
  }))
  const p99 = (kind: Kind, concurrency: number): number =>
    percentile(series.find((one) => one.kind === kind && one.level.concurrency === concurrency)?.latencies ?? [], 99)
  const tails = (['create', 'patch', 'enrich'] as const).map((kind) => ({
    name: `${name}: 99th percentile of ${kind} at 32, against 8`,
    value: p99(kind, 32),
    unit: 'µs' as const,
    floor: p99(kind, 8),
    most: 4,
  }))
  return [...ratios, ...tails]
}

function costLine({ name }: Engine, { kind, level, said }: Series): string {
  const statements = median(said.map((one) => one.statements))
  const trips = median(said.map((one) => one.roundTrips))
  const told =
    name === 'PostgreSQL'
      ? `${statements.toPrecision(3)} statements in ${trips.toPrecision(3)} round trips`
      : `${statements.toPrecision(3)} commands`
  return `${name}: ${kind} at ${level.concurrency}: ${told}, each`
}
