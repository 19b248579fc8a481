/** The memory adapter against the storage contract: alone, over a disk, and decorated. */

import { faulty, FaultyDisk, storeSuite } from '@varve/testkit'
import { cached, decorateStores, memory, recent, retry, systemEnv } from 'varve/engine'
import { describe, it } from 'vitest'

const cleanup = async (): Promise<void> => undefined
const providers = {
  memory: () => memory(),
  'memory over a disk': () => memory({ disk: new FaultyDisk().attach() }),
  'memory with retries': () => retry(memory(), { attempts: 3, env: systemEnv() }),
  'memory with heads kept': () => decorateStores(memory(), (store) => cached(store, { bytes: 2e6, held: () => true })),
  'memory with the newest commits kept': () => decorateStores(memory(), recent),
  'memory with an empty plan of faults': () => decorateStores(memory(), (store) => faulty(store, [])),
}
for (const [name, make] of Object.entries(providers)) {
  storeSuite({ name, provider: async () => ({ provider: make(), cleanup }), test: { describe, it } })
}
