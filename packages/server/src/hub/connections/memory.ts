/** Memory as an engine: databases that live as long as the hub is open. */

import { memory, type StoreProvider } from 'varve/engine'
import type { StoreEngine } from './engine.ts'

export function memoryEngine(): StoreEngine {
  const providers = new Map<string, StoreProvider>()
  return {
    provider(dbName) {
      const provider = providers.get(dbName) ?? memory()
      providers.set(dbName, provider)
      return provider
    },
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}
