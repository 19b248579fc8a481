/** Object storage suite: objects of all sizes, keys and ranges. */

import assert from 'node:assert/strict'
import { limits, type BlobStore } from 'varve/engine'
import { rejects } from '../store/frame.ts'
import { bytesFor, type BlobCase } from './frame.ts'

const longPiece = 'p'.repeat(limits.blobPieceCharacters)

function longestKey(characters: number): string {
  return `${longPiece}/`.repeat(4) + 'k'.repeat(characters - 4 * (longPiece.length + 1))
}

/** Legal, all of them, and easy to get wrong. */
const oddKeys = [
  '0',
  'a',
  'a/b',
  'a/b/c',
  '-',
  '--help',
  '_',
  '.hidden',
  '...a',
  'a..b',
  'a/.b/..c',
  'con',
  'x.tmp-1',
  'a.b.c-d_e',
]

const illegalKeys = [
  '',
  '/',
  'a/',
  '/a',
  'a//b',
  '.',
  '..',
  'a/..',
  '../a',
  'a/./b',
  'a.',
  'a./b',
  'A',
  'é',
  'a b',
  'a\\b',
]

export function objectCases(check: BlobCase): void {
  check('an object is absent, put, read, replaced and removed', async ({ blobs }) => {
    assert.equal(await blobs.get('one'), null)
    assert.equal(await blobs.head('one'), null)
    assert.equal(await blobs.put('one', bytesFor(1, 1_000)), true)
    assert.deepEqual(await blobs.get('one'), bytesFor(1, 1_000))
    assert.equal(await blobs.put('one', bytesFor(2, 10), { type: 'image/png' }), true)
    assert.deepEqual(await blobs.get('one'), bytesFor(2, 10))
    await blobs.delete('one')
    assert.equal(await blobs.get('one'), null)
    await blobs.delete('one')
    assert.equal(await blobs.head('one'), null)
  })

  check('objects of all sizes come back as they were', async ({ blobs, largeBytes }) => {
    for (const size of [0, 1, 2, 1_023, 65_536, largeBytes, largeBytes + 1]) {
      const bytes = bytesFor(size, size)
      await blobs.put('sized', bytes)
      assert.deepEqual(await blobs.get('sized'), bytes)
      assert.equal((await blobs.head('sized'))?.size, size)
    }
  })

  check('a head tells key, size and time', async ({ blobs }) => {
    await blobs.put('a/b', bytesFor(1, 77))
    const info = await blobs.head('a/b')
    assert.deepEqual({ ...info, at: 0 }, { key: 'a/b', size: 77, at: 0 })
    assert.ok(Number.isSafeInteger(info?.at))
    assert.deepEqual((await blobs.list('')).items, [info])
  })

  check('odd keys are keys like others', async ({ blobs, keyCharacters }) => {
    const keys = [...oddKeys, longestKey(keyCharacters)]
    for (const [index, key] of keys.entries()) await blobs.put(key, bytesFor(index, 20))
    for (const [index, key] of keys.entries()) {
      assert.deepEqual(await blobs.get(key), bytesFor(index, 20), key)
      assert.equal((await blobs.head(key))?.key, key)
    }
    assert.deepEqual(
      (await blobs.list('')).items.map((item) => item.key),
      keys.toSorted(),
    )
    await blobs.delete('a')
    assert.notEqual(await blobs.get('a/b'), null)
    assert.equal(await blobs.get('a'), null)
  })

  check('what can be no key is refused', async ({ blobs, keyCharacters }) => {
    for (const key of illegalKeys) {
      await rejects(blobs.put(key, bytesFor(1, 1)), 'INVALID')
      await rejects(blobs.get(key), 'INVALID')
      await rejects(blobs.head(key), 'INVALID')
      await rejects(blobs.delete(key), 'INVALID')
    }
    for (const key of [`${longestKey(keyCharacters)}k`, `${longPiece}p`])
      await rejects(blobs.put(key, bytesFor(1, 1)), 'TOO_LARGE')
    for (const type of ['', 'image', 'image/png\r\nx: y', '../..']) {
      await rejects(blobs.put('a', bytesFor(1, 1), { type }), 'INVALID')
    }
    assert.deepEqual((await blobs.list('')).items, [])
  })
}

export function byteCases(check: BlobCase): void {
  check('ranges give what lies inside the object', rangeCase)

  check('bytes handed in and out share no memory with the storage', async ({ blobs }) => {
    const bytes = bytesFor(1, 100)
    await blobs.put('own', bytes)
    bytes.fill(0)
    const first = await blobs.get('own')
    assert.deepEqual(first, bytesFor(1, 100))
    first?.fill(0)
    assert.deepEqual(await blobs.get('own'), bytesFor(1, 100))
  })

  check('a part of a larger array is put, and nothing around it', async ({ blobs }) => {
    const around = bytesFor(1, 1_000)
    await blobs.put('part', around.subarray(100, 110))
    assert.deepEqual(await blobs.get('part'), around.slice(100, 110))
  })
}

async function rangeCase({ blobs, largeBytes }: { blobs: BlobStore; largeBytes: number }): Promise<void> {
  const part = (key: string, offset: number, length: number): Promise<Uint8Array | null> =>
    blobs.get(key, { range: { offset, length } })
  const bytes = bytesFor(1, 1_000)
  await blobs.put('ranged', bytes)
  await blobs.put('empty', new Uint8Array(0))
  const borders = [0, 1, 499, 998, 999, 1_000, 1_001, 5_000]
  for (const offset of borders) {
    for (const length of [0, 1, 2, 500, 999, 1_000, 1_001, 2 ** 40]) {
      assert.deepEqual(
        await part('ranged', offset, length),
        bytes.slice(offset, offset + length),
        `${offset} ${length}`,
      )
    }
  }
  assert.deepEqual(await part('empty', 0, 1), new Uint8Array(0))
  assert.deepEqual(await part('empty', 5, 0), new Uint8Array(0))
  assert.equal(await part('absent', 0, 1), null)
  assert.equal(await part('absent', 0, 0), null)
  const large = bytesFor(3, largeBytes)
  await blobs.put('large', large)
  const middle = Math.floor(largeBytes / 2)
  assert.deepEqual(await part('large', middle - 10, 20), large.slice(middle - 10, middle + 10))
  assert.deepEqual(await part('large', largeBytes - 1, 20), large.slice(-1))
  for (const range of [
    { offset: -1, length: 1 },
    { offset: 0, length: -1 },
    { offset: 0.5, length: 1 },
    { offset: 0, length: Number.NaN },
    { offset: Number.MAX_SAFE_INTEGER, length: 1 },
  ]) {
    await rejects(blobs.get('ranged', { range }), 'INVALID')
  }
}
