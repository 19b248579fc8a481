/** What tests of sinking share: stores over which everything sinks, counted and failing object storage, plain commits. */

import {
  decorateBlobs,
  decorateStores,
  isVarveError,
  makeStamp,
  memory,
  memoryBlobs,
  SinkingShare,
  sinking,
  systemEnv,
  windowOf,
  type BlobMethod,
  type BlobStore,
  type CommitRow,
  type Env,
  type SinkOptions,
  type Store,
  type StoreProvider,
  type SunkStore,
} from 'varve/engine'

/** A clock that stands still until it is set, and timers that run when asked. */
export class HandEnv implements Env {
  time = 1_700_000_000_000
  readonly log = (): undefined => undefined
  readonly passphraseWork = 2
  readonly #timers = new Set<{ readonly fn: () => void; readonly at: number }>()
  readonly #random = systemEnv()

  now(): number {
    return this.time
  }

  random(length: number): Uint8Array {
    return this.#random.random(length)
  }

  /** Pauses of no length are over at once: long work gives turns by them. */
  timer(fn: () => void, ms: number): () => void {
    if (ms === 0) return this.#random.timer(fn, 0)
    const timer = { fn, at: this.time + ms }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Lets time pass, with everything that is due then. */
  pass(ms: number): void {
    this.time += ms
    const due = [...this.#timers].filter(({ at }) => at <= this.time)
    for (const timer of due) if (this.#timers.delete(timer)) timer.fn()
  }

  get waiting(): number {
    return this.#timers.size
  }
}

export interface SinkWorld extends SunkStore {
  readonly inner: Store
  readonly blobs: BlobStore
  readonly env: HandEnv
}

/** An empty store in memory with its sinker; everything is old at once unless said otherwise. */
export async function sinkWorld(
  options: SinkOptions = { afterDays: 0, segmentBytes: 1000 },
  given: {
    readonly inner?: Store
    readonly blobs?: BlobStore
    readonly cacheBytes?: number
    readonly env?: HandEnv
    readonly share?: SinkingShare
  } = {},
): Promise<SinkWorld> {
  const env = given.env ?? new HandEnv()
  const inner = given.inner ?? (await memory().open('main', { pageKey: null }))
  const blobs = given.blobs ?? memoryBlobs({ env })
  const share = given.share ?? new SinkingShare({ cacheBytes: given.cacheBytes ?? 1_000_000 })
  return { ...sinking(inner, { name: 'main', blobs, window: windowOf(options), share, env }), inner, blobs, env }
}

/** A provider over which everything sinks right after it was written, in small segments. */
export function sinkingAll(provider: StoreProvider, made?: (sunk: SunkStore) => void): StoreProvider {
  const env = systemEnv()
  const blobs = memoryBlobs({ env })
  return {
    ...decorateStores(provider, (store) => store),
    open: async (name, options) => {
      const window = windowOf({ afterDays: 0, segmentBytes: 300 })
      const share = new SinkingShare({ cacheBytes: 10_000 })
      const sunk = sinking(await provider.open(name, options), { name, blobs, window, share, env })
      made?.(sunk)
      const { store, sinker } = sunk
      const write: Store['write'] = async (batch) => {
        await store.write(batch)
        // A store that is closed meanwhile has written all the same.
        await sinker.run({ all: true }).catch((error: unknown) => {
          if (!isVarveError(error, 'CLOSED')) throw error
        })
      }
      return { ...store, write }
    },
  }
}

/** Every call is counted, and fails, stalls or answers otherwise as `act` says. */
export function watched(
  blobs: BlobStore,
  act: <T>(method: BlobMethod, call: () => Promise<T>, count: number) => Promise<T>,
): BlobStore {
  const counts = new Map<BlobMethod, number>()
  return decorateBlobs(blobs, (method, call) => {
    const count = (counts.get(method) ?? 0) + 1
    counts.set(method, count)
    return act(method, call, count)
  })
}

/** Bytes that differ by seed, and deflate to about half. */
export function sampleBytes(length: number, seed: number): Uint8Array {
  let state = seed + 1
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return 97 + (Math.floor(state / 65536) % 16)
  })
}

export function commit(no: number, bodies: Uint8Array | number = 100, given: Partial<CommitRow> = {}): CommitRow {
  return {
    no,
    feed: 1,
    seq: no,
    stamp: makeStamp(1_600_000_000_000 + no, 0),
    id: sampleBytes(32, no),
    header: sampleBytes(20, no),
    bodies: typeof bodies === 'number' ? sampleBytes(bodies, no) : bodies,
    signature: null,
    record: null,
    at: null,
    refused: null,
    ...given,
  }
}

/** Commits 1 … `count` of different sizes, some without bodies. */
export function commits(count: number, from = 1): readonly CommitRow[] {
  return Array.from({ length: count }, (_, i) => commit(from + i, ((from + i) * 37) % 300))
}
