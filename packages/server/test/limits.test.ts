/** Limits by address: floods, who an address is behind proxies, and memory that does not grow. */

import { afterEach, describe, expect, test } from 'vitest'
import { addresses } from '../src/node/address.ts'
import { Places, tenantPlaces } from '../src/node/admission.ts'
import { networkOf, RequestLimit } from '../src/observe/request-limit.ts'
import { createWorld, type World } from './world.ts'

let world: World | null = null

afterEach(async () => {
  await world?.server.close()
  world = null
})

describe('a flood', () => {
  test('is answered 429 with the time to wait, and passes when that time is over', async () => {
    world = await createWorld({ limits: { requestsPerSecond: 2, requestBurst: 5 } })
    const { call, clock } = world
    for (let i = 0; i < 5; i++) expect((await call('GET', '/v1/node')).status).toBe(200)
    const refused = await call('GET', '/v1/node')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await refused.json()).toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      details: { retryAfterMs: 500 },
    })
    clock.advance(500)
    expect((await call('GET', '/v1/node')).status).toBe(200)
    expect((await call('GET', '/v1/node')).status).toBe(429)
    clock.advance(60_000)
    for (let i = 0; i < 5; i++) expect((await call('GET', '/v1/node')).status).toBe(200)
    expect((await call('GET', '/v1/node')).status).toBe(429)
  })

  test('does not turn probes away, and is counted', async () => {
    world = await createWorld({ limits: { requestsPerSecond: 1, requestBurst: 1 } })
    const { call, clock } = world
    for (let i = 0; i < 5; i++) await call('GET', '/v1/node')
    expect((await call('GET', '/healthz')).status).toBe(200)
    expect((await call('GET', '/readyz')).status).toBe(200)
    clock.advance(1000)
    expect(await (await call('GET', '/metrics')).text()).toContain('varve_limited_total{limit="requests"} 4')
  })

  test('from one address leaves others alone; many addresses are not all remembered', () => {
    const limit = new RequestLimit({ requestsPerSecond: 1, requestBurst: 1 }, () => 0)
    limit.take('first')
    expect(() => limit.take('first')).toThrow(/Too many/)
    for (let i = 0; i < 100_000; i++) limit.take(`address ${i}`)
    limit.take('first')
  })

  test('is not rewarded when the clock goes back', () => {
    let now = 1_000_000
    const limit = new RequestLimit({ requestsPerSecond: 1, requestBurst: 1 }, () => now)
    limit.take('a')
    now = 0
    expect(() => limit.take('a')).toThrow(/Too many/)
    now = 1000
    limit.take('a')
  })
})

describe('the address of a client', () => {
  test.each<[boolean | readonly string[], string, string | undefined, string]>([
    [false, '10.0.0.1', '9.9.9.9', '10.0.0.1'],
    [true, '10.0.0.1', '9.9.9.9', '9.9.9.9'],
    [true, '10.0.0.1', '1.1.1.1, 9.9.9.9', '9.9.9.9'],
    [true, '10.0.0.1', undefined, '10.0.0.1'],
    [['10.0.0.0/8'], '10.0.0.1', '1.1.1.1, 9.9.9.9, 10.2.3.4', '9.9.9.9'],
    [['10.0.0.0/8'], '11.0.0.1', '9.9.9.9', '11.0.0.1'],
    [['10.0.0.1'], '::ffff:10.0.0.1', '9.9.9.9', '9.9.9.9'],
    [['fd00::/8'], 'fd12::1', '2001:db8::7', '2001:db8::7'],
    [['10.0.0.0/8'], '10.0.0.1', 'unknown', '10.0.0.1'],
    [['10.0.0.0/8'], '10.0.0.1', '9.9.9.9, <script>', '10.0.0.1'],
    [['10.0.0.0/8'], '10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
    [true, '10.0.0.1', '[2001:DB8::7]:443', '2001:db8::7'],
    [true, '10.0.0.1', '9.9.9.9:1234', '9.9.9.9'],
  ])('trusting %j, from %s with %s, is %s', (trust, peer, forwarded, client) => {
    expect(addresses(trust).clientOf(peer, forwarded)).toBe(client)
  })

  test.each(['10.0.0', '10.0.0.0/33', '10.0.0.0/-1', '::/129', 'proxy', '10.0.0.0/8/8', ''])(
    'the proxy %j is refused',
    (proxy) => {
      expect(() => addresses([proxy])).toThrow(expect.objectContaining({ code: 'INVALID' }))
    },
  )

  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
  ])('%s counts as %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('places', () => {
  test('are given back once, and forgotten when empty', () => {
    const places = new Places(2)
    const [one, two] = [places.take('a'), places.take('a')]
    expect(places.take('a')).toBeNull()
    expect(places.take('b')).not.toBeNull()
    one?.()
    one?.()
    const three = places.take('a')
    expect(three).not.toBeNull()
    expect(places.take('a')).toBeNull()
    two?.()
    three?.()
  })

  test('of a tenant are refused with a code that may be tried again', () => {
    const admit = tenantPlaces(1)
    const free = admit('t')
    expect(() => admit('t')).toThrow(expect.objectContaining({ code: 'RATE_LIMITED', retryable: true }))
    free()
    admit('t')()
  })
})
