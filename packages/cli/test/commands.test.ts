/** Every command as a process: what it prints for people, what it prints as JSON, and how it ends. */

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { inside, json, peopleTenant, temporaryFolder, varve } from './world.ts'

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describe('help', () => {
  test('the program and every command have help with examples', async () => {
    const top = await varve(['--help'])
    expect(top).toMatchObject({ code: 0, err: '' })
    const names = [...top.out.matchAll(/^ {2}([a-z][a-z-]+) /gm)].map((match) => match[1] ?? '')
    expect(names).toEqual(
      expect.arrayContaining(['init', 'import', 'find', 'as-of', 'restore', 'keys', 'join', 'verify', 'tour']),
    )
    expect(names.length).toBeGreaterThanOrEqual(19)
    for (const name of names) {
      const help = await inside([name, '--help'])
      expect([name, help.code, help.err, help.out.includes('Examples:\n  varve ')]).toEqual([name, 0, '', true])
    }
  })

  test('npm links the command before anything is built', () => {
    const folder = join(import.meta.dirname, '..')
    expect(readFileSync(join(folder, 'package.json'), 'utf8')).toContain('"varve": "bin/varve.js"')
    expect(statSync(join(folder, 'bin/varve.js')).mode & 0o111).toBe(0o111)
  })

  test('the version is that of the package', async () => {
    expect((await varve(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('init and info', () => {
  test('a tenant is founded once', async () => {
    const dir = join(temporaryFolder(), 'data')
    const secret = join(temporaryFolder(), 'secret')
    writeFileSync(secret, 'correct horse\n')
    const init = ['init', 'acme', '--user', 'ada', '--data', dir, '--passphrase-file', secret]
    const made = await varve([...init, '--json'])
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(made.out)).toMatchObject({ name: 'acme', user: 'ada', encrypted: true })
    const again = await varve(init)
    expect(again).toMatchObject({ code: 1, out: '' })
    expect(again.err).toMatch(/^varve: There is a tenant in this store already: .*\(EXISTS\)\n$/)
    const info = await varve(['info', '--data', dir, '--passphrase-file', secret])
    expect(info.code).toBe(0)
    expect(info.out).toMatch(/^tenant +acme /)
    expect(info.out).toContain('No databases yet')
  })

  test('info counts documents, commits and bytes', async () => {
    const at = await peopleTenant()
    expect(await json(varve(['info', '--json', ...at]))).toMatchObject({
      name: 'acme',
      me: { user: 'ada' },
      keys: ['tenant'],
      users: [{ name: 'ada', roles: ['admin'] }],
      databases: [{ name: 'main', mode: 'sealed', documents: 5, commits: 1, pending: 0 }],
    })
    expect((await inside(['info', ...at])).out).toMatch(/^main +sealed +5 +1 +0 +\S+ \w+ +people 5$/m)
  })
})

describe('import and export', () => {
  test('standard input, ids from an attribute, and out again', async () => {
    const at = await peopleTenant()
    const input = '{"mail":{"main":"a@x"},"n":1}\n\n{"mail":{"main":"b@x"},"n":2}'
    const done = await varve(['import', 'boxes', '--id', 'mail.main', '--json', ...at], input)
    expect(done).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(done.out)).toMatchObject({ documents: 2, commits: 1 })
    const out = await varve(['export', 'boxes', ...at])
    expect(out).toEqual({
      code: 0,
      err: '',
      out: '{"id":"a@x","mail":{"main":"a@x"},"n":1}\n{"id":"b@x","mail":{"main":"b@x"},"n":2}\n',
    })
    expect(await json(inside(['import', 'copy', '--json', ...at], { input: out.out }))).toMatchObject({ documents: 2 })
    expect((await inside(['export', 'copy', ...at])).out).toBe(out.out)
    expect((await inside(['export', 'copy', '--system', '--limit', '1', ...at])).out).toContain('"_system":{"ov":0')
  })

  test('2,500 lines of a gzipped file are three commits', async () => {
    const at = await peopleTenant()
    const file = join(temporaryFolder(), 'many.jsonl.gz')
    writeFileSync(file, gzipSync(Array.from({ length: 2500 }, (_, n) => `{"id":"n${n}","n":${n}}\n`).join('')))
    const done = await inside(['import', 'many', file, ...at])
    expect(done.out).toMatch(/^Imported 2,500 documents in 3 commits \(.* a second\)\.\n$/)
    expect((await inside(['find', 'many', '--count', ...at])).out).toBe('2,500\n')
    expect((await inside(['export', 'many', ...at])).out.length).toBe(gunzipSync(readFileSync(file)).length)
  })

  test.each([
    ['{"a":1}\n{"a":', 'Line 2 of standard input is not JSON'],
    ['[1]', 'Line 1 of standard input is not a JSON object'],
    ['{"a":12345678901234567890}', 'cannot be kept exactly'],
    ['{"_system":{}}', '_system'],
  ])('%s is refused and nothing of it is written', async (input, words) => {
    const at = await peopleTenant()
    const { code, out, err } = await inside(['import', 'bad', ...at], { input })
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(words)
    expect(err).toContain('nothing was imported')
    expect(err.split('\n')).toHaveLength(2)
    expect((await inside(['find', 'bad', ...at])).err).toContain('There is no collection "bad"')
  })

  test('bytes that are not UTF-8 are refused', async () => {
    const at = await peopleTenant()
    const bytes = Readable.from([Buffer.from([0x7b, 0xff, 0x7d])])
    expect((await inside(['import', 'bad', ...at], { input: bytes })).err).toContain(
      'Line 1 of standard input is not UTF-8',
    )
  })

  test('a failure says what is in and how to go on', async () => {
    const at = await peopleTenant()
    const good = Array.from({ length: 1001 }, (_, n) => `{"id":"n${n}"}\n`).join('')
    const failed = await inside(['import', 'many', ...at], { input: `${good}{"id":"n0"}\n` })
    expect(failed.code).toBe(1)
    expect(failed.err).toMatch(/after line 1000 of standard input: go on with --skip 1000 .*\(EXISTS\)\n$/)
    const rest = await inside(['import', 'many', '--skip', '1000', '--json', ...at], { input: good })
    expect(JSON.parse(rest.out)).toMatchObject({ documents: 1 })
  })

  test('an integer inside a string may be long', async () => {
    const at = await peopleTenant()
    const input = '{"id":"a","text":"12345678901234567890","n":9007199254740992}'
    expect(await json(inside(['import', 'long', '--json', ...at], { input }))).toMatchObject({ documents: 1 })
  })
})

describe('one document', () => {
  test('create, get, patch, delete, restore', async () => {
    const at = await peopleTenant()
    const made = await json(varve(['create', 'people', '{"name":"Alan"}', '--id', 'alan', '--json', ...at]))
    expect(made).toMatchObject({ id: 'alan', ov: 0, cv: 5, changed: true })
    const patched = await varve(['patch', 'people', 'alan', '{"home.city":"London"}', '--expect', '0', ...at])
    expect(patched.out).toBe('Changed alan: version 1.\n')
    expect(await json(varve(['get', 'people', 'alan', '--json', ...at]))).toMatchObject({
      id: 'alan',
      home: { city: 'London' },
      _system: { ov: 1 },
    })
    expect((await inside(['get', 'people', 'alan', '--ov', '0', ...at])).out).not.toContain('London')
    const stale = await inside(['patch', 'people', 'alan', '{"name":"A"}', '--expect', '0', ...at])
    expect(stale.code).toBe(1)
    expect(stale.err).toContain('(CONFLICT)')
    expect((await varve(['delete', 'people', 'alan', ...at])).out).toBe('Deleted alan: version 2.\n')
    const gone = await varve(['get', 'people', 'alan', ...at])
    expect(gone).toMatchObject({ code: 1, out: '' })
    expect(gone.err).toContain('(NOT_FOUND)')
    expect((await varve(['restore', 'people', 'alan', '--dry-run', ...at])).out).toBe('It would be alive again.\n')
    expect((await varve(['restore', 'people', 'alan', ...at])).out).toBe('Restored alan: version 3.\n')
    expect((await inside(['get', 'people', 'alan', '--select', 'home.city', ...at])).out).toContain('London')
  })

  test('create reads standard input', async () => {
    const at = await peopleTenant()
    const made = await inside(['create', 'people', '-', '--id', 'kurt', ...at], { input: '{"name":"Kurt"}' })
    expect(made.out).toBe('Created kurt: version 0.\n')
  })

  test('history and diff', async () => {
    const at = await peopleTenant()
    await inside(['patch', 'people', 'ada', '{"age":37,"city":"London"}', '--reason', 'moved', '--actor', 'eve', ...at])
    await inside(['patch', 'people', 'ada', '{"$unset":{"city":true}}', ...at])
    const history = await json(varve(['history', 'people', 'ada', '--from', '1', '--json', ...at]))
    expect(history).toMatchObject([
      { ov: 1, actor: 'eve', reason: 'moved', kind: 'change', paths: ['age', 'city'], at: expect.stringMatching(time) },
      { ov: 2, actor: 'ada', reason: null, paths: ['city'] },
    ])
    const shown = await inside(['history', 'people', 'ada', ...at])
    expect(shown.out).toMatch(/^ov +recorded +actor +kind +changed +reason\n0 /)
    expect(shown.out.trimEnd().split('\n')).toHaveLength(4)
    const diff = await varve(['diff', 'people', 'ada', '0', '2', ...at])
    expect(diff).toEqual({ code: 0, err: '', out: '~ age  30 → 37\n- city  "Paris"\n' })
    expect(await json(inside(['diff', 'people', 'ada', '1', '1', '--json', ...at]))).toEqual([])
  })
})

describe('find', () => {
  test('filter, sort, limit and select', async () => {
    const at = await peopleTenant()
    const asked = ['--filter', '{"age":{"$gte":32}}', '--sort', '-age', '--limit', '2', '--select', 'name', ...at]
    const found = await varve(['find', 'people', ...asked])
    expect(found).toEqual({
      code: 0,
      err: '2 documents\n',
      out: '{"id":"donald","name":"Donald"}\n{"id":"barbara","name":"Barbara"}\n',
    })
    const list = await json(varve(['find', 'people', '--json', ...asked]))
    expect(list).toMatchObject([{ id: 'donald' }, { id: 'barbara' }])
    expect(await json(inside(['find', 'people', '--filter', '{"age":1}', '--json', ...at]))).toEqual([])
    expect(await json(inside(['find', 'people', '--count', '--json', ...at]))).toBe(5)
  })

  test('deleted documents on request', async () => {
    const at = await peopleTenant()
    await inside(['delete', 'people', 'ada', ...at])
    expect((await inside(['find', 'people', ...at])).err).toBe('4 documents\n')
    expect((await inside(['find', 'people', '--deleted', ...at])).err).toBe('5 documents\n')
  })
})

describe('as-of and restore of a whole collection', () => {
  test('by record number, by time, and back', async () => {
    const at = await peopleTenant()
    const ada = await json(inside(['get', 'people', 'ada', '--json', ...at]))
    const then = JSON.stringify(ada).match(/"updatedAt":"([^"]+)"/)?.[1] ?? ''
    await inside(['patch', 'people', 'ada', '{"age":99}', ...at])
    await inside(['delete', 'people', 'grace', ...at])
    const list = await varve(['as-of', 'people', '--record', '0', '--sort', 'age', '--select', 'age', '--json', ...at])
    expect(list).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(list.out)).toMatchObject([{ id: 'ada', age: 30 }, { id: 'grace' }, {}, {}, {}])
    const one = await varve(['as-of', 'people', 'ada', '--at', then, '--json', ...at])
    expect(JSON.parse(one.out)).toMatchObject({ age: 30, _system: { ov: 0 } })
    const authored = await inside(['as-of', 'people', 'ada', '--at', then, '--authored', '--json', ...at])
    expect(JSON.parse(authored.out)).toMatchObject({ age: 30 })
    const before = await inside(['as-of', 'people', 'ada', '--at', '2000-01-01', ...at])
    expect(before.code).toBe(1)
    const dry = await varve(['restore', 'people', '--all', '--at', then, '--dry-run', '--json', ...at])
    expect(JSON.parse(dry.out)).toEqual({ planned: 2, restored: 0, dryRun: true })
    expect((await inside(['find', 'people', ...at])).err).toBe('4 documents\n')
    expect((await varve(['restore', 'people', '--all', '--cv', '4', ...at])).out).toBe('Restored 2 documents.\n')
    expect((await inside(['get', 'people', 'ada', ...at])).out).toContain('"age": 30')
  })

  test('a dry run of one document shows the differences', async () => {
    const at = await peopleTenant()
    await inside(['patch', 'people', 'ada', '{"age":99}', ...at])
    const dry = await inside(['restore', 'people', 'ada', '--ov', '0', '--dry-run', ...at])
    expect(dry.out).toBe('~ age  99 → 30\n')
    expect(await json(inside(['restore', 'people', 'ada', '--ov', '0', '--json', ...at]))).toMatchObject({ ov: 2 })
  })
})

describe('verify', () => {
  test('all well, in words and as JSON', async () => {
    const at = await peopleTenant()
    expect(await varve(['verify', ...at])).toEqual({
      code: 0,
      err: '',
      out: 'main: 1 commit with 5 entries, all well\n',
    })
    expect(await json(varve(['verify', '--database', 'main', '--json', ...at]))).toEqual([
      { database: 'main', ok: true, commits: 1, entries: 5, problems: [] },
    ])
  })
})
