/** The committed run: what it was measured on, and its reports by workload. */

import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { isList, isRecord } from './json.ts'
import type { Report } from './result.ts'

export interface Baseline {
  readonly machine: Readonly<Record<string, string | number>>
  readonly reports: readonly Report[]
}

const file = join(import.meta.dirname, '../baseline.json')

export function machine(): Baseline['machine'] {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    system: `${platform()} ${release()}`,
    node: process.version,
    // Above the number of cores, other work was running: compare ratios only.
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    date: new Date().toISOString().slice(0, 10),
  }
}

/** Null when there is none yet. */
export function readBaseline(): Baseline | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return null
  }
  const value: unknown = JSON.parse(text)
  return isBaseline(value) ? value : null
}

/** Replaces the reports of these workloads and keeps the others. */
export function saveBaseline(reports: readonly Report[]): void {
  const kept = (readBaseline()?.reports ?? []).filter((old) =>
    reports.every((fresh) => fresh.workload !== old.workload),
  )
  const all: Baseline = { machine: machine(), reports: [...kept, ...reports] }
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
  writeFileSync(file, `${JSON.stringify(all, rounded, 2)}\n`)
}

export function isReport(value: unknown): value is Report {
  return isRecord(value) && typeof value['workload'] === 'string' && isList(value['figures'])
}

function isBaseline(value: unknown): value is Baseline {
  return isRecord(value) && isRecord(value['machine']) && isList(value['reports']) && value['reports'].every(isReport)
}
