/** Flipping single bytes in copies of a data folder, and where Varve says that something is wrong. */

import { closeSync, cpSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isVarveError, type Database, type Tenant } from 'varve'
import type { FoundFile } from './folder.ts'

export interface Flip {
  readonly file: string
  readonly at: number
  /** When it came to light. */
  readonly by: 'opening' | 'verify' | 'nothing'
  /** What Varve said first. */
  readonly where: string
  /** Nothing was reported, and the log and all documents are proven to be unchanged. */
  readonly harmless: boolean
}

export interface Target {
  readonly file: FoundFile
  /** Offsets of the bytes to flip, each in a copy of its own. */
  readonly offsets: readonly number[]
}

const pageBytes = 4096

export interface TamperJob {
  /** The folder that is copied and never touched. */
  readonly from: string
  /** The files of it that a copy needs. */
  readonly files: readonly FoundFile[]
  /** Scratch folder; gone afterwards. */
  readonly to: string
  readonly database: string
  open(dir: string): Promise<Tenant>
}

/** `n` places spread over a file and over the inside of its pages, away from its very ends. */
export function spread(size: number, n: number): readonly number[] {
  const pages = Math.floor(size / pageBytes)
  return Array.from({ length: n }, (_, i) => {
    return Math.floor((pages * (i + 0.5)) / n) * pageBytes + ((901 + i * 1279) % pageBytes)
  })
}

/** One copy, one flipped byte, one look at it, for every offset. */
export async function tamper(job: TamperJob, targets: readonly Target[]): Promise<readonly Flip[]> {
  let original: Look | null = null
  const flips: Flip[] = []
  for (const { file, offsets } of targets) {
    for (const at of offsets) {
      copy(job)
      flipByte(join(job.to, basename(file.path)), at)
      const { by, where, state } = await look(job)
      if (by === 'nothing' && original === null) {
        copy(job)
        original = await look(job)
      }
      flips.push({ file: file.name, at, by, where, harmless: by === 'nothing' && state === original?.state })
    }
  }
  rmSync(job.to, { recursive: true, force: true })
  return flips
}

function copy({ files, to }: TamperJob): void {
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true, mode: 0o700 })
  for (const { path, name } of files) cpSync(path, join(to, name))
}

function flipByte(path: string, at: number): void {
  const file = openSync(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    readSync(file, byte, 0, 1, at)
    byte.writeUInt8(byte.readUInt8(0) ^ 1)
    writeSync(file, byte, 0, 1, at)
  } finally {
    closeSync(file)
  }
}

interface Look {
  readonly by: Flip['by']
  readonly where: string
  /** All commits and all documents, when nothing was found wrong. */
  readonly state: string
}

async function look(job: TamperJob): Promise<Look> {
  let tenant: Tenant
  let database: Database
  try {
    tenant = await job.open(job.to)
  } catch (error) {
    return { by: 'opening', where: messageOf(error), state: '' }
  }
  try {
    database = await tenant.database(job.database)
  } catch (error) {
    await closeQuietly(tenant)
    return { by: 'opening', where: messageOf(error), state: '' }
  }
  try {
    const report = await database.verify()
    const [first] = report.problems
    if (first !== undefined) return { by: 'verify', where: first.where, state: '' }
    return { by: 'nothing', where: '', state: await stateOf(database) }
  } finally {
    await closeQuietly(tenant)
  }
}

async function stateOf(database: Database): Promise<string> {
  const parts: string[] = []
  for await (const { feed, seq, id, record } of database.commits()) parts.push(`${feed} ${seq} ${id} ${record}`)
  for (const name of database.collections()) {
    for await (const doc of database.collection(name).find().includeDeleted()) parts.push(JSON.stringify(doc))
  }
  return parts.join('\n')
}

function messageOf(error: unknown): string {
  if (isVarveError(error)) return error.message
  throw error
}

/** A damaged copy may not close well, which is of no interest. */
async function closeQuietly(tenant: Tenant): Promise<void> {
  try {
    await tenant.close()
  } catch (error) {
    messageOf(error)
  }
}

/** What was found, without what to do about it, and ids as a person wants to see them. */
export function summary(text: string): string {
  return text
    .replaceAll(/\b([0-9a-f]{8})[0-9a-f]{24,}(\.sqlite)?/g, '$1…')
    .replace(/: (?:restore|copy|the (?:file|bytes)) .*/, '')
}
