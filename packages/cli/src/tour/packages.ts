/** Importing the real package records, where their bytes go, and queries over them. */

import type { Readable } from 'node:stream'
import type { Collection, Database, DatabaseStats, Filter } from 'varve'
import { importLines, type Imported } from '../import.ts'
import type { Row } from '../options.ts'
import { timed } from './story.ts'

const packageIndexes: readonly string[] = ['section', 'installedSize']

export interface PackageImport extends Imported {
  readonly ms: number
}

export function packagesOf(database: Database): Collection<Row> {
  return database.collection<Row>('packages', { indexes: packageIndexes })
}

export async function importPackages(packages: Collection<Row>, input: Readable): Promise<PackageImport> {
  const write = { reason: 'Debian 12 package index' }
  const [imported, ms] = await timed(() =>
    importLines(packages, input, { name: 'the package records', id: 'name', write }),
  )
  return { ...imported, ms }
}

/** Where the bytes of a closed database file went; each is a sum over the file. */
export interface ByteShare {
  readonly what: string
  readonly bytes: number
}

export function byteShares(stats: DatabaseStats, file: number): readonly ByteShare[] {
  const { headers, bodies, heads } = stats.bytes
  return [
    { what: 'log: sealed changes', bytes: bodies },
    { what: 'log: commit headers', bytes: headers },
    { what: 'present state, for queries', bytes: heads },
    { what: 'indexes, versions, pages', bytes: file - headers - bodies - heads },
  ]
}

export interface QueryRun {
  readonly text: string
  readonly found: number
  readonly ms: number
  /** Path of the index that was read; null for a scan. */
  readonly index: string | null
}

/** Runs a query twice and times the second, when code and pages are warm. */
export async function runQuery(packages: Collection<Row>, filter: Filter<Row>): Promise<QueryRun> {
  const query = packages.find(filter)
  await query.toArray()
  const [found, ms] = await timed(() => query.toArray())
  return { text: JSON.stringify(filter), found: found.length, ms, index: (await query.explain()).path }
}

export function largest(packages: Collection<Row>, section: string, limit: number): Promise<readonly Row[]> {
  return packages.find({ section }).sort({ installedSize: -1 }).limit(limit).toArray()
}
