/** The documents of the benchmarks: real package records, the peers' workload, and small documents, made from a seed. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { isRecord } from './json.ts'

/** One record of Debian's package index; about 470 bytes of JSON. */
export type PackageRecord = Readonly<Record<string, unknown>>

/** The 20,000 records that the tour imports. */
export function packageRecords(): readonly PackageRecord[] {
  const file = join(import.meta.dirname, '../../packages/cli/data/debian-packages.jsonl.gz')
  return gunzipSync(readFileSync(file))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const record: unknown = JSON.parse(line)
      if (!isRecord(record)) throw new Error('A line of the package records is not an object')
      return record
    })
}

/** The record with this number, beginning anew after the last, without an id: a document of its own each time. */
export function recordOf(records: readonly PackageRecord[], no: number): PackageRecord {
  const fields = Object.entries(records[no % records.length] ?? {}).filter(([name]) => name !== 'id')
  return { ...Object.fromEntries(fields), no }
}

/** The document that the peers' workload creates; its title has 40 characters. */
export interface Task {
  readonly type: string
  readonly title: string
  readonly done: boolean
  readonly priority: number
  readonly due: string
  readonly tags: readonly string[]
}

export function tasks(count: number): readonly Task[] {
  const next = numbers(7)
  return Array.from({ length: count }, (_, i) => ({
    type: 'task',
    title: letters(next, 40),
    done: false,
    priority: Math.floor(next() * 5) + 1,
    due: new Date(Date.UTC(2026, 0, 1) + i * 61_000).toISOString(),
    tags: [letters(next, 6), letters(next, 6), letters(next, 6)],
  }))
}

/** Five fields, 150 bytes of JSON on average. */
export interface Reading {
  readonly device: string
  readonly place: string
  readonly at: string
  readonly value: number
  readonly note: string
}

/** The small document with this number: the same one in every run. */
export function reading(no: number): Reading {
  const next = numbers(no + 1)
  return {
    device: `sensor-${no % 977}`,
    place: `hall ${no % 31}, shelf ${no % 113}`,
    at: new Date(Date.UTC(2026, 0, 1) + no * 1000).toISOString(),
    value: Math.round(next() * 100_000) / 100,
    note: letters(next, 43),
  }
}

/** A repeatable sequence of numbers below 1 (mulberry32). */
export function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Made at once, because text put together letter by letter stays a tree of its letters in memory. */
function letters(next: () => number, length: number): string {
  return String.fromCharCode(...Array.from({ length }, () => 97 + Math.floor(next() * 26)))
}
