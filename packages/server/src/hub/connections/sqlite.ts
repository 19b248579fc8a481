/** SQLite as an engine: a folder with a folder for each database. */

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { VarveError } from 'varve/engine'
import type { StoreEngine } from './engine.ts'

export function sqliteEngine(dir: string): StoreEngine {
  return {
    provider: (dbName) => sqlite({ dir: join(dir, dbName) }),
    async check() {
      const file = join(dir, '.varve-check')
      try {
        await mkdir(dir, { recursive: true, mode: 0o700 })
        await writeFile(file, '')
        await rm(file, { force: true })
      } catch (cause) {
        throw new VarveError('STORE_FAILED', `The folder ${dir} cannot be written to: check disk and permissions`, {
          cause,
        })
      }
    },
    close: () => Promise.resolve(),
  }
}
