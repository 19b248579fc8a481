/** A database of package records, the real ones or many made of them, with and without an index. */

import { copyFileSync } from 'node:fs'
import type { Collection, Tenant } from 'varve'
import { numbers, packageRecords, type PackageRecord } from '../data.ts'
import { largestFile } from '../files.ts'
import { found, reopen } from '../world.ts'

const batch = 1000
const indexes = [['section', 'installedSize']]

export interface Packages {
  readonly tenant: Tenant
  readonly packages: Collection<PackageRecord>
}

async function packagesOf(tenant: Tenant, indexed: boolean): Promise<Packages> {
  const database = await tenant.database('bench')
  return { tenant, packages: database.collection<PackageRecord>('packages', indexed ? { indexes } : {}) }
}

/** The real records first, then others like them with other names and sizes. */
function* records(count: number): Generator<PackageRecord> {
  const real = packageRecords()
  const next = numbers(5)
  for (let i = 0; i < count; i++) {
    const record = real[i % real.length] ?? {}
    yield i < real.length ? record : { ...record, name: `package-${i}`, installedSize: Math.floor(next() * 100_000) }
  }
}

export async function importPackages(dir: string, count: number, indexed: boolean): Promise<null> {
  const { tenant, packages } = await packagesOf(await found(dir), indexed)
  let part: PackageRecord[] = []
  for (const record of records(count)) {
    part.push(record)
    if (part.length < batch) continue
    await packages.createMany(part)
    part = []
  }
  if (part.length > 0) await packages.createMany(part)
  await tenant.close()
  return null
}

export async function openPackages(dir: string, indexed: boolean): Promise<Packages> {
  return packagesOf(await reopen(dir), indexed)
}

/** A copy of the store of a closed database, for SQL by hand: the store itself has one opener. */
export function copyOf(dir: string): string {
  const path = `${dir}-copy.sqlite`
  copyFileSync(largestFile(dir), path)
  return path
}
