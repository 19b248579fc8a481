/** Tries an object storage out, before anything depends on it: whether it does what its adapter was told that it does. */

import { equalBytes, toHex, utf8 } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import type { BlobStore } from './blob-store.ts'

/**
 * Puts, reads, lists and removes one small object below `varve-probe/`. Throws what the storage throws, and `UNSUPPORTED`
 * when it answers otherwise than it must: some services ignore the condition of `ifAbsent`, and overwrite.
 */
export async function probeBlobs(blobs: BlobStore, env: Pick<Env, 'random'>): Promise<void> {
  const key = `varve-probe/${toHex(env.random(16))}`
  const bytes = utf8('Varve tried this storage out.')
  try {
    await blobs.put(key, bytes)
    await expectBytes(blobs, key, bytes)
    const part = await blobs.get(key, { range: { offset: 6, length: 5 } })
    if (part === null || !equalBytes(part, bytes.subarray(6, 11)))
      wrong('gives another part of an object than was asked for')
    if ((await blobs.head(key))?.size !== bytes.length) wrong('tells a wrong size')
    const { items } = await blobs.list(key)
    if (items.length !== 1 || items[0]?.key !== key) wrong('does not list an object that was put')
    if (blobs.supports.conditionalPut) await probeCondition(blobs, key, bytes)
  } finally {
    await blobs.delete(key)
  }
  if ((await blobs.get(key)) !== null) wrong('gives an object that was removed')
}

async function probeCondition(blobs: BlobStore, key: string, bytes: Uint8Array): Promise<void> {
  const isNew = await blobs.put(key, utf8('other'), { ifAbsent: true })
  if (isNew) wrong('overwrites objects where it was told not to (set `conditionalPut: false`)')
  await expectBytes(blobs, key, bytes)
}

async function expectBytes(blobs: BlobStore, key: string, bytes: Uint8Array): Promise<void> {
  const there = await blobs.get(key)
  if (there === null || !equalBytes(there, bytes)) wrong('does not give what was put')
}

function wrong(what: string): never {
  throw new VarveError('UNSUPPORTED', `The object storage ${what}: use another, or what makes it behave like one`)
}
