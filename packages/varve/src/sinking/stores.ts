/** Stores of a provider whose old layers sink: what an application or a server switches on. */

import type { BlobStore } from '../blobs/blob-store.ts'
import { circuit, type CircuitState } from '../blobs/circuit.ts'
import { retryBlobs } from '../blobs/retry.ts'
import { bytesOf } from '../encoding/decode.ts'
import type { Env } from '../env/env.ts'
import { systemEnv } from '../env/system.ts'
import { VarveError } from '../errors.ts'
import { segmentsFile } from '../store/names.ts'
import type { StoreProvider } from '../store/store.ts'
import { sinkInBackground } from './background.ts'
import { stateValue } from './descriptor.ts'
import { failureRules, type FailureRules } from './failures.ts'
import { ownerFolder } from './keys.ts'
import { SinkingShare } from './share.ts'
import { sinking } from './sinking.ts'
import type { Sinker } from './sinker.ts'
import { windowOf, type SinkOptions } from './window.ts'

export interface SinkingStoresOptions {
  /** Where segments lie, below `segments/`. It is not closed with the stores. */
  readonly blobs: BlobStore
  /** What sinks by itself; when left out nothing does, and what has sunk is read. */
  readonly sink?: SinkOptions
  /** When what failed is tried again; `failureRules` when left out. */
  readonly failures?: FailureRules
  readonly env?: Pick<Env, 'now' | 'random' | 'timer' | 'log'>
  /** What these stores share with those of other providers; its own for this provider when it is left out. */
  readonly share?: SinkingShare
}

export interface SinkingStores extends StoreProvider {
  /** The sinker of each open store, by name. */
  readonly sinkers: ReadonlyMap<string, Sinker>
  /** Whether object storage is left alone for a while because it failed again and again. */
  circuit(): CircuitState
}

/** Calls to object storage are made this often, and failures in a row stop them for as long. */
const patience = { attempts: 3, failures: 5, pauseMs: 10_000 }

/**
 * The same provider, whose stores let bodies of old commits sink into object storage and read them back. A store that
 * has sunk must always be opened so. `destroy` removes the segments too. Throws `INVALID` naming the option.
 */
export function sinkingStores(provider: StoreProvider, options: SinkingStoresOptions): SinkingStores {
  const { sink, failures = failureRules, env = systemEnv(), share = new SinkingShare() } = options
  const guarded = circuit(options.blobs, { failures: patience.failures, pauseMs: patience.pauseMs, env })
  const shared = {
    blobs: retryBlobs(guarded.blobs, { attempts: patience.attempts, env }),
    window: windowOf(sink ?? {}),
    share,
    failures,
    env,
    owner: ownerOf(provider, env),
  }
  const sinkers = new Map<string, Sinker>()
  const stores: SinkingStores = {
    supports: provider.supports,
    sinkers,
    circuit: () => guarded.state(),
    open: async (name, given) => {
      const { store, sinker } = sinking(await provider.open(name, given), { name, ...shared })
      const stop = sink === undefined ? null : sinkInBackground(sinker, name, env)
      sinkers.set(name, sinker)
      const close = async (): Promise<void> => {
        stop?.()
        if (sinkers.get(name) === sinker) sinkers.delete(name)
        await store.close()
      }
      return { ...store, close }
    },
    readFile: (name) => provider.readFile(name),
    writeFile: (name, bytes) => provider.writeFile(name, bytes),
    destroy: async () => {
      const owner = await provider.readFile(segmentsFile)
      // First, because it refuses while a store is open here or elsewhere.
      await provider.destroy()
      if (owner !== null) await removeSegments(options.blobs, ownerFolder(owner))
    },
  }
  sinkersByProvider.set(stores, sinkers)
  return stores
}

const sinkersByProvider = new WeakMap<StoreProvider, ReadonlyMap<string, Sinker>>()

/** The sinkers of the provider's open stores, by name; null when nothing sinks from it. */
export function sinkersOf(provider: StoreProvider): ReadonlyMap<string, Sinker> | null {
  return sinkersByProvider.get(provider) ?? null
}

/** The same provider, which refuses stores whose old layers lie elsewhere: without them answers would be short. */
export function unsunkStores(provider: StoreProvider): StoreProvider {
  return {
    supports: provider.supports,
    open: async (name, options) => {
      const store = await provider.open(name, options)
      try {
        if ((await store.value(stateValue)) === null) return store
        throw new VarveError(
          'UNSUPPORTED',
          `Old layers of the store "${name}" lie in object storage: open it with the same \`blobs\``,
          { details: { store: name } },
        )
      } catch (error) {
        await store.close()
        throw error
      }
    },
    readFile: (name) => provider.readFile(name),
    writeFile: (name, bytes) => provider.writeFile(name, bytes),
    destroy: () => provider.destroy(),
  }
}

/** One owner for all stores of a provider: drawn when the first of them sinks, and kept in a small file. */
function ownerOf(provider: StoreProvider, env: Pick<Env, 'random'>): () => Promise<Uint8Array> {
  let known: Promise<Uint8Array> | null = null
  const find = async (): Promise<Uint8Array> => {
    const stored = await provider.readFile(segmentsFile)
    if (stored !== null) return bytesOf(stored, 16, `the small file ${segmentsFile}`)
    const drawn = env.random(16)
    await provider.writeFile(segmentsFile, drawn)
    return drawn
  }
  return () =>
    (known ??= find().catch((error: unknown) => {
      known = null
      throw error
    }))
}

async function removeSegments(blobs: BlobStore, prefix: string): Promise<void> {
  try {
    for (let after: string | null = null; ;) {
      const { items, next } = await blobs.list(prefix, { after })
      for (const { key } of items) await blobs.delete(key)
      if (next === null) return
      after = next
    }
  } catch (cause) {
    throw new VarveError(
      'STORE_FAILED',
      `The stores are removed, but not all of their segments: remove what lies below "${prefix}" in object storage`,
      { cause, details: { prefix } },
    )
  }
}
