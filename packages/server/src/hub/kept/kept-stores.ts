/** A provider of stores in one of which things are kept for object storage. */

import { decorate, type StoreProvider } from 'varve/engine'
import type { Kept } from './kept.ts'

/** The store of a tenant itself, which a move copies whole. */
const keeping = 'tenant'

/** The same provider; what is kept is known, and counted in `open`, from when that store is opened until it is closed. */
export function keptStores(provider: StoreProvider, kept: Kept, open: Set<Kept>): StoreProvider {
  return {
    supports: provider.supports,
    open: async (name, options) => {
      const store = await provider.open(name, options)
      if (name !== keeping) return store
      try {
        await kept.begin(store)
      } catch (error) {
        await store.close()
        throw error
      }
      open.add(kept)
      const close = async (): Promise<void> => {
        open.delete(kept)
        await kept.end()
        await store.close()
      }
      return { ...decorate(store, (_, call) => call()), close }
    },
    readFile: (name) => provider.readFile(name),
    writeFile: (name, bytes) => provider.writeFile(name, bytes),
    destroy: () => provider.destroy(),
  }
}
