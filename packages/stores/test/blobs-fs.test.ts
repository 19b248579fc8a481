/** Object storage in a folder: the contract, who may read it, links, and processes killed while they put. */

import { mkdir, readdir, realpath, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fsBlobs } from '@varve/stores/blobs/fs'
import { blobSuite } from '@varve/testkit'
import { isVarveError } from 'varve/engine'
import { describe, expect, it, test } from 'vitest'
import { temporaryFolder } from './folder.ts'
import { lastToldBeforeKill } from './killed-child.ts'

blobSuite({
  name: 'fs',
  place: async () => {
    const { dir, remove } = await temporaryFolder()
    return { open: () => fsBlobs({ dir }), cleanup: remove }
  },
  test: { describe, it },
})

const some = new Uint8Array(1_000).fill(1)

test('only the owner can read what is in the folder, and all above the objects', async () => {
  const { dir, remove } = await temporaryFolder()
  const root = join(dir, 'new', 'deep')
  await fsBlobs({ dir: root }).put('a/b/c', some)
  expect((await readdir(root, { recursive: true })).toSorted()).toEqual(['a', 'a/b', 'a/b/c~', '~tmp'])
  const modeOf = async (path: string): Promise<string> => ((await stat(join(dir, path))).mode & 0o777).toString(8)
  for (const folder of ['new', 'new/deep', 'new/deep/a', 'new/deep/a/b', 'new/deep/~tmp']) {
    expect(await modeOf(folder)).toBe('700')
  }
  expect(await modeOf('new/deep/a/b/c~')).toBe('600')
  await remove()
})

test('a link that leads out of the folder is not followed', async () => {
  const { dir, remove } = await temporaryFolder()
  const [root, outside] = [join(dir, 'blobs'), join(dir, 'outside')]
  const blobs = fsBlobs({ dir: root })
  await blobs.put('a', some)
  await mkdir(outside)
  await writeFile(join(outside, 'secret~'), 'secret')
  await symlink(outside, join(root, 'folder'))
  await symlink(join(outside, 'secret~'), join(root, 'object~'))
  const calls = [
    () => blobs.get('folder/secret'),
    () => blobs.head('folder/secret'),
    () => blobs.put('folder/new', some),
    () => blobs.put('folder/new', some, { ifAbsent: true }),
    () => blobs.delete('folder/secret'),
    () => blobs.get('object'),
  ]
  for (const call of calls) {
    const error = await call().catch((problem: unknown) => problem)
    expect(isVarveError(error, 'STORE_FAILED')).toBe(true)
    expect(String(error)).not.toContain(dir)
  }
  expect((await blobs.list('')).items.map((item) => item.key)).toEqual(['a'])
  expect(await readdir(outside)).toEqual(['secret~'])
  await remove()
})

test('the folder may itself be reached by a link', async () => {
  const { dir, remove } = await temporaryFolder()
  await mkdir(join(dir, 'real'))
  await symlink(join(dir, 'real'), join(dir, 'link'))
  await fsBlobs({ dir: join(dir, 'link') }).put('a/b', some)
  expect(await fsBlobs({ dir: await realpath(join(dir, 'real')) }).get('a/b')).toEqual(some)
  await remove()
})

test('what a crash left is removed when it is old, and is never an object', async () => {
  const { dir, remove } = await temporaryFolder()
  await fsBlobs({ dir }).put('a', some)
  const [old, young] = [join(dir, '~tmp', 'old'), join(dir, '~tmp', 'young')]
  await writeFile(old, 'half')
  await writeFile(young, 'half')
  await utimes(old, 0, 0)
  const blobs = fsBlobs({ dir })
  expect((await blobs.list('')).items.map((item) => item.key)).toEqual(['a'])
  expect(await readdir(join(dir, '~tmp'))).toEqual(['young'])
  await remove()
})

test('a folder that cannot be made is an error, and a call after it is made works', async () => {
  const { dir, remove } = await temporaryFolder()
  await writeFile(join(dir, 'file'), '')
  const blobs = fsBlobs({ dir: join(dir, 'file', 'blobs') })
  const error = await blobs.put('a', some).catch((problem: unknown) => problem)
  expect(isVarveError(error, 'STORE_FAILED')).toBe(true)
  await rm(join(dir, 'file'))
  expect(await blobs.put('a', some)).toBe(true)
  await remove()
})

test('kill -9, again and again: objects are whole, and those that were answered are there', async () => {
  const { dir, remove } = await temporaryFolder()
  let next = 0
  for (const ms of [0, 20, 90, 200]) {
    next = (await lastToldBeforeKill('blobs-crash-child.ts', [dir, String(next)], ms)) + 1
    const blobs = fsBlobs({ dir })
    const { items } = await blobs.list('')
    expect(items.length).toBeGreaterThanOrEqual(Math.min(7, next))
    for (const { key, size } of items) {
      const bytes = (await blobs.get(key)) ?? new Uint8Array(4)
      const n = (size - 500_000) / 13
      expect(new DataView(bytes.buffer).getUint32(0)).toBe(size)
      expect(Buffer.compare(bytes.subarray(4), new Uint8Array(size - 4).fill(n & 255))).toBe(0)
      // The last one answered under this key, or the one that was under way.
      expect(n + 7).toBeGreaterThanOrEqual(next)
    }
  }
  await remove()
})
