/** Writes and sync of the package records against their floors, each step of the engine right beside its floor's. */

import type { Database } from 'varve'
import { packageRecords, type PackageRecord } from '../data.ts'
import { engineLayout } from '../floor/layout.ts'
import { FloorStore } from '../floor/rows.ts'
import { Floor, syncFloor } from '../floor/work.ts'
import { Times } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { Folders, slices } from '../files.ts'
import { found, joined, pageKey } from '../world.ts'

const batch = 1000
const singles = 2000
const rounds = 5
const most = 3

class Run {
  readonly engine = new Times()
  readonly floor = new Times()
  commits = 0
  readonly #records = packageRecords()
  readonly #folders: Folders
  readonly #layout: readonly string[]
  readonly #encrypted: boolean
  readonly #pageKey: string | null

  constructor(folders: Folders, layout: readonly string[], encrypted: boolean) {
    this.#folders = folders
    this.#layout = layout
    this.#encrypted = encrypted
    this.#pageKey = encrypted ? pageKey : null
  }

  /** Every step once; `count` is false while the code warms up. */
  async round(count: boolean): Promise<void> {
    const [engine, floor] = count ? [this.engine, this.floor] : [new Times(), new Times()]
    const records = this.#records
    const tenant = await found(this.#folders.next(), this.#encrypted)
    const database = await tenant.database('bench')
    const packages = database.collection<PackageRecord>('packages')
    const plain = new Floor(this.#store())
    const ids: string[] = []
    await engine.take('create', async () => {
      for (const part of slices(records, batch)) for (const { id } of await packages.createMany(part)) ids.push(id)
    })
    await floor.take('create', () => {
      for (const part of slices(records, batch)) plain.create(part)
    })
    await this.#bytesGiven(floor)
    const other = await joined(tenant, this.#folders.next(), this.#encrypted)
    await this.#sync(engine, database, await other.database('bench'))
    await other.close()
    this.#syncFloor(floor, plain)
    await this.#patches(engine, floor, database, ids, plain)
    await engine.take('single', async () => {
      for (const record of records.slice(0, singles)) await packages.create(record)
    })
    await floor.take('single', () => {
      for (const record of records.slice(0, singles)) plain.create([record])
    })
    const before = (await database.stats()).commits
    await engine.take('concurrent', async () => {
      await Promise.all(records.slice(0, batch).map((record) => packages.create(record)))
    })
    this.commits = (await database.stats()).commits - before
    await floor.take('concurrent', () => {
      plain.create(records.slice(0, batch))
    })
    await tenant.close()
    plain.store.close()
  }

  async #patches(engine: Times, floor: Times, database: Database, ids: readonly string[], plain: Floor): Promise<void> {
    const packages = database.collection<PackageRecord>('packages')
    const plainIds = plain.ids.slice(0, ids.length)
    await engine.take('patch', async () => {
      for (const part of slices(ids, batch)) {
        await Promise.all(part.map((id) => packages.patch(id, { priority: 'patched' })))
      }
    })
    await floor.take('patch', () => {
      for (const part of slices(plainIds, batch)) plain.patch(part, 'priority', 'patched')
    })
    await engine.take('transact', async () => {
      for (const part of slices(ids, batch)) {
        await database.transact(async (tx) => {
          const inside = tx.collection<PackageRecord>('packages')
          for (const id of part) await inside.patch(id, { priority: 'transacted' })
        })
      }
    })
    await floor.take('transact', () => {
      for (const part of slices(plainIds, batch)) plain.patch(part, 'priority', 'transacted')
    })
  }

  /** How much of the floor is making ids, tags, bodies and heads. */
  async #bytesGiven(floor: Times): Promise<void> {
    const plain = new Floor(this.#store())
    const prepared = [...slices(this.#records, batch)].map((part) => plain.prepare(part))
    await floor.take('bytes given', () => {
      for (const part of prepared)
        plain.create(
          part.map(() => ({})),
          part,
        )
    })
    plain.store.close()
  }

  async #sync(times: Times, from: Database, to: Database): Promise<void> {
    await times.take('sync', async () => {
      await to.sync(from)
    })
    const readable = await to.collection<PackageRecord>('packages').find().count()
    if (readable !== this.#records.length) throw new Error(`After the sync ${readable} documents are readable`)
  }

  #syncFloor(times: Times, plain: Floor): void {
    const target = this.#store()
    const start = performance.now()
    const documents = syncFloor(plain.store, target)
    times.add('sync', performance.now() - start)
    target.close()
    if (documents !== this.#records.length) throw new Error(`The floor synced ${documents} documents`)
  }

  #store(): FloorStore {
    return new FloorStore(`${this.#folders.next()}.sqlite`, this.#layout, this.#pageKey)
  }
}

export async function logWorkload(encrypted: boolean): Promise<Report> {
  using folders = new Folders()
  const run = new Run(folders, await engineLayout(folders.next()), encrypted)
  await run.round(false)
  for (let round = 0; round < rounds; round++) await run.round(true)
  const { engine, floor } = run
  const figure = (name: string, key: string): Figure => ({
    name,
    value: engine.median(key),
    unit: 'ms',
    floor: floor.median(key),
    most,
  })
  return {
    workload: encrypted ? 'encrypted' : 'log',
    title: `20,000 package records, sealed, signed, on disk${encrypted ? ', pages encrypted' : ''}`,
    figures: [
      figure('createMany in commits of 1,000', 'create'),
      {
        name: 'the same, bodies and heads given to the floor',
        value: engine.median('create'),
        unit: 'ms',
        floor: floor.median('bytes given'),
      },
      figure('patch of one attribute of each, 1,000 un-awaited', 'patch'),
      figure('patch of one attribute of each, transactions of 1,000', 'transact'),
      figure('2,000 awaited creates, a transaction each', 'single'),
      figure('1,000 un-awaited creates', 'concurrent'),
      { name: 'commits of 1,000 un-awaited creates', value: run.commits, unit: 'commits', most: 20 },
      figure('sync of 20,000 documents into an empty replica', 'sync'),
    ],
  }
}
