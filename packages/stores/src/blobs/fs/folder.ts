/** The folder of an object storage: writes objects whole and durably, and follows no link out of it. */

import { randomBytes } from 'node:crypto'
import { link, lstat, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BlobInfo } from 'varve/engine'
import { syncFolder, writeDurable } from '../../durable.ts'
import { hasCode, onFile } from './errors.ts'
import { pathOf, placeOf, temporaryName } from './names.ts'

/** Milliseconds after which a temporary file is what a crash left. */
const abandonedMs = 24 * 60 * 60 * 1000

export class Folder {
  readonly #dir: string
  #root: Promise<string> | null = null
  /** Folders whose names are known to be on the disk. */
  readonly #synced = new Set<string>()

  constructor(dir: string) {
    this.#dir = dir
  }

  /** The folder's real path; made when it is not there. A failure is tried again by the next call. */
  root(): Promise<string> {
    this.#root ??= this.#make().catch((error: unknown) => {
      this.#root = null
      throw error
    })
    return this.#root
  }

  async put(key: string, bytes: Uint8Array, ifAbsent: boolean, signal: AbortSignal | null): Promise<boolean> {
    const root = await this.root()
    return onFile(key, async () => {
      const place = placeOf(key)
      const path = pathOf(root, place)
      const temporary = join(root, temporaryName, randomBytes(12).toString('hex'))
      try {
        await writeDurable(temporary, bytes)
        const folder = await this.#folderOf(root, place.folder)
        signal?.throwIfAborted()
        if (ifAbsent && !(await linked(temporary, path))) return false
        if (!ifAbsent) await rename(temporary, path)
        await syncFolder(folder)
        return true
      } finally {
        await rm(temporary, { force: true })
      }
    })
  }

  /** What `read` makes of the object's path; null when there is none. */
  async read<T>(key: string, read: (path: string) => Promise<T>): Promise<T | null> {
    const root = await this.root()
    return onFile(key, async () => {
      const path = pathOf(root, placeOf(key))
      try {
        await this.#assertInside(dirname(path))
        return await read(path)
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return null
        throw error
      }
    })
  }

  info(key: string): Promise<BlobInfo | null> {
    return this.read(key, async (path) => {
      const { size, mtimeMs } = await lstat(path)
      return { key, size, at: Math.floor(mtimeMs) }
    })
  }

  async delete(key: string): Promise<void> {
    await this.read(key, async (path) => {
      await rm(path)
      await syncFolder(dirname(path))
    })
  }

  async #make(): Promise<string> {
    return onFile('', async () => {
      const made = await mkdir(join(this.#dir, temporaryName), { recursive: true, mode: 0o700 })
      const root = await realpath(this.#dir)
      if (made === undefined) await removeAbandoned(join(root, temporaryName))
      else await syncNames(join(root, temporaryName), dirname(await realpath(made)))
      return root
    })
  }

  /** Path of a folder below the root, made and on the disk. */
  async #folderOf(root: string, pieces: readonly string[]): Promise<string> {
    const path = join(root, ...pieces)
    if (this.#synced.has(path)) return path
    await mkdir(path, { recursive: true, mode: 0o700 })
    await this.#assertInside(path)
    await syncNames(path, root)
    this.#synced.add(path)
    return path
  }

  /** Keys cannot lead out of the folder, but links that somebody put there could. */
  async #assertInside(path: string): Promise<void> {
    if ((await realpath(path)) !== path) throw new Error('a link leads out of the folder')
  }
}

/** False when something has this name already. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Puts the names of `path` and the folders above it, up to those that stand in `top`, on the disk. */
async function syncNames(path: string, top: string): Promise<void> {
  for (let each = path; each !== top; each = dirname(each)) await syncFolder(dirname(each))
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    try {
      const { mtimeMs } = await stat(path)
      if (Date.now() - mtimeMs > abandonedMs) await rm(path, { force: true })
    } catch (error) {
      // Another process put it in place, or removed it.
      if (!hasCode(error, 'ENOENT')) throw error
    }
  }
}
