/** Small files beside the stores, replaced as a whole: temporary name, fsync, rename, fsync of the folder. */

import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { VarveError } from 'varve/engine'
import { syncFolder, writeDurable } from '../durable.ts'

/** At once, like opening a store: a turn of the event loop takes longer than the folder. */
export async function makeFolder(path: string): Promise<void> {
  await onDisk(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }))
}

/** The file's bytes; null when absent. */
export function readSmall(path: string): Promise<Uint8Array | null> {
  return onDisk(path, () => {
    try {
      return new Uint8Array(readFileSync(path))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
      throw error
    }
  })
}

/** A crash leaves the old file or the new one. */
export function writeSmall(path: string, bytes: Uint8Array): Promise<void> {
  return onDisk(path, async () => {
    const temporary = `${path}.tmp-${randomBytes(6).toString('hex')}`
    try {
      await writeDurable(temporary, bytes)
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    await syncFolder(dirname(path))
  })
}

/** Runs `work` and gives its failures as `STORE_FAILED`, naming the file and not its folder. */
export async function onDisk<T>(path: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const file = basename(path)
    throw new VarveError('STORE_FAILED', `"${file}" cannot be read or written: check the disk and its permissions`, {
      cause,
      details: { file },
    })
  }
}
