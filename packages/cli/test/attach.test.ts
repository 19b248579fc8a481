/** Files on the command line: attached, written out whole or not at all, and carried by `sync`. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { joinAs, publishedTo, serve } from './network-world.ts'
import { inside, json, peopleTenant, temporaryFolder } from './world.ts'

function fileOf(name: string, text: string): string {
  const path = join(temporaryFolder(), name)
  writeFileSync(path, text)
  return path
}

test('a file is attached, described, and written out, in every version', async () => {
  const at = await peopleTenant()
  const first = fileOf('contract.pdf', 'first '.repeat(1000))
  const made = await inside(['attach', 'people', 'ada', 'contract', first, '--reason', 'signed', ...at])
  expect(made).toMatchObject({ code: 0, err: '' })
  expect(made.out).toContain('Attached contract.pdf (application/pdf, ')
  const piped = ['attach', 'people', 'ada', 'contract', '-', '--name', 'second.txt', '--json', ...at]
  expect(await json(inside(piped, { input: 'second' }))).toMatchObject({
    name: 'second.txt',
    type: 'text/plain',
    size: 6,
  })
  const told = await inside(['attachment', 'people', 'ada', 'contract', ...at])
  expect(told.out).toMatch(/^second\.txt \(text\/plain, 6 .*\)\n$/)
  const out = join(temporaryFolder(), 'out')
  expect(await inside(['attachment', 'people', 'ada', 'contract', '--out', out, ...at])).toMatchObject({ code: 0 })
  expect(readFileSync(out, 'utf8')).toBe('second')
  await inside(['attachment', 'people', 'ada', 'contract', '--ov', '1', '--out', out, ...at])
  expect(readFileSync(out, 'utf8')).toBe('first '.repeat(1000))
})

test('wrong calls are refused, and leave no file', async () => {
  const at = await peopleTenant()
  const out = join(temporaryFolder(), 'out')
  expect((await inside(['attach', 'people', 'ada', 'x', '-', ...at], { input: 'x' })).code).toBe(2)
  expect((await inside(['attach', 'people', 'ada', 'x', '/nowhere/at/all', ...at])).code).toBe(2)
  expect((await inside(['attach', 'people', 'nobody', 'x', fileOf('a', 'a'), ...at])).code).toBe(1)
  expect((await inside(['attachment', 'people', 'ada', 'name', '--out', out, ...at])).code).toBe(1)
  expect(existsSync(out)).toBe(false)
})

test('sync brings files to the server, and another device writes them out', async () => {
  const server = await serve()
  const ada = await publishedTo(server)
  const grace = await joinAs('grace', ada)
  await json(inside(['attach', 'people', 'ada', 'scan', fileOf('scan.txt', 'hello'), '--json', ...ada]))
  expect((await inside(['status', ...ada])).out).toContain('files      1 to be brought to the server')
  await json(inside(['sync', '--json', ...ada]))
  expect((await inside(['status', ...ada])).out).not.toContain('files ')
  await json(inside(['sync', '--json', ...grace]))
  const out = join(temporaryFolder(), 'out')
  expect(await inside(['attachment', 'people', 'ada', 'scan', '--out', out, ...grace])).toMatchObject({ code: 0 })
  expect(readFileSync(out, 'utf8')).toBe('hello')
  await server.running.stop()
  expect(await inside(['attachment', 'people', 'ada', 'scan', '--out', out, ...grace])).toMatchObject({ code: 0 })
})

test('collect removes nothing that is named, here and at the server, and only admins may there', async () => {
  const server = await serve()
  const ada = await publishedTo(server)
  const grace = await joinAs('grace', ada)
  await json(inside(['attach', 'people', 'ada', 'scan', fileOf('scan.txt', 'hello'), '--json', ...ada]))
  await json(inside(['sync', '--json', ...ada]))
  expect(await inside(['collect', ...ada])).toMatchObject({ code: 0, out: '0 pieces gone (0 B), 1 kept\n' })
  const asked = ['collect', '--server', '--older-than-days', '1', '--json']
  expect(await json(inside([...asked, ...ada]))).toEqual({ removed: 0, bytes: 0, kept: 1 })
  expect(await inside([...asked, ...grace])).toMatchObject({ code: 1, err: expect.stringContaining('FORBIDDEN') })
  const young = ['collect', '--server', '--older-than-days', '0.5', ...ada]
  expect(await inside(young)).toMatchObject({ code: 1, err: expect.stringContaining('INVALID') })
})
