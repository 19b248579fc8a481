/** What every topic of the object storage suite shares: the options it is given, and a fresh world per test. */

import { limits, type BlobStore } from 'varve/engine'
import type { TestFunctions } from '../store/frame.ts'

/** An empty place for objects: a bucket, a container or a folder of its own. */
export interface BlobPlace {
  /** Opens it, again and again. */
  readonly open: () => BlobStore
  readonly cleanup: () => Promise<void>
}

export interface BlobSuiteOptions {
  /** Names the adapter in the report. */
  readonly name: string
  /** A place of its own for each test. */
  readonly place: () => Promise<BlobPlace>
  /** Bytes of an object that does not go in one request; a megabyte where everything does. */
  readonly largeBytes?: number
  /** Characters of the longest key; `limits.blobKeyCharacters` unless it stands below a prefix. */
  readonly keyCharacters?: number
  readonly test: TestFunctions
}

/** What each test of the suite is given. */
interface BlobWorld {
  readonly blobs: BlobStore
  /** Closes the storage and opens it again. */
  readonly restart: () => Promise<BlobStore>
  readonly largeBytes: number
  readonly keyCharacters: number
}

export type BlobCase = (name: string, body: (world: BlobWorld) => Promise<void>) => void

export function blobCasesOf(options: BlobSuiteOptions): BlobCase {
  return (name, body) => {
    options.test.it(name, async () => {
      const { open, cleanup } = await options.place()
      let blobs = open()
      const restart = async (): Promise<BlobStore> => {
        await blobs.close()
        blobs = open()
        return blobs
      }
      try {
        const { largeBytes = 1_000_000, keyCharacters = limits.blobKeyCharacters } = options
        await body({ blobs, restart, largeBytes, keyCharacters })
      } finally {
        await blobs.close()
        await cleanup()
      }
    })
  }
}

/** Bytes that differ at every place and for every seed. */
export function bytesFor(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = (seed * 2_654_435_761 + 1) >>> 0
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** Runs `work` for every item, at most `atOnce` at a time. */
export async function each<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  const rest = items.entries()
  const lane = async (): Promise<void> => {
    for (const [index, item] of rest) await work(item, index)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
