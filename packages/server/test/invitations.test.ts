/** The invitations mailbox: what admins and strangers with a link may do, waiting, limits, expiry. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { utf8 } from 'varve/engine'
import { jsonOf, createWorld, tenant, type CallOptions, type World } from './world.ts'

const invitation = 'invitation-0123456789'
const path = `/v1/tenants/${tenant}/invitations/${invitation}`
const requests = `${path}/requests`

let world: World
let token: string
let memberToken: string

beforeEach(async () => {
  world = await createWorld({ limits: { invitations: 3, requestBurst: 1_000_000 } })
  token = (await world.signIn(world.admin)).access
  memberToken = (await world.signIn(world.member)).access
})

afterEach(async () => {
  await world.server.close()
})

const inDays = (days: number): string => new Date(world.clock.ms + days * 86_400_000).toISOString()
const put = (uses = 1, at = path): Promise<Response> =>
  world.call('PUT', at, { token, json: { expiresAt: inDays(1), uses } })
const ask = (bytes: Uint8Array = utf8('sealed request'), at = requests): Promise<Response> =>
  world.call('POST', at, { bytes })

async function asked(bytes?: Uint8Array): Promise<string> {
  const answer = await ask(bytes)
  expect(answer.status).toBe(201)
  return String((await jsonOf(answer))['request'])
}

async function expectProblem(answer: Response, status: number, code: string): Promise<void> {
  expect([answer.status, (await jsonOf(answer))['code']]).toEqual([status, code])
}

test('an invitation carries a request to the admin and the answer back', async () => {
  expect((await put()).status).toBe(201)
  const request = await asked()
  const listed = await jsonOf(await world.call('GET', requests, { token }))
  const expected = { id: request, body: Buffer.from('sealed request').toString('base64url') }
  expect(listed['requests']).toMatchObject([expected])
  expect((await world.call('GET', `${requests}/${request}/response`)).status).toBe(204)
  const answered = await world.call('PUT', `${requests}/${request}/response`, { token, bytes: utf8('sealed answer') })
  expect(answered.status).toBe(204)
  const response = await world.call('GET', `${requests}/${request}/response`)
  expect([response.headers.get('content-type'), await response.text()]).toEqual([
    'application/octet-stream',
    'sealed answer',
  ])
  expect((await jsonOf(await world.call('GET', requests, { token })))['requests']).toEqual([])
})

test('it survives a restart', async () => {
  await put()
  const request = await asked()
  await world.server.close()
  world = await createWorld({ stores: world.stores }, world.tenants)
  const listed = await jsonOf(await world.call('GET', requests, { token }))
  expect(listed['requests']).toMatchObject([{ id: request }])
})

describe('waiting', () => {
  const later = async (promise: Promise<Response>): Promise<'waiting' | number> =>
    Promise.race([
      promise.then(({ status }) => status),
      new Promise<'waiting'>((resolve) => {
        setTimeout(() => {
          resolve('waiting')
        }, 20)
      }),
    ])

  test('an admin is woken by a request', async () => {
    await put()
    const waiting = world.call('GET', `${requests}?wait=30`, { token })
    expect(await later(waiting)).toBe('waiting')
    const request = await asked()
    expect((await jsonOf(await waiting))['requests']).toMatchObject([{ id: request }])
  })

  test('a device is woken by the answer', async () => {
    await put()
    const request = await asked()
    const waiting = world.call('GET', `${requests}/${request}/response?wait=30`)
    expect(await later(waiting)).toBe('waiting')
    await world.call('PUT', `${requests}/${request}/response`, { token, bytes: utf8('sealed answer') })
    expect(await (await waiting).text()).toBe('sealed answer')
  })

  test('ends with nothing when its time is over', async () => {
    await put()
    const request = await asked()
    const waiting = world.call('GET', `${requests}/${request}/response?wait=2`)
    expect(await later(waiting)).toBe('waiting')
    world.clock.advance(2000)
    expect((await waiting).status).toBe(204)
  })

  test('ends when the invitation does, when the request is dropped, and when the server stops', async () => {
    await put(2)
    const [one, two] = [await asked(), await asked()]
    const dropped = world.call('GET', `${requests}/${one}/response?wait=30`)
    const ended = world.call('GET', `${requests}/${two}/response?wait=30`)
    await later(dropped)
    expect((await world.call('DELETE', `${requests}/${one}`, { token })).status).toBe(204)
    expect((await dropped).status).toBe(404)
    expect((await world.call('DELETE', path, { token })).status).toBe(204)
    expect((await ended).status).toBe(404)
    await put()
    const stopped = world.call('GET', `${requests}?wait=30`, { token })
    await later(stopped)
    await world.server.close()
    expect((await stopped).status).toBeLessThan(600)
  })

  test('ends when the one who waits goes away', async () => {
    await put()
    const gone = new AbortController()
    const waiting = world.call('GET', `${requests}?wait=30`, { token, signal: gone.signal })
    expect(await later(waiting)).toBe('waiting')
    gone.abort()
    expect((await waiting).status).toBe(200)
  })

  test('gives nothing to an admin who was revoked while waiting', async () => {
    await put()
    const waiting = world.call('GET', `${requests}?wait=30`, { token })
    await later(waiting)
    world.tenants.set(tenant, world.admin.signing.publicKey, 'revoked')
    await asked()
    expect([401, 403]).toContain((await waiting).status)
  })

  test.each(['-1', '31', 'x', '1.5', ''])('refuses to wait for %j seconds', async (wait) => {
    await put()
    await expectProblem(await world.call('GET', `${requests}?wait=${wait}`, { token }), 400, 'INVALID')
  })
})

describe('rights', () => {
  test.each<[string, string]>([
    ['PUT', path],
    ['DELETE', path],
    ['GET', `/v1/tenants/${tenant}/invitations`],
    ['GET', requests],
    ['DELETE', `${requests}/${'0'.repeat(32)}`],
    ['PUT', `${requests}/${'0'.repeat(32)}/response`],
  ])('%s %s is for admins', async (method, at) => {
    await put()
    const given: CallOptions = method === 'PUT' ? { json: { expiresAt: inDays(1), uses: 1 } } : {}
    await expectProblem(await world.call(method, at, given), 401, 'FORBIDDEN')
    await expectProblem(await world.call(method, at, { ...given, token: memberToken }), 403, 'FORBIDDEN')
  })

  test('a request id of another invitation leads nowhere', async () => {
    await put()
    const request = await asked()
    const other = `${path}x`
    await put(1, other)
    await expectProblem(await world.call('GET', `${other}/requests/${request}/response`), 404, 'NOT_FOUND')
  })
})

describe('limits', () => {
  test('it may be used as often as it says; a dropped request does not count', async () => {
    await put(2)
    const first = await asked(utf8('one'))
    const second = await asked(utf8('two'))
    await expectProblem(await ask(), 403, 'FORBIDDEN')
    await world.call('PUT', `${requests}/${first}/response`, { token, bytes: utf8('answer') })
    await expectProblem(await ask(), 403, 'FORBIDDEN')
    await world.call('DELETE', `${requests}/${second}`, { token })
    await asked()
  })

  test('a request made again is the same one and is not counted twice', async () => {
    await put(1)
    const first = await asked()
    expect(await asked()).toBe(first)
    await world.call('PUT', `${requests}/${first}/response`, { token, bytes: utf8('answer') })
    expect(await asked()).toBe(first)
    await expectProblem(await ask(utf8('another')), 403, 'FORBIDDEN')
  })

  test('many at once get no more than it says', async () => {
    await put(5)
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(Uint8Array.of(i))))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5)
  })

  test('the size of request and answer is limited', async () => {
    await put(2)
    const request = await asked(new Uint8Array(8192))
    await expectProblem(await ask(new Uint8Array(8193)), 413, 'TOO_LARGE')
    await expectProblem(await ask(new Uint8Array(0)), 400, 'INVALID')
    const answer = (size: number): Promise<Response> =>
      world.call('PUT', `${requests}/${request}/response`, { token, bytes: new Uint8Array(size) })
    await expectProblem(await answer(65_537), 413, 'TOO_LARGE')
    expect((await answer(65_536)).status).toBe(204)
  })

  test('a tenant has so many invitations and no more', async () => {
    for (const id of ['a', 'b', 'c']) expect((await put(1, path + id)).status).toBe(201)
    await expectProblem(await put(1, `${path}d`), 413, 'TOO_LARGE')
    expect((await put(2, `${path}a`)).status).toBe(200)
    await world.call('DELETE', `${path}a`, { token })
    expect((await put(1, `${path}d`)).status).toBe(201)
  })

  test.each([
    [{ expiresAt: '2029-01-01T00:00:00.000Z', uses: 1 }],
    [{ expiresAt: '2031-01-01T00:00:00.000Z', uses: 1 }],
    [{ expiresAt: 'tomorrow', uses: 1 }],
    [{ expiresAt: '2030-01-02', uses: 1 }],
    [{ expiresAt: 1, uses: 1 }],
    [{ expiresAt: '2030-01-02T00:00:00.000Z', uses: 0 }],
    [{ expiresAt: '2030-01-02T00:00:00.000Z', uses: 101 }],
    [{ expiresAt: '2030-01-02T00:00:00.000Z', uses: '1' }],
    [{ uses: 1 }],
    [{ expiresAt: '2030-01-02T00:00:00.000Z', uses: 1, secret: 'x' }],
  ])('%j is refused', async (json) => {
    await expectProblem(await world.call('PUT', path, { token, json }), 400, 'INVALID')
  })

  test.each(['short', 'with.dots.in.the.name', 'x'.repeat(65)])('the id %s is refused', async (id) => {
    await expectProblem(await put(1, `/v1/tenants/${tenant}/invitations/${id}`), 400, 'INVALID')
  })
})

test('an expired invitation is gone, and what it held is removed', async () => {
  await put()
  const request = await asked()
  world.clock.advance(86_400_000)
  await expectProblem(await ask(), 404, 'NOT_FOUND')
  await expectProblem(await world.call('GET', `${requests}/${request}/response`), 404, 'NOT_FOUND')
  world.clock.advance(3_600_000)
  await world.server.close()
  const store = await world.stores.open('server', { pageKey: null })
  expect([...(await store.values('invitation/')), ...(await store.values('join-request/'))]).toEqual([])
  await store.close()
})

test('a request is answered once; the same answer again is no harm', async () => {
  await put()
  const request = await asked()
  const answer = (text: string): Promise<Response> =>
    world.call('PUT', `${requests}/${request}/response`, { token, bytes: utf8(text) })
  expect((await answer('one')).status).toBe(204)
  expect((await answer('one')).status).toBe(204)
  await expectProblem(await answer('two'), 409, 'EXISTS')
})
