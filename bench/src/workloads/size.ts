/** Bytes on disk for each small document, and where they go. */

import Database from 'libsql'
import { asNumber, asText, isList } from '../json.ts'
import type { Report } from '../result.ts'
import { folderBytes, Folders, largestFile } from '../files.ts'
import { reopen } from '../world.ts'
import { inChild } from '../spawn.ts'
import { reading } from '../data.ts'

const documents = 100_000
const most = 700

/** Tables and indexes, as the file itself counts its pages. */
function pageLines(path: string): readonly string[] {
  const database = new Database(path)
  const sql = `SELECT name, sum(pgsize), sum(payload), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC`
  const rows: readonly unknown[] = database.prepare(sql).raw().all([])
  database.close()
  const per = (bytes: unknown): string => (asNumber(bytes) / documents).toFixed(1).padStart(9)
  const lines = rows.flatMap((row) => {
    if (!isList(row) || asNumber(row[1]) < documents) return []
    const table = asText(row[0]).replace('sqlite_autoindex_documents_1', 'documents, index of tags')
    return [`${table.padEnd(28)} ${per(row[1])} ${per(row[2])} ${per(row[3])}`]
  })
  return [
    `${'bytes for each document'.padEnd(28)} ${'pages'.padStart(9)} ${'cells'.padStart(9)} ${'free'.padStart(9)}`,
    ...lines,
  ]
}

export async function sizeWorkload(): Promise<Report> {
  using folders = new Folders()
  const dir = folders.next()
  inChild('import', dir, String(documents))
  const bytes = folderBytes(dir)
  const tenant = await reopen(dir)
  const stats = await (await tenant.database('bench')).stats()
  await tenant.close()
  const json = Array.from({ length: 1000 }, (_, i) => JSON.stringify(reading(i)).length).reduce((a, b) => a + b) / 1000
  const per = (sum: number): string => (sum / documents).toFixed(1).padStart(9)
  return {
    workload: 'size',
    title: `100,000 small documents of five fields and ${json.toFixed(0)} bytes of JSON`,
    figures: [
      { name: 'bytes on disk for each document, everything included', value: bytes / documents, unit: 'bytes', most },
    ],
    lines: [
      ...pageLines(largestFile(dir)),
      '',
      `headers of commits ${per(stats.bytes.headers)}   sealed bodies ${per(stats.bytes.bodies)}   heads ${per(stats.bytes.heads)}`,
    ],
  }
}
