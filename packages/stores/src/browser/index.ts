/** `@varve/stores/browser`: stores as SQLite files in the origin's private file system, for the worker that has the engine. */

import {
  checkFileName,
  checkPageKey,
  checkStoreName,
  recent,
  smallFiles,
  systemEnv,
  VarveError,
  type Env,
  type StoreProvider,
} from 'varve/engine'
import { SqliteStore, sqliteSupports } from '../sqlite/sqlite-store.ts'
import { openFolder, readFile, removeEntry, writeFile } from './folder.ts'
import { openStore } from './open.ts'
import { Pool } from './pool.ts'
import { loadSqlite } from './wasm.ts'

export interface BrowserOptions {
  /** One folder of this origin for each user and server: letters, digits, `-` and `_`. */
  readonly name: string
  /** Where `sqlite3.wasm` of `@evolu/sqlite-wasm` is served; beside the worker's script when left out. */
  readonly wasmUrl?: string
  /** Milliseconds to wait for another worker that is ending; 10,000 by default. */
  readonly waitMs?: number
  readonly env?: Env
}

/** A folder as this worker has it, however many providers name it. */
interface Folder {
  readonly inUse: Set<string>
  pool: Promise<Pool> | null
}

const folders = new Map<string, Folder>()

function folderOf(name: string): Folder {
  const folder = folders.get(name) ?? { inUse: new Set(), pool: null }
  folders.set(name, folder)
  return folder
}

/** Stores of this browser. Files are only given to workers: in a page `open` throws `UNSUPPORTED`. */
export function browser({ name, wasmUrl, waitMs = 10_000, env = systemEnv() }: BrowserOptions): StoreProvider {
  if (!/^[\w-]{1,100}$/.test(name))
    throw new VarveError('INVALID', `"${name}" cannot name a folder: use letters, digits, "-" and "_"`)
  const path = ['varve', name]
  const own = folderOf(name)
  const { inUse } = own
  const files = (): Promise<Pool> => {
    own.pool ??= loadSqlite(wasmUrl).then(
      (sqlite3) => new Pool({ sqlite3, directory: [...path, 'files'].join('/'), env, waitMs }),
    )
    return own.pool
  }
  return {
    supports: sqliteSupports,
    async open(store, options) {
      checkStoreName(store)
      const pageKey = checkPageKey(options.pageKey)
      if (inUse.has(store))
        throw new VarveError('LOCKED', `"${store}.sqlite" is open already: close it first`, { details: { store } })
      inUse.add(store)
      let leave = async (): Promise<void> => undefined
      try {
        const [sqlite3, folder, held] = [await loadSqlite(wasmUrl), await openFolder([...path, 'small']), await files()]
        await held.enter()
        leave = () => held.leave()
        const { close, ...opened } = await openStore({ sqlite3, vfs: held.vfs, folder, name: store, pageKey })
        const release = (): void => {
          close()
          inUse.delete(store)
          void leave()
        }
        return recent(new SqliteStore({ ...opened, release }))
      } catch (error) {
        inUse.delete(store)
        await leave()
        throw error
      }
    },
    async readFile(file) {
      return readFile(await openFolder([...path, 'small']), checkFileName(file))
    },
    async writeFile(file, bytes) {
      await writeFile(await openFolder([...path, 'small']), checkFileName(file), Uint8Array.from(bytes))
    },
    async destroy() {
      await (await files()).wipe()
      const small = await openFolder([...path, 'small'])
      for await (const entry of small.keys()) if (entry.endsWith('.key')) await removeEntry(small, entry)
      for (const file of smallFiles) await removeEntry(small, file)
    },
  }
}
