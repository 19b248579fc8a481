/** A thousand tenants on one hub: what those cost that nobody uses, and the first request of one. */

import { mkdirSync } from 'node:fs'
import { Folders } from '../files.ts'
import { onEach, postgresql, type RunningEngine } from '../hub/engines.ts'
import { HubProcess } from '../hub/process.ts'
import { median, percentile } from '../measure.ts'
import type { Figure, Report } from '../result.ts'
import { part } from '../sync/sizes.ts'

const count = part(1000, 50)
const tenants = Array.from({ length: count }, (_, i) => `tenant-${i}`)
/** Tenants that are asked when the hub is warm, after some that warm it up. */
const warmUp = part(100, 10)
/** Founding one on PostgreSQL makes a schema with its tables: fewer say as much of connections. */
const founded = part(40, 5)
const openPlacements = 20

export async function hubTenantsWorkload(): Promise<Report> {
  using folders = new Folders()
  const sqlite = await onSqlite(folders)
  const postgres = await onEach([postgresql], (engine, running) => onPostgres(running, engine.byHand, folders))
  return {
    workload: 'hub-tenants',
    title: `${count.toLocaleString('en')} tenants on one hub`,
    figures: [...sqlite, ...postgres],
  }
}

async function onSqlite(folders: Folders): Promise<readonly Figure[]> {
  const dir = folders.next()
  mkdirSync(dir)
  const shape = { url: `sqlite:${dir}`, folder: folders.next(), openPlacements }
  {
    await using founding = await HubProcess.start({ ...shape, tenants })
    await founding.first(tenants)
  }
  await using few = await HubProcess.start({ ...shape, tenants: tenants.slice(0, 1) })
  await using hub = await HubProcess.start({ ...shape, tenants })
  const [one, cold] = [await few.memory(), await hub.memory()]
  await hub.first(tenants.slice(0, warmUp))
  const times = await hub.first(tenants.slice(warmUp))
  const used = await hub.memory()
  const each = (mb: number): number => (mb * 1e6) / (count - 1)
  return [
    {
      name: 'heap for each tenant that nobody uses',
      value: each(cold.heapMb - one.heapMb),
      unit: 'bytes',
      most: 10_000,
    },
    { name: `resident with ${openPlacements} of them open, after all were used`, value: used.residentMb, unit: 'MB' },
    { name: 'resident before any was used', value: cold.residentMb, unit: 'MB' },
    { name: 'first request of a tenant on SQLite, median', value: median(times), unit: 'ms', most: 50 },
    {
      name: 'first request of a tenant on SQLite, 99th percentile',
      value: percentile(times, 99),
      unit: 'ms',
      most: 50,
    },
  ]
}

async function onPostgres(
  { url }: RunningEngine,
  byHand: (typeof postgresql)['byHand'],
  folders: Folders,
): Promise<readonly Figure[]> {
  const hand = await byHand(url, 1)
  try {
    const shape = { url, folder: folders.next(), openPlacements }
    {
      await using founding = await HubProcess.start({ ...shape, tenants })
      await founding.first(tenants.slice(0, founded))
    }
    await using hub = await HubProcess.start({ ...shape, tenants })
    const others = async (): Promise<number> => (await hand.open()) - 1
    const cold = await others()
    const times = await hub.first(tenants.slice(0, founded))
    return [
      { name: 'connections to PostgreSQL while nobody uses a tenant', value: cold, unit: 'connections', most: 0 },
      { name: `connections after ${founded} were used`, value: await others(), unit: 'connections', most: 11 },
      { name: 'first request of a tenant on PostgreSQL, median', value: median(times), unit: 'ms' },
    ]
  } finally {
    await hand.stop()
  }
}
