/** Commands for several devices: joining, syncing, conflicts and keys. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inside, json, peopleTenant, temporaryFolder, varve } from './world.ts'

async function twoDevices(): Promise<readonly [readonly string[], readonly string[]]> {
  const ada = await peopleTenant()
  const dir = temporaryFolder()
  const grace = ['--data', join(dir, 'grace')]
  const [request, response, password] = ['request', 'response', 'password'].map((name) => join(dir, name))
  const asked = await varve(['join', 'request', '--user', 'grace', '--no-passphrase', ...grace])
  expect(asked.out).toMatch(/^varve-join-request-v1\.\S+\n$/)
  writeFileSync(request ?? '', asked.out)
  writeFileSync(password ?? '', 'on the telephone\n')
  const approved = await varve(['join', 'approve', request ?? '', '--password-file', password ?? '', ...ada])
  expect(approved.out).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/)
  writeFileSync(response ?? '', approved.out)
  const wrong = await inside(['join', 'accept', response ?? '', ...grace])
  expect(wrong.code).toBe(1)
  const joined = await varve(['join', 'accept', response ?? '', '--password-file', password ?? '', '--json', ...grace])
  expect(JSON.parse(joined.out)).toMatchObject({ name: 'acme', user: 'grace' })
  return [ada, grace]
}

test('join, sync, edit on both sides, sync, conflicts', async () => {
  const [ada, grace] = await twoDevices()
  const first = await varve(['sync', ada[1] ?? '', '--json', ...grace])
  expect(JSON.parse(first.out)).toMatchObject([{ database: 'main', sent: 0, received: 1 }])
  await inside(['patch', 'people', 'ada', '{"city":"London"}', ...ada])
  await inside(['patch', 'people', 'ada', '{"city":"Rome"}', ...grace])
  await inside(['patch', 'people', 'grace', '{"age":40}', ...ada])
  await inside(['patch', 'people', 'grace', '{"city":"Rome"}', ...grace])
  expect((await inside(['info', '--json', ...grace])).out).toContain('"pending":2')
  const second = await inside(['sync', ada[1] ?? '', ...grace])
  expect(second.out).toMatch(/^main: sent 2 commits \(\S+ \w+\), received \d commits? \(/)
  for (const at of [ada, grace]) {
    expect(await json(inside(['get', 'people', 'grace', '--json', ...at]))).toMatchObject({ age: 40, city: 'Rome' })
  }
  const conflicts = await json(varve(['conflicts', 'people', '--json', ...ada]))
  expect(conflicts).toMatchObject([
    {
      id: 'ada',
      path: 'city',
      winner: { value: 'Rome', actor: 'grace' },
      loser: { value: 'London' },
      resolvedBy: null,
    },
  ])
  await inside(['patch', 'people', 'ada', '{"city":"Turin"}', ...ada])
  expect((await varve(['conflicts', 'people', 'ada', ...ada])).out).toContain('version 3')
  expect((await inside(['conflicts', 'people', '--open', ...ada])).out).toBe('No conflicts.\n')
})

test('keys: create, rotate, export, import, remove, list', async () => {
  const [ada, grace] = await twoDevices()
  const dir = temporaryFolder()
  const [password, file] = [join(dir, 'password'), join(dir, 'keys.age')]
  writeFileSync(password, 'for the file\n')
  expect(await json(varve(['keys', 'create', 'salaries', '--json', ...ada]))).toEqual({ name: 'salaries', versions: 1 })
  expect((await varve(['keys', 'rotate', 'salaries', ...ada])).out).toBe('Rotated the key "salaries".\n')
  await inside(['create', 'pay', '{"euro":1}', '--id', 'p1', '--key', 'salaries', ...ada])
  await inside(['sync', ada[1] ?? '', ...grace])
  expect((await inside(['get', 'pay', 'p1', ...grace])).code).toBe(1)
  const exported = await varve(['keys', 'export', 'salaries', '--password-file', password, ...ada])
  expect(exported.out).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/)
  writeFileSync(file, exported.out)
  expect((await inside(['keys', 'import', file, ...grace])).code).toBe(2)
  expect((await inside(['keys', 'import', file, ...grace], { typed: ['wrong'] })).err).toContain('(WRONG_PASSPHRASE)')
  const imported = await varve(['keys', 'import', file, '--password-file', password, '--json', ...grace])
  expect(JSON.parse(imported.out)).toEqual({ names: ['salaries'] })
  expect((await inside(['get', 'pay', 'p1', ...grace])).out).toContain('"euro": 1')
  expect(await json(varve(['keys', 'list', '--json', ...grace]))).toEqual([
    { name: 'salaries', versions: 2 },
    { name: 'tenant', versions: 1 },
  ])
  expect((await varve(['keys', 'remove', 'salaries', ...grace])).code).toBe(0)
  expect((await inside(['get', 'pay', 'p1', ...grace])).code).toBe(1)
  expect((await inside(['keys', 'remove', 'salaries', ...grace])).err).toContain('(KEY_MISSING)')
})

test('keys passphrase replaces it', async () => {
  const dir = join(temporaryFolder(), 'data')
  const [from, to] = [join(temporaryFolder(), 'from'), join(temporaryFolder(), 'to')]
  writeFileSync(from, 'the old one\n')
  writeFileSync(to, 'the new one\n')
  await inside(['init', 'acme', '--user', 'ada', '--data', dir, '--passphrase-file', from])
  const change = ['keys', 'passphrase', '--data', dir, '--passphrase-file', from]
  expect(await json(varve([...change, '--new-passphrase-file', to, '--json']))).toEqual({ changed: true })
  expect((await inside(['info', '--data', dir, '--passphrase-file', from])).err).toContain('(WRONG_PASSPHRASE)')
  expect((await inside(['info', '--data', dir, '--passphrase-file', to])).code).toBe(0)
  const plain = await peopleTenant()
  expect((await inside(['keys', 'passphrase', ...plain])).code).toBe(2)
})
