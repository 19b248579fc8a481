/** The SQLite adapter: the embedded default of library and server, one file per store. */

import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { checkFileName, checkPageKey, checkStoreName, recent, VarveError, type StoreProvider } from 'varve/engine'
import { makeFolder, readSmall, writeSmall } from './files.ts'
import { removeAll } from './remove.ts'
import { openFile, type Synchronous } from './open.ts'
import { SqliteStore, sqliteSupports } from './sqlite-store.ts'

export interface SqliteOptions {
  /** Folder of the stores and small files; created, for its owner only, when absent. */
  readonly dir: string
  /**
   * `NORMAL` (default): an answered write survives the death of the process; the last ones before a
   * power cut may be lost, never torn. `FULL`: it survives a power cut too, at the cost of a disk sync per write.
   */
  readonly synchronous?: Synchronous
}

/** Files open in this process: reading one while it is open would drop the locks SQLite holds on it. */
const inUse = new Set<string>()

/** Stores as SQLite files `<name>.sqlite` in one folder. */
export function sqlite({ dir, synchronous = 'NORMAL' }: SqliteOptions): StoreProvider {
  return {
    supports: sqliteSupports,
    async open(name, options) {
      checkStoreName(name)
      const pageKey = checkPageKey(options.pageKey)
      await makeFolder(dir)
      const path = join(realpathSync(dir), `${name}.sqlite`)
      if (inUse.has(path)) {
        throw new VarveError('LOCKED', `"${name}.sqlite" is open already: close it first`, { details: { store: name } })
      }
      inUse.add(path)
      const done = (): void => void inUse.delete(path)
      try {
        const opened = openFile({ path, name, pageKey, synchronous })
        const release = (): void => {
          try {
            opened.release()
          } finally {
            done()
          }
        }
        return recent(new SqliteStore({ ...opened, release }))
      } catch (error) {
        done()
        throw error
      }
    },
    readFile: async (name) => readSmall(join(dir, checkFileName(name))),
    async writeFile(name, bytes) {
      const path = join(dir, checkFileName(name))
      await makeFolder(dir)
      await writeSmall(path, bytes)
    },
    async destroy() {
      if (!existsSync(dir)) return
      const folder = realpathSync(dir)
      const open = [...inUse].find((path) => dirname(path) === folder)
      if (open !== undefined) {
        const file = basename(open)
        throw new VarveError('LOCKED', `"${file}" is open: close it first`, { details: { file } })
      }
      await removeAll(folder)
    },
  }
}
