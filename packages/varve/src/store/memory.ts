/** The memory adapter: the reference of the storage contract, for tests and throw-away databases. */

import { VarveError } from '../errors.ts'
import type { Disk } from './disk.ts'
import { guarded, Journal } from './journal.ts'
import { MemoryStore, memorySupports } from './memory-store.ts'
import { checkFileName, checkPageKey, checkStoreName } from './names.ts'
import type { Store, StoreProvider } from './store.ts'
import { Tables } from './tables.ts'

export interface MemoryOptions {
  /** Keeps every write on a disk, so that tests can crash it; without one, stores live as long as the provider. */
  readonly disk?: Disk
}

const smallPrefix = 'file-'

/**
 * Stores in memory. The provider keeps them after `close`, so that opening again is a restart.
 * A page key is accepted and changes nothing: `supports.encryption` is false.
 */
export function memory(options: MemoryOptions = {}): StoreProvider {
  const disk = options.disk ?? null
  const kept = new Map<string, Tables>()
  const files = new Map<string, Uint8Array>()
  const inUse = new Set<string>()

  async function openStore(name: string): Promise<Store> {
    const closed = (): void => void inUse.delete(name)
    if (disk === null) {
      const tables = kept.get(name) ?? new Tables()
      kept.set(name, tables)
      return new MemoryStore(name, tables, null, closed)
    }
    const tables = new Tables()
    const journal = await Journal.open(disk, `${name}.journal`, (batch) => {
      tables.check(batch)
      tables.apply(batch)
    })
    return new MemoryStore(name, tables, journal, closed)
  }

  return {
    supports: memorySupports,
    async open(name, { pageKey }) {
      checkStoreName(name)
      checkPageKey(pageKey)
      if (inUse.has(name)) {
        throw new VarveError('LOCKED', `The store "${name}" is open already: close it first`, {
          details: { store: name },
        })
      }
      inUse.add(name)
      try {
        return await openStore(name)
      } catch (error) {
        inUse.delete(name)
        throw error
      }
    },
    async readFile(name) {
      const path = smallPrefix + checkFileName(name)
      const bytes = disk === null ? files.get(path) : await guarded(path, disk.read(path))
      return bytes === undefined || bytes === null ? null : new Uint8Array(bytes)
    },
    async writeFile(name, bytes) {
      const path = smallPrefix + checkFileName(name)
      const copy = new Uint8Array(bytes)
      if (disk === null) files.set(path, copy)
      else await guarded(path, disk.replace(path, copy))
    },
    async destroy() {
      const [open] = inUse
      if (open !== undefined)
        throw new VarveError('LOCKED', `The store "${open}" is open: close it first`, { details: { store: open } })
      kept.clear()
      files.clear()
      if (disk === null) return
      // Stores first, small files last: the mark that says what is going on is one of them.
      const names = await guarded('the disk', disk.list())
      const small = (name: string): number => (name.startsWith(smallPrefix) ? 1 : 0)
      for (const name of names.toSorted((a, b) => small(a) - small(b) || (a < b ? -1 : 1)))
        await guarded(name, disk.remove(name))
    },
  }
}
