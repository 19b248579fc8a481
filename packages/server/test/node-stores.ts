/** Stores of a node or a device that fail when a test says so, and tell how many of them are open. */

import { decorate, VarveError, type Batch, type Store, type StoreMethod, type StoreProvider } from 'varve/engine'

export class FailingStores {
  /** Stores that are open now, by name; more than once when several tenants have one of that name. */
  readonly open: string[] = []
  /** Called before each call of a store, by name; what it throws, the call fails with. */
  before: (store: string, method: StoreMethod, batch: Batch | null) => Promise<void> | void = () => undefined
  /** Called before a store is opened. */
  opening: (store: string) => Promise<void> | void = () => undefined

  readonly wrap = (provider: StoreProvider): StoreProvider => ({
    supports: provider.supports,
    open: async (name, options) => {
      await this.opening(name)
      const store = await provider.open(name, options)
      this.open.push(name)
      return this.#wrapStore(name, store)
    },
    readFile: (name) => provider.readFile(name),
    writeFile: (name, bytes) => provider.writeFile(name, bytes),
    destroy: () => provider.destroy(),
  })

  /** Fails the writes of named values with this name from now on, in all stores. */
  failOn(value: string): void {
    this.before = (_store, _method, batch) => {
      if (batch?.values?.has(value) === true) throw full()
    }
  }

  heal(): void {
    this.before = () => undefined
  }

  #wrapStore(name: string, store: Store): Store {
    let isOpen = true
    const watched = decorate(store, async (method, call) => {
      if (method !== 'write') await this.before(name, method, null)
      if (method !== 'close') return call()
      const closed = await call()
      if (isOpen) this.open.splice(this.open.indexOf(name), 1)
      isOpen = false
      return closed
    })
    return {
      ...watched,
      write: async (batch) => {
        await this.before(name, 'write', batch)
        return store.write(batch)
      },
    }
  }
}

/** What a disk without room answers. */
export function full(): VarveError {
  return new VarveError('STORE_FAILED', 'The disk is full: make room')
}
