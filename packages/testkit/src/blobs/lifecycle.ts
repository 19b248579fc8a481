/** Object storage suite: closing, opening again, and calls that are given up. */

import assert from 'node:assert/strict'
import { limits, type BlobStore } from 'varve/engine'
import { rejects } from '../store/frame.ts'
import { bytesFor, type BlobCase } from './frame.ts'

/** One call of every method; the type makes a method that is added to the contract fail here. */
const calls: Readonly<
  Record<Exclude<keyof BlobStore, 'supports' | 'close'>, (blobs: BlobStore, signal?: AbortSignal) => Promise<unknown>>
> = {
  put: (blobs, signal) => blobs.put('a', bytesFor(2, 10), signal === undefined ? {} : { signal }),
  get: (blobs, signal) => blobs.get('a', signal === undefined ? {} : { signal }),
  head: (blobs, signal) => blobs.head('a', signal === undefined ? {} : { signal }),
  delete: (blobs, signal) => blobs.delete('a', signal === undefined ? {} : { signal }),
  list: (blobs, signal) => blobs.list('', signal === undefined ? {} : { signal }),
  presign: (blobs) => blobs.presign('a', { ttlSeconds: 1 }),
}

export function blobLifecycleCases(check: BlobCase): void {
  check('objects are there after closing and opening again', async ({ blobs, restart }) => {
    await blobs.put('a/kept', bytesFor(1, 1_000))
    const again = await restart()
    if (!blobs.supports.persistent) return
    assert.deepEqual(await again.get('a/kept'), bytesFor(1, 1_000))
    assert.deepEqual(
      (await again.list('a/')).items.map((item) => item.key),
      ['a/kept'],
    )
  })

  check('after close every call fails with CLOSED, and closing again does not', async ({ blobs }) => {
    await blobs.put('a', bytesFor(1, 10))
    await Promise.all([blobs.close(), blobs.close()])
    await blobs.close()
    for (const call of Object.values(calls)) await rejects(call(blobs), 'CLOSED')
  })

  check('close waits for what is under way', async ({ blobs, restart, largeBytes }) => {
    const puts = [1, 2, 3].map((n) => blobs.put(`under-way/${n}`, bytesFor(n, largeBytes)))
    await blobs.close()
    await Promise.all(puts)
    const again = await restart()
    if (!again.supports.persistent) return
    assert.equal((await again.list('under-way/')).items.length, 3)
  })

  check('an aborted call fails with the reason of its signal', async ({ blobs, largeBytes }) => {
    await blobs.put('a', bytesFor(1, 10))
    const reason = new Error('no longer wanted')
    for (const [name, call] of Object.entries(calls)) {
      if (name !== 'presign') await assert.rejects(call(blobs, AbortSignal.abort(reason)), reason)
    }
    assert.deepEqual(await blobs.get('a'), bytesFor(1, 10))
    const controller = new AbortController()
    const put = blobs.put('big', bytesFor(3, largeBytes), { signal: controller.signal })
    controller.abort(reason)
    // It may have been done before it was given up.
    const outcome = await put.catch((error: unknown) => error)
    assert.ok(outcome === true || outcome === reason, String(outcome))
    const seen = await blobs.get('big')
    assert.ok(seen === null || seen.length === largeBytes, 'part of an object that was given up is there')
    await blobs.put('big', bytesFor(4, largeBytes))
    assert.deepEqual(await blobs.get('big'), bytesFor(4, largeBytes))
  })

  check('an object that is too large is refused before it is sent', async ({ blobs }) => {
    await rejects(blobs.put('huge', new Uint8Array(limits.blobBytes + 1)), 'TOO_LARGE')
    assert.equal(await blobs.head('huge'), null)
  })
}
