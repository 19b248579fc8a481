/** A tenant whose opening fails leaves nothing open behind: what stays open keeps its lease, and nobody could open it again. */

import { createTenant, openTenant } from 'varve'
import { decorate, memory, VarveError, type StoreProvider } from 'varve/engine'
import { expect, test } from 'vitest'

interface Watched {
  readonly provider: StoreProvider
  /** Names of stores that are open. */
  readonly open: Set<string>
}

/** A provider that knows what is open, and whose call of this number fails. */
function watched(inner: StoreProvider, failing: number): Watched {
  const open = new Set<string>()
  let calls = 0
  const openStore: StoreProvider['open'] = async (name, options) => {
    const store = decorate(await inner.open(name, options), async (method, call) => {
      if (method !== 'close' && ++calls === failing)
        throw new VarveError('STORE_FAILED', `Call ${calls}, ${method}, failed, as the test asked`)
      return call()
    })
    open.add(name)
    const close = async (): Promise<void> => {
      await store.close()
      open.delete(name)
    }
    return { ...store, close }
  }
  return { open, provider: { ...inner, open: openStore } }
}

/** Fails at each call of a store in turn, until it does not fail any more; gives how often it failed. */
async function failingAtEach(
  work: (watch: Watched) => Promise<{ close(): Promise<void> }>,
  inner: () => Promise<StoreProvider>,
): Promise<number> {
  for (let call = 1; ; call++) {
    const watch = watched(await inner(), call)
    try {
      await (await work(watch)).close()
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_FAILED' })
      expect([...watch.open], `open after call ${call} failed`).toEqual([])
      continue
    }
    expect([...watch.open]).toEqual([])
    return call - 1
  }
}

test('at any call while it is opened', async () => {
  const stored = async (): Promise<StoreProvider> => {
    const store = memory()
    const tenant = await createTenant({ store, name: 'acme', user: 'ada' })
    await tenant.close()
    return store
  }
  expect(await failingAtEach(({ provider }) => openTenant({ store: provider }), stored)).toBeGreaterThan(5)
})

test('at any call while it is founded', async () => {
  const founding = ({ provider }: Watched) => createTenant({ store: provider, name: 'acme', user: 'ada' })
  expect(await failingAtEach(founding, () => Promise.resolve(memory()))).toBeGreaterThan(5)
})
