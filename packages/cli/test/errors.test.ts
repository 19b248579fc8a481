/** What goes wrong on a command line: one line that says what happened and what to do, and the right exit code. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { openTenant } from 'varve'
import { describe, expect, test } from 'vitest'
import { inside, json, peopleTenant, temporaryFolder, varve, type Outcome } from './world.ts'

function expectLine({ code, out, err }: Outcome, expectedCode: number, words: string): void {
  expect({ code, out, lines: err.split('\n').length }).toEqual({ code: expectedCode, out: '', lines: 2 })
  expect(err).toMatch(/^varve: /)
  expect(err).toContain(words)
}

describe('used wrongly: exit code 2', () => {
  test.each([
    [[], 'no command was given'],
    [['fnid', 'people'], "unknown command 'fnid'"],
    [['find'], "missing required argument 'collection'"],
    [['find', 'people', '--limt', '3'], "unknown option '--limt'"],
    [['find', 'people', '--limit', 'three'], 'whole number'],
    [['find', 'people', '--filter', '{status'], 'The filter is not JSON'],
    [['find', 'people', '--filter', '[]'], 'The filter must be a JSON object'],
    [['init', 'acme'], "required option '--user <name>' not specified"],
    [['init', 'acme', '--user', 'ada'], 'give --passphrase-file or --no-passphrase'],
    [['diff', 'people', 'ada', 'one', '2'], '"one" is not a version'],
    [['as-of', 'people'], 'Give either --at TIME or --record N'],
    [['restore', 'people'], 'Give the id of a document, or --all'],
    [['restore', 'people', '--all'], 'give either --at TIME or --cv N'],
    [['patch', 'people', 'ada', '{"n":12345678901234567890}'], 'cannot be kept exactly'],
    [['keys', 'import', 'absent.age'], 'The file absent.age cannot be read'],
  ])('varve %j', async (args, words) => {
    const at = args[0] === 'patch' ? await peopleTenant() : []
    expectLine(await inside([...args, ...at]), 2, words)
  })

  test('as a process', async () => {
    expectLine(await varve(['find', 'people', '--limt', '3']), 2, "unknown option '--limt'")
  })
})

describe('failed: exit code 1', () => {
  test('a missing tenant, and nothing is made in its place', async () => {
    const dir = join(temporaryFolder(), 'nowhere')
    expectLine(await varve(['info', '--data', dir]), 1, 'make one with varve init')
    expect(existsSync(dir)).toBe(false)
  })

  test('a missing file to import, and no database is made for it', async () => {
    const at = await peopleTenant()
    const absent = ['import', 'people', 'absent.jsonl', '--database', 'crm']
    expectLine(await inside([...absent, ...at]), 2, 'There is no file absent.jsonl')
    expect(await json(inside(['info', '--json', ...at]))).toMatchObject({ databases: [{ name: 'main' }] })
  })

  test('a missing database, collection or document', async () => {
    const at = await peopleTenant()
    expectLine(await inside(['find', 'people', '--database', 'crm', ...at]), 1, 'choose --database of main')
    expectLine(await inside(['find', 'persons', ...at]), 1, 'choose a collection of people')
    expectLine(await inside(['get', 'people', 'eve', ...at]), 1, 'There is no document "eve"')
    expectLine(await inside(['history', 'people', 'eve', ...at]), 1, '(NOT_FOUND)')
    expect(await json(inside(['info', '--json', ...at]))).toMatchObject({ databases: [{ name: 'main' }] })
  })

  test('a wrong passphrase, and none', async () => {
    const dir = join(temporaryFolder(), 'data')
    const [right, wrong] = [join(temporaryFolder(), 'right'), join(temporaryFolder(), 'wrong')]
    writeFileSync(right, 'correct horse\n')
    writeFileSync(wrong, 'wrong horse\n')
    await inside(['init', 'acme', '--user', 'ada', '--data', dir, '--passphrase-file', right])
    expectLine(await varve(['info', '--data', dir, '--passphrase-file', wrong]), 1, '(WRONG_PASSPHRASE)')
    expectLine(await varve(['info', '--data', dir]), 2, 'give --passphrase-file')
    expectLine(await inside(['info', '--data', dir], { typed: ['wrong'] }), 1, '(WRONG_PASSPHRASE)')
    expect((await inside(['info', '--data', dir], { typed: ['correct horse'] })).code).toBe(0)
  })

  test('two passphrases that differ', async () => {
    const dir = join(temporaryFolder(), 'data')
    const init = ['init', 'acme', '--user', 'ada', '--data', dir]
    expectLine(await inside(init, { typed: ['one', 'two'] }), 2, 'The two differ')
    expect(existsSync(dir)).toBe(false)
    expect((await inside(init, { typed: ['one', 'one'] })).code).toBe(0)
  })

  test('a store that is open elsewhere', async () => {
    const at = await peopleTenant()
    const tenant = await openTenant({ store: sqlite({ dir: at[1] ?? '' }) })
    try {
      expectLine(await varve(['info', ...at]), 1, 'is open elsewhere: close it there first (LOCKED)')
    } finally {
      await tenant.close()
    }
  })

  test('a damaged file: verify finds it, and opening says what to do', async () => {
    const at = await peopleTenant()
    const dir = at[1] ?? ''
    const store = readdirSync(dir).filter((name) => /^[0-9a-f]{32}\.sqlite$/.test(name))
    for (const name of store) damage(join(dir, name))
    const verified = await varve(['verify', '--json', ...at])
    if (verified.out === '') expectLine(verified, 1, 'damaged')
    else {
      expect(verified.code).toBe(1)
      expect(JSON.parse(verified.out)).toMatchObject([{ database: 'main', ok: false }])
    }
    writeFileSync(join(dir, 'tenant.sqlite'), 'not a database')
    expectLine(await varve(['info', ...at]), 1, '(TAMPERED)')
  })
})

/** Changes one byte in every 512 of the later half of a file. */
function damage(path: string): void {
  const bytes = readFileSync(path)
  for (let i = bytes.length >> 1; i < bytes.length; i += 512) bytes.writeUInt8(bytes.readUInt8(i) ^ 0x55, i)
  writeFileSync(path, bytes)
}
