/** Sessions: opened by a device's signature, refreshed by rotation, listed, and ended in every way they can end. */

import { afterEach, describe, expect, test } from 'vitest'
import { jsonOf, createWorld, opening, refreshing, tenant, tokensOf, type World } from './world.ts'

const path = `/v1/tenants/${tenant}/sessions`
const minute = 60_000
const day = 24 * 60 * minute

let world: World
const start = async (): Promise<World> => (world = await createWorld())

afterEach(async () => {
  await world.server.close()
})

async function expectProblem(answer: Response, status: number, code: string): Promise<void> {
  expect([answer.status, (await jsonOf(answer))['code']]).toEqual([status, code])
}

async function works(token: string): Promise<number> {
  return (await world.call('GET', path, { token })).status
}

describe('opening a session', () => {
  test('gives tokens for ten minutes that stand for the device', async () => {
    const { signIn, member, clock, call } = await start()
    const tokens = await signIn(member)
    expect(Date.parse(tokens.expiresAt) - clock.ms).toBe(10 * minute)
    const listed = await jsonOf(await call('GET', path, { token: tokens.access }))
    expect(listed['sessions']).toMatchObject([{ id: tokens.session, current: true }])
    clock.advance(10 * minute - 1)
    expect(await works(tokens.access)).toBe(200)
    clock.advance(1)
    expect(await works(tokens.access)).toBe(401)
  })

  test.each([
    ['a device the tenant does not know', 'stranger', 403],
    ['a member', 'member', 201],
    ['an admin', 'admin', 201],
  ] as const)('%s gets what it is due', async (_what, who, status) => {
    await start()
    const json = opening(world.tenants, world[who], await world.nonce())
    expect((await world.call('POST', path, { json })).status).toBe(status)
  })

  test.each(['revoked', 'wiped'] as const)('is refused to a device that was %s', async (level) => {
    await start()
    world.tenants.set(tenant, world.member.signing.publicKey, level)
    const json = opening(world.tenants, world.member, await world.nonce())
    await expectProblem(await world.call('POST', path, { json }), 403, 'FORBIDDEN')
  })

  test('is refused when the tenant is not here', async () => {
    await start()
    const other = 'b7'.repeat(16)
    const json = opening(world.tenants, world.member, await world.nonce(), other)
    await expectProblem(await world.call('POST', `/v1/tenants/${other}/sessions`, { json }), 404, 'NOT_FOUND')
  })

  test('is refused with a signature for another tenant, or by another device', async () => {
    await start()
    const forOther = opening(world.tenants, world.member, await world.nonce(), 'b7'.repeat(16))
    await expectProblem(await world.call('POST', path, { json: forOther }), 401, 'FORBIDDEN')
    const nonce = await world.nonce()
    const device = opening(world.tenants, world.admin, nonce)['device']
    const stolen = { ...opening(world.tenants, world.stranger, nonce), device }
    await expectProblem(await world.call('POST', path, { json: stolen }), 401, 'FORBIDDEN')
  })

  test('takes a challenge once, within a minute, and of this server only', async () => {
    const { tenants, member, clock, call, nonce } = await start()
    const json = opening(tenants, member, await nonce())
    expect((await call('POST', path, { json })).status).toBe(201)
    await expectProblem(await call('POST', path, { json }), 401, 'FORBIDDEN')
    const late = opening(tenants, member, await nonce())
    clock.advance(minute)
    await expectProblem(await call('POST', path, { json: late }), 401, 'FORBIDDEN')
    const elsewhere = await createWorld()
    const foreign = opening(tenants, member, await elsewhere.nonce())
    await elsewhere.server.close()
    await expectProblem(await call('POST', path, { json: foreign }), 401, 'FORBIDDEN')
  })

  test.each([
    ['no JSON', '{', 'INVALID'],
    ['a list', '[]', 'INVALID'],
    ['an unknown field', '{"device":"","nonce":"","signature":"","more":1}', 'INVALID'],
    ['a short device', '{"device":"ab","nonce":"a","signature":"a"}', 'INVALID'],
    ['a number', '{"device":7,"nonce":"a","signature":"a"}', 'INVALID'],
  ])('refuses a body that is %s', async (_what, text, code) => {
    await start()
    const bytes = new TextEncoder().encode(text)
    await expectProblem(await world.call('POST', path, { bytes, type: 'application/json' }), 400, code)
  })

  test('of a device beyond its sixteenth ends its oldest one', async () => {
    await start()
    const first = await world.signIn(world.member)
    for (let i = 0; i < 16; i++) {
      world.clock.advance(1)
      await world.signIn(world.member)
    }
    expect(await works(first.access)).toBe(401)
    const { access } = await world.signIn(world.admin)
    const listed = await jsonOf(await world.call('GET', path, { token: access }))
    expect(listed['sessions']).toHaveLength(17)
  })
})

describe('access tokens', () => {
  test('are refused when they are missing, damaged, of another kind or of another tenant', async () => {
    const { signIn, member, call, tenants } = await start()
    const { access, refresh } = await signIn(member)
    expect((await call('GET', path)).status).toBe(401)
    expect((await call('GET', path)).headers.get('www-authenticate')).toBe('Bearer')
    expect((await call('GET', path, { headers: { authorization: `Basic ${access}` } })).status).toBe(401)
    const last = access.endsWith('A') ? 'B' : 'A'
    for (const token of [access.slice(0, -1), `${access.slice(0, -1)}${last}`, `${access}A`, refresh, 'x']) {
      expect(await works(token)).toBe(401)
    }
    const other = 'b7'.repeat(16)
    tenants.add(other)
    const answer = await call('GET', `/v1/tenants/${other}/sessions`, { token: access })
    await expectProblem(answer, 403, 'FORBIDDEN')
  })

  test.each(['revoked', 'wiped'] as const)('end at once when the device is %s', async (level) => {
    const { signIn, member, admin, tenants } = await start()
    const [tokens, others] = [await signIn(member), await signIn(admin)]
    tenants.set(tenant, member.signing.publicKey, level)
    expect(await works(tokens.access)).not.toBe(200)
    expect(await works(others.access)).toBe(200)
    const listed = await jsonOf(await world.call('GET', path, { token: others.access }))
    expect(listed['sessions']).toMatchObject([{ id: others.session }])
    tenants.set(tenant, member.signing.publicKey, 'member')
    expect(await works(tokens.access)).toBe(401)
    expect((await world.refresh(member, tokens.refresh)).status).toBe(401)
  })

  test('and refresh tokens are stored as hashes only, and survive a restart', async () => {
    const { signIn, member, stores, tenants } = await start()
    const tokens = await signIn(member)
    await world.server.close()
    const store = await stores.open('server', { pageKey: null })
    const kept = [...(await store.values(''))].map(([name, value]) => name + Buffer.from(value).toString('latin1'))
    await store.close()
    for (const token of [tokens.access, tokens.refresh]) {
      const secret = Buffer.from(token.slice(3), 'base64url').subarray(-32).toString('latin1')
      expect(kept.join()).not.toContain(secret)
    }
    world = await createWorld({ stores }, tenants)
    expect(await works(tokens.access)).toBe(200)
  })
})

describe('refreshing', () => {
  test('gives a new pair; the access token before goes on until it expires', async () => {
    const { signIn, refresh, member, clock } = await start()
    const first = await signIn(member)
    clock.advance(5 * minute)
    const second = tokensOf(await jsonOf(await refresh(member, first.refresh)))
    expect(second.session).toBe(first.session)
    expect(new Set([first.access, first.refresh, second.access, second.refresh]).size).toBe(4)
    expect([await works(first.access), await works(second.access)]).toEqual([200, 200])
    clock.advance(5 * minute)
    expect([await works(first.access), await works(second.access)]).toEqual([401, 200])
  })

  test('gives the same pair again while the new refresh token was not used', async () => {
    const { signIn, refresh, member, clock } = await start()
    const first = await signIn(member)
    const lost = tokensOf(await jsonOf(await refresh(member, first.refresh)))
    clock.advance(3 * day)
    const again = tokensOf(await jsonOf(await refresh(member, first.refresh)))
    expect([again.access, again.refresh]).toEqual([lost.access, lost.refresh])
    expect(await works(again.access)).toBe(200)
  })

  test('at the same time gives both the same pair', async () => {
    const { signIn, refresh, member } = await start()
    const first = await signIn(member)
    const answers = await Promise.all([1, 2, 3].map(() => refresh(member, first.refresh)))
    const pairs = await Promise.all(answers.map(async (answer) => (await jsonOf(answer))['refresh']))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(new Set(pairs).size).toBe(1)
  })

  test('with a token from before ends the session for whoever has it', async () => {
    const { signIn, refresh, member } = await start()
    const first = await signIn(member)
    const second = tokensOf(await jsonOf(await refresh(member, first.refresh)))
    const third = tokensOf(await jsonOf(await refresh(member, second.refresh)))
    await expectProblem(await refresh(member, first.refresh), 401, 'FORBIDDEN')
    expect(await works(third.access)).toBe(401)
    expect((await refresh(member, third.refresh)).status).toBe(401)
  })

  test('needs the signature of the device, and a stolen valid token alone changes nothing', async () => {
    const { signIn, refresh, member, stranger } = await start()
    const first = await signIn(member)
    await expectProblem(await refresh(stranger, first.refresh), 401, 'FORBIDDEN')
    expect((await refresh(member, first.refresh)).status).toBe(200)
  })

  test('by a thief with a token from before ends the session too', async () => {
    const { signIn, refresh, member, stranger } = await start()
    const first = await signIn(member)
    const second = tokensOf(await jsonOf(await refresh(member, first.refresh)))
    const third = tokensOf(await jsonOf(await refresh(member, second.refresh)))
    expect((await refresh(stranger, first.refresh)).status).toBe(401)
    expect(await works(third.access)).toBe(401)
  })

  test('takes each request once', async () => {
    const { signIn, member, tenants, nonce, call } = await start()
    const { refresh } = await signIn(member)
    const json = refreshing(tenants, member, refresh, await nonce())
    expect((await call('POST', '/v1/sessions/refresh', { json })).status).toBe(200)
    await expectProblem(await call('POST', '/v1/sessions/refresh', { json }), 401, 'FORBIDDEN')
  })

  test('is over thirty days after the last time', async () => {
    const { signIn, refresh, member, clock } = await start()
    const first = await signIn(member)
    clock.advance(30 * day - 1)
    const second = tokensOf(await jsonOf(await refresh(member, first.refresh)))
    clock.advance(30 * day)
    expect((await refresh(member, second.refresh)).status).toBe(401)
  })

  test('is refused to a device that was revoked meanwhile', async () => {
    const { signIn, refresh, member, tenants } = await start()
    const { refresh: token } = await signIn(member)
    tenants.set(tenant, member.signing.publicKey, 'revoked')
    expect((await refresh(member, token)).status).toBeGreaterThanOrEqual(401)
  })

  test.each(['', 'vr_', 'vr_!', 'va_AAAA', `vr_${'A'.repeat(96)}`])('with %j is refused', async (token) => {
    const { refresh, member } = await start()
    expect([400, 401]).toContain((await refresh(member, token)).status)
  })
})

describe('listing and ending', () => {
  test('an admin sees and ends all, a member its own', async () => {
    const { signIn, admin, member, call } = await start()
    const [a, m] = [await signIn(admin), await signIn(member)]
    const seen = async (token: string): Promise<unknown> =>
      (await jsonOf(await call('GET', path, { token })))['sessions']
    expect(await seen(a.access)).toHaveLength(2)
    expect(await seen(m.access)).toHaveLength(1)
    await expectProblem(await call('DELETE', `${path}/${a.session}`, { token: m.access }), 404, 'NOT_FOUND')
    expect((await call('DELETE', `${path}/${m.session}`, { token: a.access })).status).toBe(204)
    expect(await works(m.access)).toBe(401)
    await expectProblem(await call('DELETE', `${path}/${m.session}`, { token: a.access }), 404, 'NOT_FOUND')
    await expectProblem(await call('DELETE', `${path}/short`, { token: a.access }), 400, 'INVALID')
  })

  test('a device signs out by ending its own session', async () => {
    const { signIn, member, call, refresh } = await start()
    const tokens = await signIn(member)
    expect((await call('DELETE', `${path}/${tokens.session}`, { token: tokens.access })).status).toBe(204)
    expect((await refresh(member, tokens.refresh)).status).toBe(401)
  })

  test('what has expired is removed from the store within an hour', async () => {
    const { signIn, member, clock, stores } = await start()
    await signIn(member)
    clock.advance(30 * day + 60 * minute)
    await world.server.close()
    const store = await stores.open('server', { pageKey: null })
    expect([...(await store.values('session/'))]).toEqual([])
    await store.close()
  })
})
