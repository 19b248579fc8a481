/** Recovery by the command line: every admin's device is lost, and a kit from the safe makes a new one (D2). */

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { joinAs, parsed, publishedTo, serve, type Served } from './network-world.ts'
import { inside, json, peopleTenant, temporaryFolder, type Outcome } from './world.ts'

interface Safe {
  readonly kit: string
  /** Option for the kit's password. */
  readonly password: readonly string[]
}

/** Makes a kit and lays it in a safe. */
async function safeOf(ada: readonly string[]): Promise<{ readonly safe: Safe; readonly made: Outcome }> {
  const dir = temporaryFolder()
  const [kit, secret] = [join(dir, 'kit.age'), join(dir, 'password.txt')]
  writeFileSync(secret, 'in the safe\n')
  const password = ['--password-file', secret]
  const made = await inside(['recovery', 'make', ...password, ...ada])
  writeFileSync(kit, made.out)
  return { safe: { kit, password }, made }
}

function recover({ kit, password }: Safe, ...more: readonly string[]): Promise<Outcome> {
  return inside(['recovery', 'use', kit, '--no-passphrase', ...password, ...more])
}

function newFolder(): readonly string[] {
  return ['--data', join(temporaryFolder(), 'recovered')]
}

async function namesAt(at: readonly string[]): Promise<unknown> {
  return json(inside(['find', 'people', '--sort', 'name', '--select', 'name', '--json', ...at]))
}

async function levels(at: readonly string[]): Promise<readonly string[]> {
  const { out } = await inside(['devices', ...at])
  return out.split('\n').flatMap((line) => /^(\w+) +[0-9a-f]{16} +(\w+)/.exec(line)?.slice(1, 3).join(' ') ?? [])
}

async function published(): Promise<{ readonly served: Served; readonly ada: readonly string[] }> {
  const served = await serve()
  return { served, ada: await publishedTo(served) }
}

describe('a kit', () => {
  test('makes an admin’s device that has the data, lets others in, and shuts the lost ones out', async () => {
    const { served, ada } = await published()
    const { made, safe } = await safeOf(ada)
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(made.out).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/)
    expect(await levels(ada)).toEqual(['ada admin', 'recovery admin'])
    rmSync(ada[1] ?? '', { recursive: true })

    const back = newFolder()
    const recovered = await recover(safe, '--url', served.url, '--node', served.node, '--json', ...back)
    expect(recovered).toMatchObject({ code: 0, err: '' })
    expect(parsed(recovered.out)).toMatchObject({ name: 'acme', user: 'recovery', level: 'admin' })
    expect(await namesAt(back)).toMatchObject([{ name: 'Ada' }])
    const again = await joinAs('ada', back)
    expect((await inside(['revoke', 'ada', ...back])).code).toBe(0)
    const bob = await joinAs('bob', back)
    expect((await inside(['keys', 'rotate', 'tenant', ...back])).code).toBe(0)
    expect((await inside(['create', 'people', '{"name":"Grace"}', ...bob])).code).toBe(0)
    for (const at of [bob, back]) expect((await inside(['sync', ...at])).code).toBe(0)
    expect(await namesAt(back)).toMatchObject([{ name: 'Ada' }, { name: 'Grace' }])
    expect((await inside(['sync', ...again])).err).toContain('(FORBIDDEN)')
  })

  test('without a server: its device becomes an admin’s with the data of another device', async () => {
    const ada = await peopleTenant()
    const { made, safe } = await safeOf(ada)
    expect(made).toMatchObject({ code: 0, err: '' })
    const back = newFolder()
    const recovered = await recover(safe, ...back)
    expect(recovered).toMatchObject({ code: 0, err: '', out: expect.stringContaining('varve sync <dir>') })
    expect((await safeOf(back)).made).toMatchObject({ code: 1, out: '', err: expect.stringContaining('(FORBIDDEN)') })
    expect((await inside(['sync', ada[1] ?? '', ...back])).code).toBe(0)
    expect(await namesAt(back)).toHaveLength(5)
    expect(await levels(back)).toEqual(['ada admin', 'recovery admin'])
  })

  test('is protected by a passphrase on the new disk, and read from standard input', async () => {
    const { served, ada } = await published()
    const { made, safe } = await safeOf(ada)
    const file = join(temporaryFolder(), 'passphrase')
    writeFileSync(file, 'of the new device\n')
    const at = [...newFolder(), '--passphrase-file', file]
    const use = ['recovery', 'use', '-', ...safe.password, '--url', served.url, ...at]
    const recovered = await inside(use, { input: made.out })
    expect(recovered).toMatchObject({ code: 0, err: '', out: expect.stringContaining('make a new kit') })
    expect(await inside(['info', ...at.slice(0, 2)])).toMatchObject({ code: 2 })
    expect(await namesAt(at)).toHaveLength(1)
  })

  test('is typed a password for, twice when it is made', async () => {
    const { served, ada } = await published()
    const make = ['recovery', 'make', '--json', ...ada]
    expect(await inside(make, { typed: ['one', 'two'] })).toMatchObject({ code: 2, out: '' })
    const made = parsed((await inside(make, { typed: ['word', 'word'] })).out)
    expect(made['counts']).toBe(true)
    const [input, back] = [String(made['kit']), newFolder()]
    const use = ['recovery', 'use', '-', '--no-passphrase', '--url', served.url, ...back]
    expect(await inside(use, { input, typed: ['word'] })).toMatchObject({ code: 0, err: '' })
  })
})

describe('a kit that is of no use', () => {
  test('says so when it was revoked, and names the way out', async () => {
    const { served, ada } = await published()
    const { safe } = await safeOf(ada)
    expect((await inside(['revoke', 'recovery', ...ada])).code).toBe(0)
    const useless = await recover(safe, '--url', served.url, ...newFolder())
    expect(useless).toMatchObject({ code: 1, err: expect.stringContaining('look for a newer one (FORBIDDEN)') })
    const { safe: fresh } = await safeOf(ada)
    expect((await recover(fresh, '--url', served.url, ...newFolder())).code).toBe(0)
  })

  test('says so when the server never heard of it, until somebody tells it', async () => {
    const { served, ada } = await published()
    await served.running.stop()
    const { made, safe } = await safeOf(ada)
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining('run varve sync (OFFLINE)') })
    const back = newFolder()
    const offline = await recover(safe, '--url', served.url, ...back)
    expect(offline).toMatchObject({ code: 1, err: expect.stringContaining(`go on with varve publish ${served.url}`) })
    await serve(served.dir, new URL(served.url).port)
    const unknown = await recover(safe, '--url', served.url, ...newFolder())
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('has not heard of this kit') })
    expect((await inside(['sync', ...ada])).code).toBe(0)
    expect((await inside(['publish', served.url, ...back])).code).toBe(0)
    expect((await inside(['sync', ...back])).code).toBe(0)
    expect(await levels(back)).toEqual(['ada admin', 'recovery admin'])
  })

  test('made without a server, on a device that does not record, asks to be synced', async () => {
    const ada = await peopleTenant()
    const { safe } = await safeOf(ada)
    const back = newFolder()
    await recover(safe, ...back)
    await inside(['sync', ada[1] ?? '', ...back])
    const { made } = await safeOf(back)
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining('has heard of it: sync') })
  })

  test('is one that a member makes: he is told to ask an admin', async () => {
    const { ada } = await published()
    const { made } = await safeOf(await joinAs('bob', ada))
    expect(made).toMatchObject({ code: 1, out: '', err: expect.stringContaining('ask an admin') })
  })
})

function passwordFile(): string {
  const file = join(temporaryFolder(), 'password')
  writeFileSync(file, 'word\n')
  return file
}

test.each([
  [['--tenant', '00'.repeat(16)], 1, 'do not use it (FORBIDDEN)'],
  [['--password-file', '/absent'], 2, '/absent cannot be read'],
])('varve recovery use %j is refused, and leaves nothing', async (more, code, words) => {
  const ada = await peopleTenant()
  const { safe } = await safeOf(ada)
  const at = newFolder()
  expect(await recover(safe, ...more, ...at)).toMatchObject({ code, out: '', err: expect.stringContaining(words) })
  expect((await recover(safe, ...at)).code).toBe(0)
})

test('a wrong password, a file that is no kit, and a folder that is taken', async () => {
  const ada = await peopleTenant()
  const { safe } = await safeOf(ada)
  const at = newFolder()
  const other = { ...safe, password: ['--password-file', passwordFile()] }
  expect((await recover(other, ...at)).err).toContain('(WRONG_PASSPHRASE)')
  expect((await recover({ ...safe, kit: passwordFile() }, ...at)).err).toContain('(INVALID)')
  expect(await recover(safe, ...ada)).toMatchObject({ code: 1, err: expect.stringContaining('(EXISTS)') })
  expect((await recover({ ...safe, password: [] }, ...at)).err).toContain('give --password-file')
})
