/** What comes with the sample data of `varve start`: indexes, search and counters on the first device, and files to try. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Collection, CounterRule, Database, ViewDefinition } from 'varve'
import type { Row } from '../options.ts'

/** By section the largest first, and full-text search in which names count three times. */
export function sampleCollection(database: Database): Collection<Row> {
  return database.collection<Row>('packages', {
    indexes: [['section', 'installedSize']],
    search: { fields: { name: { weight: 3 }, description: {} } },
  })
}

export const sampleRules: readonly CounterRule[] = [
  {
    name: 'large',
    on: ['CREATE'],
    when: { installedSize: { $gte: 100_000 } },
    countUnique: ['section'],
    measure: { path: 'installedSize', stats: ['sum', 'median', 'max'] },
  },
  { name: 'changes', on: ['UPDATE'], countUnique: ['name'], buckets: { hour: 24 } },
]

const sampleView: ViewDefinition = {
  name: 'packages by section',
  sources: [{ database: 'main', collection: 'packages' }],
  categories: [
    { name: 'section', value: 'section' },
    { name: 'priority', value: 'priority' },
  ],
  sort: [{ value: 'installedSize', order: 'desc' }],
  columns: [{ name: 'KiB', value: 'installedSize', totals: ['sum', 'average', 'max'] }],
}

/** Files that other devices take their view and their rules from. */
export interface SampleFiles {
  readonly view: string
  readonly rules: string
}

/** Writes the files that are not there; what was edited stays. */
export function writeSampleFiles(dir: string): SampleFiles {
  const files = { view: join(dir, 'sections.json'), rules: join(dir, 'rules.json') }
  mkdirSync(dir, { recursive: true })
  writeNew(files.view, sampleView)
  writeNew(files.rules, sampleRules)
  return files
}

function writeNew(path: string, value: unknown): void {
  if (!existsSync(path)) writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
}
