/** The log: one line for each request, by route, and never a secret. */

import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { utf8 } from 'varve/engine'
import { createLog } from '../src/observe/log.ts'
import { createWorld, opening, refreshing, tenant, type World } from './world.ts'

let world: World | null = null

afterEach(async () => {
  await world?.server.close()
  world = null
})

function linesOf(log: string): Record<string, unknown>[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const value: unknown = JSON.parse(line)
      return typeof value === 'object' && value !== null ? { ...value } : {}
    })
}

test('a request is one line with id, route, status, time and address, and without its ids', async () => {
  world = await createWorld()
  const answer = await world.call('GET', `/v1/tenants/${tenant}/appointments?trace=path-of-the-user`)
  const lines = linesOf(world.log()).filter(({ msg }) => msg === 'request')
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      msg: 'request',
      id: answer.headers.get('x-request-id'),
      method: 'GET',
      route: '/v1/tenants/:tenant/appointments',
      status: 200,
      ms: 0,
      address: 'local',
    },
  ])
  expect(world.log()).not.toContain(tenant)
  expect(world.log()).not.toContain('path-of-the-user')
})

test('no secret is ever logged, whatever succeeds or fails', async () => {
  const publishing = 'publish-token-of-the-operator'
  world = await createWorld({ publish: { token: publishing } })
  const { call, tenants, signIn, refresh, admin, member, stranger, nonce } = world
  const tokens = await signIn(admin)
  const again = await refresh(admin, tokens.refresh)
  const next: unknown = await again.json()
  const failing = refreshing(tenants, stranger, tokens.refresh, await nonce())
  await call('POST', '/v1/sessions/refresh', { json: failing })
  const signing = opening(tenants, member, await nonce())
  await call('POST', `/v1/tenants/${tenant}/sessions`, { json: { ...signing, more: 'unexpected-field-value' } })
  const registration = utf8('bytes-of-a-registration')
  await call('POST', '/v1/tenants', { bytes: registration, type: 'application/cbor', token: publishing })
  await call('POST', '/v1/tenants', { bytes: registration, type: 'application/cbor', token: `${publishing}-wrong` })
  await call('GET', `/v1/tenants/${tenant}/sessions?access_token=${tokens.access}`, { token: tokens.access })
  await call('GET', '/nowhere?secret=query-secret', {
    headers: { cookie: 'cookie-secret', authorization: 'odd-secret' },
  })
  tenants.failure = new TypeError('broken')
  await call('GET', `/v1/tenants/${tenant}/databases/${'d2'.repeat(16)}/checkpoint`, { token: tokens.access })
  const log = world.log()
  expect(linesOf(log).length).toBeGreaterThan(10)
  const secrets = [tokens.access, tokens.refresh, String(failing['nonce']), String(failing['signature']), publishing]
  const more = ['unexpected-field-value', 'bytes-of-a-registration', 'query-secret', 'cookie-secret', 'odd-secret']
  const rotated = typeof next === 'object' && next !== null && 'refresh' in next ? [String(next.refresh)] : []
  expect(rotated).toHaveLength(1)
  for (const secret of [...secrets, ...rotated, ...more]) expect(log).not.toContain(secret)
})

test('fields that are secrets by their name are taken out, also one level down', () => {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const { line } = createLog({ destination })
  line('info', 'a line', { token: 'hidden-1', request: { headers: { cookie: 'hidden-2' }, url: 'hidden-3' }, shown: 1 })
  expect(lines.join('')).not.toContain('hidden')
  expect(lines.join('')).toContain('"shown":1')
})

test('a file is made for its owner, and lines are added to it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'varve-log-'))
  const file = join(dir, 'logs', 'server.log')
  for (const word of ['first', 'second']) {
    const log = createLog({ file })
    log.line('info', word)
    log.close()
  }
  expect(linesOf(await readFile(file, 'utf8'))).toMatchObject([{ msg: 'first' }, { msg: 'second' }])
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  await rm(dir, { recursive: true })
})

test.runIf(existsSync('/dev/full'))('a full disk loses lines and nothing else', async () => {
  const log = createLog({ file: '/dev/full' })
  log.line('info', 'lost')
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  log.line('info', 'lost too')
  log.close()
})

test('lines below the level are not written', () => {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const { line } = createLog({ destination, level: 'warn' })
  line('info', 'quiet')
  line('warn', 'loud')
  expect(linesOf(lines.join(''))).toMatchObject([{ level: 'warn', msg: 'loud' }])
})
