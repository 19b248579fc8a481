/** Object storage in memory and its decorators against the contract. */

import { blobSuite, faultyBlobs } from '@varve/testkit'
import { blobsBelow, circuit, limits, memoryBlobs, retryBlobs, systemEnv, type BlobStore } from 'varve/engine'
import { describe, it } from 'vitest'

const env = systemEnv()
const memory = (): BlobStore => memoryBlobs({ env })

/** Every third call of a method fails before it took effect. */
const failing = (): BlobStore =>
  faultyBlobs(memory(), {
    env,
    fault: (method, call) => (call % 3 === 0 && method !== 'close' ? { kind: 'fails', when: 'before' } : null),
  })

const kinds: Readonly<Record<string, () => BlobStore>> = {
  memory,
  'memory, repeating': () => retryBlobs(failing(), { attempts: 9, env, firstMs: 1 }),
  'memory, behind a circuit breaker': () => circuit(memory(), { failures: 1, pauseMs: 1_000, env }).blobs,
  'memory, below a prefix': () => blobsBelow(memory(), 't/'),
  'memory, with no faults': () => faultyBlobs(memory(), { env, fault: () => null }),
}

for (const [name, open] of Object.entries(kinds)) {
  blobSuite({
    name,
    place: async () => ({ open, cleanup: async () => undefined }),
    ...(name.includes('prefix') ? { keyCharacters: limits.blobKeyCharacters - 2 } : {}),
    test: { describe, it },
  })
}
