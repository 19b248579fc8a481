/** Commands that need a server: a whole life of a tenant on one, from publishing to shutting somebody out. */

import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { joinAs, parsed, publishedTo, serve, start } from './network-world.ts'
import { inside, json, temporaryFolder } from './world.ts'

async function names(at: readonly string[]): Promise<readonly unknown[]> {
  const found = await json(inside(['find', 'people', '--sort', 'name', '--select', 'name', '--json', ...at]))
  const list: readonly unknown[] = Array.isArray(found) ? found : []
  return list
}

describe('serve', () => {
  test('as a process: tells its address and key, serves, and stops in order at SIGTERM', async () => {
    const dir = join(temporaryFolder(), 'server')
    const main = fileURLToPath(new URL('fast-main.ts', import.meta.url))
    const args = ['--conditions=source', '--import', 'tsx', main, 'serve', '--data', dir, '--port', '0']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    let err = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
    while (!out.includes('Ctrl-C'))
      await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), ended])
    const [, url] = /^Varve serves on (http:\/\/127\.0\.0\.1:\d+)$/m.exec(out) ?? []
    expect(out).toMatch(/^ {2}node key {3}[0-9a-f]{64}$/m)
    expect(out).toMatch(/^ {2}publish {4}everybody who reaches it$/m)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(out).toMatch(/Stopped\.\n$/)
    for (const line of err.trim().split('\n')) expect(parsed(line)['level']).toBe('info')
  })

  test('keeps its key and its tenants, and takes its options from a file', async () => {
    const dir = join(temporaryFolder(), 'server')
    const file = join(temporaryFolder(), 'serve.json')
    writeFileSync(
      file,
      JSON.stringify({ dir, port: 0, publish: { token: 'sixteen-characters' }, log: { level: 'error' } }),
    )
    const first = start(['serve', '--config', file, '--json'])
    const told = parsed(await first.line('"url"'))
    expect(told).toMatchObject({ data: dir, publish: 'token' })
    expect(await first.stop()).toMatchObject({ code: 0, err: '' })
    const again = start(['serve', '--config', file, '--json'])
    expect(parsed(await again.line('"url"'))['node']).toBe(told['node'])
    const ada = ['--data', join(temporaryFolder(), 'ada')]
    await inside(['init', 'acme', '--user', 'ada', '--no-passphrase', ...ada])
    const url = String(parsed(await again.line('"url"'))['url'])
    expect(await inside(['publish', url, ...ada])).toMatchObject({ code: 1, err: expect.stringContaining('by token') })
    const token = join(temporaryFolder(), 'token')
    writeFileSync(token, 'sixteen-characters\n')
    expect((await inside(['publish', url, '--token-file', token, ...ada])).code).toBe(0)
  })

  test.each([
    [['--config', 'absent.json'], 2, 'absent.json cannot be read'],
    [['--port', '70000'], 1, '"port"'],
    [['--open', '--publish-token-file', 'x'], 2, 'not both'],
  ])('%j is refused', async (args, code, words) => {
    const refused = await inside(['serve', '--data', join(temporaryFolder(), 'server'), ...args])
    expect(refused).toMatchObject({ code, err: expect.stringContaining(words) })
  })

  test('a port that is taken, and a folder that is in use', async () => {
    const { url, dir } = await serve()
    const taken = await inside(['serve', '--data', join(temporaryFolder(), 'other'), '--port', new URL(url).port])
    expect(taken).toMatchObject({ code: 1, err: expect.stringContaining('(LOCKED)') })
    expect(await inside(['serve', '--data', dir, '--port', '0'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('(LOCKED)'),
    })
  })
})

describe('two devices', () => {
  test('publish, invite, join, edit offline on both sides, sync, agree', async () => {
    const served = await serve()
    const ada = await publishedTo(served)
    expect(await json(inside(['status', '--json', ...ada]))).toMatchObject({
      level: 'admin',
      node: { url: served.url, key: served.node },
      recorder: { key: served.node, here: false, proposed: null },
    })
    const bob = await joinAs('bob', ada)
    expect(await names(bob)).toMatchObject([{ name: 'Ada' }])
    await served.running.stop()
    await inside(['create', 'people', '{"name":"by ada"}', ...ada])
    await inside(['create', 'people', '{"name":"by bob"}', ...bob])
    await inside(['patch', 'people', 'ada', '{"city":"London"}', ...bob])
    const offline = await inside(['sync', ...bob])
    expect(offline).toMatchObject({ code: 1, out: '', err: expect.stringContaining('(OFFLINE)') })
    await serve(served.dir, new URL(served.url).port)
    expect(await json(inside(['sync', '--json', ...bob]))).toMatchObject([
      { database: 'directory' },
      { database: 'main', recorded: 3, pending: 0, refused: 0 },
    ])
    expect((await inside(['sync', ...ada])).out).toMatch(/^main +2 +4 +0 +0$/m)
    await inside(['sync', '--once', ...bob])
    for (const at of [ada, bob]) {
      expect(await names(at)).toMatchObject([{ name: 'Ada' }, { name: 'by ada' }, { name: 'by bob' }])
      expect(await json(inside(['get', 'people', 'ada', '--json', ...at]))).toMatchObject({ city: 'London' })
      expect((await inside(['verify', ...at])).code).toBe(0)
    }
  })

  test('a link that waits is answered later, and shows the same fingerprint on both sides', async () => {
    const ada = await publishedTo(await serve())
    const { link, id } = parsed((await inside(['invite', '--uses', '2', '--roles', 'admin', '--json', ...ada])).out)
    const bob = ['--data', join(temporaryFolder(), 'bob')]
    const join1 = ['join', String(link), '--user', 'bob', '--no-passphrase', ...bob]
    const early = await inside([...join1, '--wait', '0'])
    expect(early).toMatchObject({ code: 1, out: '', err: expect.stringContaining('same link') })
    const [, fingerprint] = /fingerprint ([0-9a-f]{16})/.exec(early.err) ?? []
    const approved = await inside(['approve', '--invited', '--wait', '20', ...ada])
    expect(approved).toMatchObject({ code: 0, out: expect.stringContaining(`bob joined with device`) })
    expect(approved.out).toContain(`fingerprint ${fingerprint}`)
    expect((await inside(join1)).out).toBe('Joined acme as bob. Its data is here.\n')
    expect((await inside(['invite', '--list', ...ada])).out).toContain('1 of 2')
    expect((await inside(['invite', '--end', String(id).slice(0, 8), ...ada])).code).toBe(0)
    expect((await inside(['invite', '--list', ...ada])).out).toBe('No open invitations.\n')
    expect((await inside(['approve', '--invited', ...ada])).out).toBe('Nobody has come.\n')
    expect((await inside(['invite', '--json', ...bob])).code).toBe(0)
  })

  test('changes are shown as they arrive', async () => {
    const ada = await publishedTo(await serve())
    const bob = await joinAs('bob', ada)
    const live = start(['sync', '--live', ...ada])
    await inside(['create', 'people', '{"name":"Donald"}', ...bob])
    await inside(['sync', ...bob])
    expect(await live.line('main/people')).toMatch(/ created {2}main\/people\//)
    expect(await live.stop()).toMatchObject({ code: 0, err: expect.stringContaining('connected to') })
    const watching = start(['watch', 'people', '--json', ...ada])
    await inside(['create', 'people', '{"name":"Grace"}', '--id', 'grace', ...bob])
    await inside(['create', 'other', '{"name":"elsewhere"}', ...bob])
    await inside(['sync', ...bob])
    const change = parsed(await watching.line('Grace'))
    expect(change).toMatchObject({ database: 'main', collection: 'people', id: 'grace', kind: 'created' })
    expect(await watching.stop()).toMatchObject({ code: 0 })
    expect(watching.out()).not.toContain('elsewhere')
    const all = start(['watch', '--all', '--no-sync', ...ada])
    expect(await all.line('Ada')).toMatch(
      /^\d\d:\d\d:\d\d {2}created {2}main\/people\/ada {2}\{"id":"ada","name":"Ada"\}$/,
    )
    await all.stop()
    const rest = start(['watch', '--since', String(change['cursor']), '--no-sync', '--json', ...ada])
    expect(await rest.line('elsewhere')).toContain('"collection":"other"')
    await rest.stop()
    expect(rest.out()).not.toContain('Grace')
  })
})

describe('people', () => {
  test('devices are listed and revoked; a revoked one is told so, and asked to wipe itself it does', async () => {
    const served = await serve()
    const ada = await publishedTo(served)
    const [bob, eve] = [await joinAs('bob', ada), await joinAs('eve', ada)]
    await inside(['create', 'people', '{"name":"by bob"}', ...bob])
    await inside(['sync', ...bob])
    await inside(['sync', ...ada])
    const listed = await json(inside(['devices', '--json', ...ada]))
    expect(listed).toMatchObject([
      { user: 'ada', level: 'admin', here: true },
      { user: 'bob', level: 'member', lastWrite: expect.stringMatching(/Z$/) },
      { user: 'eve', level: 'member', lastWrite: null },
    ])
    const device = /^bob +([0-9a-f]{16}) +member/m.exec((await inside(['devices', ...ada])).out)?.[1] ?? ''
    expect((await inside(['revoke', device, ...ada])).out).toBe('Revoked: 1 device.\n')
    const after = await inside(['sync', ...bob])
    expect(after).toMatchObject({ code: 1, err: expect.stringContaining('(FORBIDDEN)') })
    expect(await names(bob)).toHaveLength(2)
    expect(await json(inside(['revoke', 'eve', '--wipe', '--json', ...ada]))).toMatchObject({ wipe: true, told: true })
    expect((await inside(['sync', ...eve])).code).toBe(1)
    expect(existsSync(join(eve[1] ?? '', 'tenant.sqlite'))).toBe(false)
    expect(await inside(['revoke', 'nobody', ...ada])).toMatchObject({ code: 2 })
    expect(await inside(['revoke', 'ada', ...ada])).toMatchObject({
      code: 1,
      err: expect.stringContaining('(INVALID)'),
    })
  })

  test.each([
    ['watch', []],
    ['sync', ['--live']],
  ])('%s ends when the device is revoked, and says why', async (command, flags) => {
    const ada = await publishedTo(await serve())
    const bob = await joinAs('bob', ada)
    const following = start([command, ...flags, ...bob])
    await inside(['create', 'people', '{"name":"Grace"}', ...ada])
    await inside(['sync', ...ada])
    await following.line('created')
    await inside(['revoke', 'bob', ...ada])
    const { code, err } = await following.ended
    expect(code).toBe(1)
    expect(err).toMatch(/^connected to /)
    expect(err).toMatch(/not connected any more: ask an admin .*\(FORBIDDEN\)\n$/)
    expect(await inside([command, ...flags, ...bob])).toMatchObject({ code: 1 })
  })

  test('revoking without the server says that it will hold later', async () => {
    const served = await serve()
    const ada = await publishedTo(served)
    await joinAs('bob', ada)
    await served.running.stop()
    const revoked = await inside(['revoke', 'bob', ...ada])
    expect(revoked).toMatchObject({ code: 0, err: expect.stringContaining('run varve sync') })
  })
})

describe('publishing to another server', () => {
  test('tells the former one, or says that it could not', async () => {
    const [first, second, third] = [await serve(), await serve(), await serve()]
    const ada = await publishedTo(first)
    const moved = await inside(['publish', second.url, '--json', ...ada])
    expect(moved).toMatchObject({ code: 0, err: '' })
    expect(parsed(moved.out)).toMatchObject({ node: second.node, former: { url: first.url, told: true } })
    await second.running.stop()
    const lost = await inside(['publish', third.url, ...ada])
    expect(lost).toMatchObject({ code: 0, err: expect.stringContaining(`run varve sync --url ${second.url}\n`) })
    await serve(second.dir, new URL(second.url).port)
    expect((await inside(['sync', '--url', second.url, ...ada])).code).toBe(0)
    expect(await (await fetch(`${second.url}/v1/tenants/${await idOf(ada)}/appointments`)).json()).toMatchObject({
      appointments: { length: 3 },
    })
  })
})

async function idOf(at: readonly string[]): Promise<string> {
  return String(parsed((await inside(['info', '--json', ...at])).out)['id'])
}

describe('mirror', () => {
  test('another server follows without keys, and serves devices', async () => {
    const first = await serve()
    const ada = await publishedTo(first)
    const bob = await joinAs('bob', ada)
    const dir = join(temporaryFolder(), 'second')
    const second = await serve(dir)
    await second.running.stop()
    const file = join(temporaryFolder(), 'acme.json')
    const mirrored = await inside(['mirror', second.node, '--name', 'paris', '--databases', 'main', ...ada])
    expect(mirrored).toMatchObject({ code: 0, err: '' })
    writeFileSync(file, mirrored.out)
    const running = start(['serve', '--data', dir, '--port', '0', '--mirror', file, '--json'])
    const url = String(parsed(await running.line('"url"'))['url'])
    await inside(['create', 'people', '{"name":"Grace"}', ...ada])
    await inside(['sync', ...ada])
    for (let tries = 0; tries < 50 && (await names(bob)).length < 2; tries++)
      await inside(['sync', '--url', url, ...bob])
    expect(await names(bob)).toMatchObject([{ name: 'Ada' }, { name: 'Grace' }])
    expect((await inside(['devices', ...ada])).out).toMatch(/^paris +[0-9a-f]{16} +mirror/m)
    const wrong = await inside(['mirror', second.node, '--name', 'paris', '--databases', 'nothing', ...ada])
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('no database "nothing"') })
  })
})

describe('what goes wrong', () => {
  test.each([
    [['publish', 'http://127.0.0.1:1'], 1, '(OFFLINE)'],
    [['publish', 'nonsense'], 1, '(INVALID)'],
    [['sync'], 1, 'publish the tenant'],
    [['invite'], 1, 'knows no node'],
    [['sync', '--live', '--once'], 2, 'not both'],
    [['approve'], 2, 'Give a file'],
    [['audit', 'http://127.0.0.1:1'], 1, '(OFFLINE)'],
    [['prove', 'people'], 2, 'whole id of a commit'],
    [['mirror', 'ab'.repeat(32), '--name', 'paris'], 1, 'varve publish first'],
  ])('varve %j', async (args, code, words) => {
    const at = ['--data', join(temporaryFolder(), 'ada')]
    await inside(['init', 'acme', '--user', 'ada', '--no-passphrase', ...at])
    const { err, out, ...rest } = await inside([...args, ...at])
    expect({ ...rest, out, lines: err.split('\n').length }).toEqual({ code, out: '', lines: 2 })
    expect(err).toContain(words)
  })

  test('a damaged link is refused, and its secret is not shown', async () => {
    const link = `http://127.0.0.1:1/join#v1.${'ab'.repeat(16)}.${'cd'.repeat(16)}.${'B'.repeat(42)}A`
    const at = ['--data', join(temporaryFolder(), 'bob'), '--user', 'bob', '--no-passphrase']
    const refused = await inside(['join', link, ...at])
    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('(INVALID)') })
    expect(refused.err).not.toContain('BBBB')
    expect(await inside(['join', ...at])).toMatchObject({ code: 2, err: expect.stringContaining('link') })
    expect(await inside(['join', link])).toMatchObject({ code: 2, err: expect.stringContaining('--user') })
  })
})
