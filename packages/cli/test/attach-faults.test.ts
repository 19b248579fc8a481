/** Files on the command line when something is wrong: folders, places that are not there, streams that end early. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publishedTo, serve, start } from './network-world.ts'
import { inside, peopleTenant, temporaryFolder } from './world.ts'

test('a folder is no file, and a file goes into no folder that is not there', async () => {
  const at = await peopleTenant()
  const dir = temporaryFolder()
  const attached = await inside(['attach', 'people', 'ada', 'x', dir, ...at])
  expect(attached.code).toBe(2)
  expect(attached.err).toContain(dir)
  const file = join(dir, 'a.txt')
  writeFileSync(file, 'content')
  expect((await inside(['attach', 'people', 'ada', 'x', file, ...at])).code).toBe(0)
  const nowhere = await inside(['attachment', 'people', 'ada', 'x', '--out', join(dir, 'none', 'out'), ...at])
  expect(nowhere.code).toBe(2)
  expect(nowhere.err).toContain('none')
  mkdirSync(join(dir, 'folder'))
  const taken = await inside(['attachment', 'people', 'ada', 'x', '--out', join(dir, 'folder'), ...at])
  expect(taken.code).toBe(2)
  expect(readdirSync(dir).toSorted()).toEqual(['a.txt', 'folder'])
})

test('what is there stays as it is until the file is whole, and what is beside it always', async () => {
  const at = await peopleTenant()
  const dir = temporaryFolder()
  const [file, out] = [join(dir, 'a.txt'), join(dir, 'out')]
  writeFileSync(file, 'content')
  await inside(['attach', 'people', 'ada', 'x', file, ...at])
  writeFileSync(`${out}.part`, 'of somebody else')
  expect((await inside(['attachment', 'people', 'ada', 'x', '--out', out, ...at])).code).toBe(0)
  expect(readFileSync(out, 'utf8')).toBe('content')
  expect(existsSync(`${out}.part`) && readFileSync(`${out}.part`, 'utf8')).toBe('of somebody else')
})

test('sync ends when the server goes away while it brings files, and the next one goes on', async () => {
  const server = await serve()
  const ada = await publishedTo(server)
  const file = join(temporaryFolder(), 'large')
  const bytes = new Uint8Array(48 * 1024 * 1024).map((_, i) => (i >> 20) ^ (i % 251))
  writeFileSync(file, bytes)
  expect((await inside(['attach', 'people', 'ada', 'x', file, ...ada])).code).toBe(0)
  const syncing = start(['sync', ...ada])
  const blobs = join(server.dir, 'blobs')
  while (!existsSync(blobs) || readdirSync(blobs).length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  await server.running.stop()
  const ended = await syncing.ended
  expect(ended.code).toBe(1)
  expect(ended.err).toContain('OFFLINE')
  await serve(server.dir, new URL(server.url).port)
  expect((await inside(['sync', ...ada])).code).toBe(0)
  expect((await inside(['status', ...ada])).out).not.toContain('files ')
})
