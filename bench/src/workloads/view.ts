/** A view of the package records in three levels with totals: built, following a change, saved and loaded. */

import { readdirSync } from 'node:fs'
import Sqlite from 'libsql'
import { openView, type Collection, type Tenant, type View, type ViewDefinition } from 'varve'
import { packageRecords, type PackageRecord } from '../data.ts'
import { Folders, largestFile, slices } from '../files.ts'
import { asText, isList, isRecord } from '../json.ts'
import { Times } from '../measure.ts'
import type { Report } from '../result.ts'
import { found, reopen } from '../world.ts'

const rounds = 5
const changes = 200
const page = 50

const definition: ViewDefinition = {
  name: 'packages',
  sources: [{ database: 'bench', collection: 'packages' }],
  categories: [
    { value: 'section', name: 'section' },
    { value: 'priority', name: 'priority' },
    { value: { lower: { substr: ['name', 0, 1] } }, name: 'letter' },
  ],
  sort: [{ value: 'installedSize', order: 'desc' }],
  columns: [
    { name: 'name', value: 'name' },
    { name: 'installed', value: 'installedSize', totals: ['sum', 'average', 'min', 'max'] },
    { name: 'kind', value: { if: [{ gt: ['installedSize', 10_000] }, { const: 'large' }, { const: 'small' }] } },
  ],
}

/** What a view cannot do without: every head read and decoded, by hand. */
function readHeads(dir: string): number {
  const database = new Sqlite(largestFile(dir))
  const rows: readonly unknown[] = database.prepare('SELECT state FROM documents WHERE no > 4294967296').raw().all([])
  let documents = 0
  for (const row of rows) {
    const head: unknown = JSON.parse(asText(isList(row) ? row[0] : null))
    if (isList(head) && isRecord(head[15])) documents++
  }
  database.close()
  return documents
}

async function takeBuild(times: Times, tenant: Tenant): Promise<View> {
  let view: View | null = null
  await times.take('build', async () => {
    view = await openView(tenant, definition)
    if (view.totals.documents < 20_000) throw new Error(`The view has ${view.totals.documents} documents`)
  })
  if (view === null) throw new Error('There is no view')
  return view
}

/** Writes that no view follows. */
async function takeWrites(times: Times, view: View, docs: Collection<PackageRecord>, ids: readonly string[]) {
  view.close()
  for (let no = 0; no < changes; no++) {
    const id = ids[(no * 7919) % ids.length] ?? ''
    const start = performance.now()
    await docs.patch(id, { installedSize: no, section: no % 2 === 0 ? 'libs' : 'admin' })
    times.add('write', performance.now() - start)
  }
}

/** The same from the write until its rows are there, and what reading costs then. */
async function takeFollowing(times: Times, view: View, docs: Collection<PackageRecord>, ids: readonly string[]) {
  for (let no = 0; no < changes; no++) {
    const id = ids[(no * 7907) % ids.length] ?? ''
    const start = performance.now()
    await docs.patch(id, { installedSize: no, section: no % 2 === 0 ? 'games' : 'utils' })
    await view.refresh()
    times.add('followed', performance.now() - start)
    const read = performance.now()
    if (view.totals.documents < 20_000) throw new Error('Documents are missing')
    times.add('totals', performance.now() - read)
    const paged = performance.now()
    if (view.rows({ from: (no * 97) % 20_000, limit: page }).length !== page) throw new Error('Rows are missing')
    times.add('page', performance.now() - paged)
  }
}

async function round(times: Times, folders: Folders): Promise<void> {
  const dir = folders.next()
  const tenant = await found(dir)
  const database = await tenant.database('bench')
  const docs = database.collection<PackageRecord>('packages')
  const ids: string[] = []
  for (const part of slices(packageRecords(), 1000)) for (const { id } of await docs.createMany(part)) ids.push(id)
  await tenant.close()
  await times.take('floor', () => {
    if (readHeads(dir) !== ids.length) throw new Error('Heads are missing')
  })
  const again = await reopen(dir)
  const open = await again.database('bench')
  const records = open.collection<PackageRecord>('packages')
  const view = await takeBuild(times, again)
  await takeFollowing(times, view, records, ids)
  await times.take('save', () => view.save())
  await records.patch(ids[0] ?? '', { installedSize: 1 })
  await times.take('save again', () => view.save())
  await takeWrites(times, view, records, ids)
  await again.close()
  if (!readdirSync(dir).some((file) => file.startsWith('view-'))) throw new Error('The view was not saved')
  const last = await reopen(dir)
  await last.database('bench')
  await times.take('load', async () => void (await openView(last, definition)))
  await last.close()
}

export async function viewWorkload(): Promise<Report> {
  using folders = new Folders()
  await round(new Times(), folders)
  const times = new Times()
  for (let i = 0; i < rounds; i++) await round(times, folders)
  const build = times.median('build')
  return {
    workload: 'view',
    title: '20,000 package records in a view of three levels, with totals',
    figures: [
      {
        name: 'build, against reading and decoding all heads',
        value: build,
        unit: 'ms',
        floor: times.median('floor'),
        aim: 4,
      },
      { name: 'build', value: 20_000 / (build / 1000), unit: 'docs/s' },
      {
        name: 'rows after one change, against the build',
        value: times.median('followed') - times.median('write'),
        unit: 'ms',
        floor: build,
        most: 0.001,
      },
      { name: 'totals after one change', value: times.median('totals') * 1000, unit: 'µs' },
      { name: 'a page of 50 rows anywhere', value: times.median('page') * 1000, unit: 'µs' },
      { name: 'save', value: times.median('save'), unit: 'ms' },
      { name: 'save after one change', value: times.median('save again'), unit: 'ms' },
      {
        name: 'opening it saved, with 200 changes since, against the build',
        value: times.median('load'),
        unit: 'ms',
        floor: build,
      },
    ],
  }
}
