/** Routes about node, tenants, proofs and health, good and bad, and what every answer has. */

import { afterEach, describe, expect, test } from 'vitest'
import { fromBase64url, primitives, toHex, utf8, VarveError } from 'varve/engine'
import { jsonOf, createWorld, database, tenant, type CallOptions, type World } from './world.ts'

let world: World
const start = async (...given: Parameters<typeof createWorld>): Promise<World> => (world = await createWorld(...given))

afterEach(async () => {
  await world.server.close()
})

async function expectProblem(answer: Response, status: number, code: string): Promise<Record<string, unknown>> {
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  const problem = await jsonOf(answer)
  expect([answer.status, problem['status'], problem['code']]).toEqual([status, status, code])
  expect(String(problem['message'])).not.toBe('')
  return problem
}

describe('health', () => {
  test('is alive, and ready while its tenants are', async () => {
    const { call, tenants, clock } = await start()
    expect((await call('GET', '/healthz')).status).toBe(200)
    expect((await call('GET', '/readyz')).status).toBe(200)
    tenants.isReady = false
    clock.advance(1000)
    await expectProblem(await call('GET', '/readyz'), 503, 'OFFLINE')
    expect((await call('GET', '/healthz')).status).toBe(200)
    tenants.isReady = true
    clock.advance(1000)
    expect((await call('GET', '/readyz')).status).toBe(200)
  })

  test('is not ready once the server stops', async () => {
    const { call, server } = await start()
    await server.close()
    await expectProblem(await call('GET', '/readyz'), 503, 'OFFLINE')
  })

  test('metrics count requests by route and status, never by id', async () => {
    const { call } = await start()
    await call('GET', `/v1/tenants/${tenant}/appointments`)
    await call('GET', '/nowhere/secret-path')
    const text = await (await call('GET', '/metrics')).text()
    expect(text).toContain(
      'varve_http_requests_total{method="GET",route="/v1/tenants/:tenant/appointments",status="200"} 1',
    )
    expect(text).toContain('varve_http_requests_total{method="GET",route="other",status="404"} 1')
    expect(text).toContain('varve_tenants 1')
    expect(text).toContain('varve_record_commits 128431')
    expect(text).toContain('process_cpu_seconds_total')
    expect(text).not.toContain(tenant)
    expect(text).not.toContain('secret-path')
  })
})

describe('node and tenants', () => {
  test('a node says who it is and what it speaks', async () => {
    const { call, tenants, clock } = await start()
    expect(await jsonOf(await call('GET', '/v1/node'))).toEqual({
      publicKey: toHex(tenants.publicKey),
      version: '0.1.0',
      now: clock.ms,
      protocols: { sync: [1], http: [1] },
      publish: 'open',
    })
  })

  test('a tenant is registered once, and again without effect', async () => {
    const { call } = await start()
    const given: CallOptions = { bytes: utf8('registration'), type: 'application/cbor' }
    const first = await call('POST', '/v1/tenants', given)
    expect([first.status, (await jsonOf(first))['created']]).toEqual([201, true])
    const second = await call('POST', '/v1/tenants', given)
    expect([second.status, (await jsonOf(second))['created']]).toEqual([200, false])
  })

  test.each<[string, CallOptions, number, string]>([
    ['bytes that are none', { bytes: Uint8Array.of(0xff), type: 'application/cbor' }, 400, 'INVALID'],
    ['no body', { type: 'application/cbor' }, 400, 'INVALID'],
    ['another type', { bytes: utf8('{}'), type: 'application/json' }, 415, 'UNSUPPORTED'],
    ['no type', { headers: {} }, 415, 'UNSUPPORTED'],
  ])('a registration of %s is refused', async (_what, given, status, code) => {
    await start()
    await expectProblem(await world.call('POST', '/v1/tenants', given), status, code)
  })

  test('a body above the limit is refused, whether or not it says so', async () => {
    const { call, server } = await start({ limits: { bodyBytes: 1000 } })
    const bytes = new Uint8Array(1001).fill(1)
    const problem = await expectProblem(
      await call('POST', '/v1/tenants', { bytes, type: 'application/cbor', headers: { 'content-length': '1001' } }),
      413,
      'TOO_LARGE',
    )
    expect(problem['details']).toMatchObject({ actual: 1001, limit: 1000 })
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(100))
      },
    })
    const init = {
      method: 'POST',
      body: endless,
      duplex: 'half',
      headers: { 'content-type': 'application/cbor' },
    } as const
    const answer = await server.fetch(new Request('http://varve.test/v1/tenants', init))
    await expectProblem(answer, 413, 'TOO_LARGE')
    expect(pulled).toBeLessThan(20)
  })

  test('publishing needs the token where one is set', async () => {
    const token = 'a-token-of-the-operator'
    const { call } = await start({ publish: { token } })
    const given: CallOptions = { bytes: utf8('registration'), type: 'application/cbor' }
    await expectProblem(await call('POST', '/v1/tenants', given), 401, 'FORBIDDEN')
    await expectProblem(await call('POST', '/v1/tenants', { ...given, token: `${token}x` }), 401, 'FORBIDDEN')
    expect((await call('POST', '/v1/tenants', { ...given, token })).status).toBe(201)
    expect((await jsonOf(await call('GET', '/v1/node')))['publish']).toBe('token')
  })

  test.each([{ host: '0.0.0.0' }, { host: '::' }, { trustProxy: true }, { host: 'example.org' }])(
    'a server with %j makes a publish token at its first start, and keeps it',
    async (options) => {
      const { call, stores, tenants } = await start(options)
      const given: CallOptions = { bytes: utf8('registration'), type: 'application/cbor' }
      await expectProblem(await call('POST', '/v1/tenants', given), 401, 'FORBIDDEN')
      const file = await stores.readFile('publish-token')
      const token = new TextDecoder().decode(file ?? new Uint8Array()).trim()
      expect(token).toMatch(/^vp_[\w-]{43}$/)
      await world.server.close()
      world = await createWorld({ ...options, stores }, tenants)
      expect((await world.call('POST', '/v1/tenants', { ...given, token })).status).toBe(201)
    },
  )

  test('appointments go to the tenants, and come back countersigned', async () => {
    const { call } = await start()
    const path = `/v1/tenants/${tenant}/appointments`
    const answer = await call('POST', path, { bytes: Uint8Array.of(8, 9), type: 'application/cbor' })
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([8, 9, 1])
    const { appointments } = await jsonOf(await call('GET', path))
    expect(appointments).toEqual(['CAk'])
    expect([...fromBase64url('CAk', 'appointment')]).toEqual([8, 9])
  })

  test.each([
    ['/v1/tenants/short/appointments', 400, 'INVALID'],
    [`/v1/tenants/${'A1'.repeat(16)}/appointments`, 400, 'INVALID'],
    [`/v1/tenants/${'b7'.repeat(16)}/appointments`, 404, 'NOT_FOUND'],
    ['/v1/tenants/%00/appointments', 400, 'INVALID'],
    ['/v1/tenants/%ff%fe/appointments', 400, 'INVALID'],
    [`/v1/tenants/${'a'.repeat(5000)}/appointments`, 400, 'INVALID'],
  ])('the path %s is refused', async (path, status, code) => {
    await start()
    await expectProblem(await world.call('GET', path), status, code)
  })
})

describe('proofs', () => {
  const base = `/v1/tenants/${tenant}/databases/${database}`
  const commit = 'c3'.repeat(32)

  test('are given to members', async () => {
    const { call, tenants, signIn, member } = await start()
    const { access: token } = await signIn(member)
    tenants.commits.set(commit, 12)
    const text = async (path: string): Promise<string> => (await call('GET', base + path, { token })).text()
    expect(await text('/checkpoint')).toBe(`varve/${tenant}/${database}\n3\n`)
    expect(await text('/proofs/inclusion?record=0&size=3')).toBe(`inclusion ${database} 0 3\n`)
    expect(JSON.parse(await text('/proofs/consistency?from=1&to=3'))).toEqual({ hashes: ['MS0z'] })
    expect(JSON.parse(await text(`/commits/${commit}`))).toEqual({ record: 12 })
    expect((await call('GET', `${base}/checkpoint`, { token })).headers.get('content-type')).toMatch(/^text\/plain/)
  })

  test.each([
    ['/checkpoint', 401],
    ['/proofs/inclusion?record=0&size=3', 401],
    ['/proofs/consistency?from=1&to=3', 401],
    [`/commits/${commit}`, 401],
  ])('%s is refused without a token', async (path, status) => {
    await start()
    await expectProblem(await world.call('GET', base + path), status, 'FORBIDDEN')
  })

  test.each([
    ['/proofs/inclusion', 400, 'INVALID'],
    ['/proofs/inclusion?record=3&size=3', 400, 'INVALID'],
    ['/proofs/inclusion?record=-1&size=3', 400, 'INVALID'],
    ['/proofs/inclusion?record=1e3&size=9999', 400, 'INVALID'],
    ['/proofs/inclusion?record=1&size=9007199254740993', 400, 'INVALID'],
    ['/proofs/consistency?from=4&to=3', 400, 'INVALID'],
    [`/commits/${'c4'.repeat(32)}`, 404, 'NOT_FOUND'],
    ['/commits/c4', 400, 'INVALID'],
  ])('%s is refused', async (path, status, code) => {
    await start()
    const { access: token } = await world.signIn(world.member)
    await expectProblem(await world.call('GET', base + path, { token }), status, code)
  })

  test('a failure of the server is told without its inner words, and logged', async () => {
    const { call, tenants, signIn, member, log } = await start()
    const { access: token } = await signIn(member)
    tenants.failure = new VarveError('STORE_FAILED', '"inner.sqlite" cannot be read', {
      details: { file: 'inner.sqlite' },
    })
    const failed = await expectProblem(await call('GET', `${base}/checkpoint`, { token }), 500, 'STORE_FAILED')
    expect(JSON.stringify(failed)).not.toContain('inner')
    tenants.failure = new TypeError('inner.ts is broken')
    const defect = await call('GET', `${base}/checkpoint`, { token })
    const text = await defect.text()
    expect(defect.status).toBe(500)
    expect(text).not.toMatch(/inner|\.ts/)
    expect(log()).toContain('inner.sqlite')
    expect(log()).toContain('inner.ts is broken')
  })
})

describe('every answer', () => {
  test.each([
    ['GET', '/nowhere', 404],
    ['GET', '/v1', 404],
    ['GET', '/v1/tenants', 405],
    ['DELETE', '/v1/node', 405],
    ['POST', '/', 405],
    ['PATCH', `/v1/tenants/${tenant}/sessions`, 405],
    ['HEAD', '/healthz', 200],
    ['HEAD', '/nowhere', 404],
    ['OPTIONS', '/v1/tenants', 204],
  ])('%s %s is %i, uncached, unframed and with an id', async (method, path, status) => {
    await start()
    const answer = await world.call(method, path)
    expect(answer.status).toBe(status)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'x-request-id': expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('strict-transport-security')).toBeNull()
    if (method === 'HEAD') expect(await answer.text()).toBe('')
  })

  test('a method that a path does not know is told what it knows', async () => {
    const { call } = await start()
    expect((await call('OPTIONS', '/v1/tenants')).headers.get('allow')).toBe('OPTIONS, POST')
    expect((await call('PUT', `/v1/tenants/${tenant}/sessions`)).headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST')
  })
})

describe('web pages of other origins', () => {
  const app = 'https://app.example.org'

  test('may use /v1 when they are named', async () => {
    const { call } = await start({ origins: [app] })
    const preflight = await call('OPTIONS', `/v1/tenants/${tenant}/sessions`, {
      headers: {
        origin: app,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(app)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization')
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
    const answer = await call('GET', '/v1/node', { headers: { origin: app } })
    expect(answer.headers.get('access-control-allow-origin')).toBe(app)
  })

  test('may not otherwise, and never read anything else', async () => {
    const { call } = await start({ origins: [app] })
    const read = async (path: string, origin: string): Promise<string | null> =>
      (await call('GET', path, { headers: { origin } })).headers.get('access-control-allow-origin')
    expect(await read('/v1/node', 'https://evil.example.org')).toBeNull()
    expect(await read('/v1/node', 'null')).toBeNull()
    expect(await read('/metrics', app)).toBeNull()
    const preflight = await call('OPTIONS', '/v1/node', { headers: { origin: 'https://evil.example.org' } })
    expect([preflight.headers.get('allow'), preflight.headers.get('access-control-allow-origin')]).toEqual([
      'GET, HEAD, OPTIONS',
      null,
    ])
  })
})

describe('pages', () => {
  test('the status page shows what the node holds, without script or anything from elsewhere', async () => {
    const { call } = await start()
    const answer = await call('GET', '/')
    const text = await answer.text()
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/)
    expect(text).toContain('<dd>128,431</dd>')
    expect(text).toContain('varve publish http://varve.test')
    expect(text).not.toMatch(/<script|src="http|href="http|@import|url\(/)
    const csp = answer.headers.get('content-security-policy') ?? ''
    const style = /<style>([^]*)<\/style>/.exec(text)?.[1] ?? ''
    const hash = Buffer.from(primitives.sha256(utf8(style))).toString('base64')
    expect(csp).toMatch(/^default-src 'none'; /)
    expect(csp).toContain(`style-src 'sha256-${hash}'`)
  })

  test('a hostile host name does not become markup', async () => {
    const { server } = await start()
    const url = 'http://varve.test/?"><script>alert(1)</script>'
    const answer = await server.fetch(new Request(url, { headers: { host: '"><script>' } }))
    expect(await answer.text()).not.toContain('<script')
  })

  test('the invitation page is there', async () => {
    const { call } = await start()
    const answer = await call('GET', '/join')
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('varve join')
  })
})
