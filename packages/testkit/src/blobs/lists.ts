/** Object storage suite: lists by prefix, in order, page by page. */

import assert from 'node:assert/strict'
import type { BlobStore } from 'varve/engine'
import { rejects } from '../store/frame.ts'
import { bytesFor, each, type BlobCase } from './frame.ts'

/** Their order by bytes is none of a tree or a dictionary. */
const keys = [
  'a',
  'a-',
  'a-b',
  'a.b',
  'a/b',
  'a/b-c',
  'a/b.c',
  'a/b/c',
  'a/c',
  'a0',
  'a_b',
  'aa',
  'ab/c',
  'b',
  'b/a/a/a',
]
const prefixes = ['', 'a', 'a-', 'a/', 'a/b', 'a/b/', 'b/a/a', 'b/a/a/a', 'c', 'a/x/']

export function listCases(check: BlobCase): void {
  check('lists are by the bytes of keys, whatever the prefix and the page', async ({ blobs }) => {
    await each(keys, 4, (key, index) => blobs.put(key, bytesFor(index, index)))
    for (const prefix of prefixes) {
      const expected = keys.filter((key) => key.startsWith(prefix))
      for (const limit of [1, 2, 3, 1_000]) assert.deepEqual(await allOf(blobs, prefix, limit), expected, prefix)
    }
  })

  check('a list goes on after a key that need not be there', async ({ blobs }) => {
    await each(keys, 4, (key, index) => blobs.put(key, bytesFor(index, index)))
    for (const after of [...keys, '-', 'a/', 'a/b/', 'a/bb', 'a/zz', 'a1', 'b/a/a', 'zz']) {
      for (const prefix of ['', 'a/', 'a/b']) {
        const found = (await blobs.list(prefix, { after })).items.map((item) => item.key)
        assert.deepEqual(
          found,
          keys.filter((key) => key.startsWith(prefix) && key > after),
          `${prefix} after ${after}`,
        )
      }
    }
  })

  check('more objects than one page holds are all listed, with their sizes', async ({ blobs }) => {
    const many = Array.from({ length: 1_003 }, (_, i) => `many/${String(i).padStart(4, '0')}`)
    await each(many, 16, (key, index) => blobs.put(key, bytesFor(index, index % 7)))
    const first = await blobs.list('many/')
    assert.ok(first.items.length <= 1_000)
    assert.notEqual(first.next, null)
    assert.deepEqual(await allOf(blobs, 'many/', 1_000), many)
    assert.deepEqual(await allOf(blobs, 'many/', 333), many)
    for (const { key, size } of first.items) assert.equal(size, Number(key.slice(5)) % 7)
  })

  check('a list without objects is empty, and one that cannot be is refused', async ({ blobs }) => {
    assert.deepEqual(await blobs.list(''), { items: [], next: null })
    assert.deepEqual(await blobs.list('nothing/'), { items: [], next: null })
    for (const prefix of ['/', 'a//', '../', 'a/../b', 'A', 'é']) await rejects(blobs.list(prefix), 'INVALID')
    for (const limit of [0, -1, 1.5, 1_001, Number.NaN]) await rejects(blobs.list('', { limit }), 'INVALID')
  })
}

/** Keys of all pages. */
async function allOf(blobs: BlobStore, prefix: string, limit: number): Promise<readonly string[]> {
  const found: string[] = []
  for (let after: string | null = null; ;) {
    const { items, next } = await blobs.list(prefix, { after, limit })
    assert.ok(items.length <= limit)
    found.push(...items.map((item) => item.key))
    if (next === null) return found
    after = next
  }
}
