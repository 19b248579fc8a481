/** What is in a store's file, table by table, to hold a floor against the engine. */

import Database from 'libsql'
import { expect } from 'vitest'

const bytesOf: Readonly<Record<string, string>> = {
  commits: 'id',
  payloads: 'header || bodies',
  receipts: 'bytes',
  documents: 'tag || state',
  entries: 'document || place || idx',
}

/** Rows and bytes of each table of one file. */
function contents(path: string): Readonly<Record<string, readonly [number, number]>> {
  const database = new Database(path)
  const counted = Object.entries(bytesOf).map(([table, columns]) => {
    const row: unknown = database.prepare(`SELECT count(*), sum(octet_length(${columns})) FROM ${table}`).raw().get([])
    const [rows, bytes] = Array.isArray(row) ? row.map(Number) : []
    return [table, [rows ?? 0, bytes ?? 0]] as const
  })
  database.close()
  return Object.fromEntries(counted)
}

/** The same rows in every table, and bytes that differ by less than five percent. */
export function expectAlike(floor: string, engine: string): void {
  const [plain, made] = [contents(floor), contents(engine)]
  for (const [table, [rows, bytes]] of Object.entries(made)) {
    const [floorRows, floorBytes] = plain[table] ?? [0, 0]
    const share = floorBytes / bytes
    expect({ table, rows: floorRows, alike: share > 0.95 && share < 1.05 }).toEqual({ table, rows, alike: true })
  }
}
