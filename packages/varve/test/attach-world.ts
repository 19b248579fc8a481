/** A tenant with object storage in memory whose calls are counted and can be made to fail, for tests of attachments. */

import {
  createTenant,
  memory,
  memoryBlobs,
  VarveError,
  type BlobStore,
  type JsonObject,
  type Tenant,
} from '../src/index.ts'
import { systemEnv } from '../src/engine.ts'
import type { Env, StoreProvider } from '../src/engine.ts'

interface Counted {
  readonly blobs: BlobStore
  puts: number
  gets: number
  heads: number
  /** Bytes put that were not answered yet, and the most there ever were. */
  underWay: number
  mostUnderWay: number
  /** Calls left until one fails; never when null. */
  failAfter: number | null
}

/** Object storage that counts. */
function counted(inner: BlobStore): Counted {
  const step = (): void => {
    if (counts.failAfter === null) return
    if (counts.failAfter-- > 0) return
    throw new VarveError('STORE_FAILED', 'The object storage failed, as it was told to')
  }
  const counts: Counted = {
    puts: 0,
    gets: 0,
    heads: 0,
    underWay: 0,
    mostUnderWay: 0,
    failAfter: null,
    blobs: {
      ...inner,
      put: async (key, bytes, options) => {
        step()
        counts.puts++
        counts.underWay += bytes.length
        counts.mostUnderWay = Math.max(counts.mostUnderWay, counts.underWay)
        // Answers take a turn, so that several can be under way.
        await new Promise((resolve) => setImmediate(resolve))
        const put = await inner.put(key, bytes, options)
        counts.underWay -= bytes.length
        return put
      },
      get: async (key, options) => {
        step()
        counts.gets++
        return inner.get(key, options)
      },
      head: async (key, options) => {
        step()
        counts.heads++
        return inner.head(key, options)
      },
    },
  }
  return counts
}

export interface ShiftedEnv extends Env {
  shift: number
}

/** Real time plus an offset that a test changes. */
export function shiftedEnv(): ShiftedEnv {
  const base = systemEnv({ passphraseWork: 1 })
  const env = { ...base, shift: 0, now: (): number => base.now() + env.shift }
  return env
}

export interface AttachWorld {
  readonly tenant: Tenant
  readonly storage: Counted
  readonly env: ShiftedEnv
  readonly store: StoreProvider
}

export async function attachWorld(store: StoreProvider = memory()): Promise<AttachWorld> {
  const env = shiftedEnv()
  const storage = counted(memoryBlobs({ env }))
  const tenant = await createTenant({ name: 'acme', user: 'ada', store, env, blobs: storage.blobs })
  return { tenant, storage, env, store }
}

export async function documents(tenant: Tenant, mode: 'sealed' | 'open' = 'sealed') {
  const database = await tenant.database('crm', { mode })
  return { database, people: database.collection<JsonObject>('people') }
}

/** Bytes that differ from place to place, the same for the same seed. */
export function content(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = seed >>> 0 || 1
  for (let i = 0; i < size; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state & 255
  }
  return bytes
}

/** Keys of all objects. */
export async function objects(blobs: BlobStore): Promise<readonly string[]> {
  const keys: string[] = []
  for (let after: string | null = null; ;) {
    const page: Awaited<ReturnType<BlobStore['list']>> = await blobs.list('', { after })
    keys.push(...page.items.map(({ key }) => key))
    if (page.next === null) return keys
    after = page.next
  }
}

/** The error that a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<VarveError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof VarveError) return error
    throw error
  }
  throw new Error('nothing failed')
}
