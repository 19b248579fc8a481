/** Disposals under attack: strangers, revoked admins, what was altered, is for another place, or was sent before. */

import { memoryBlobs, VarveError } from 'varve'
import {
  decodeCbor,
  decodeDisposal,
  encodeCbor,
  encodeDisposal,
  fromHex,
  limits,
  primitives,
  toHex,
  utf8,
  type DeviceIdentity,
  type Disposal,
} from 'varve/engine'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cleanups, env } from './chunks-world.ts'
import { FakeTenants } from './fake-tenants.ts'
import { createWorld, jsonOf, tenant } from './world.ts'

const day = limits.garbageMinimumMs
const base = `/v1/tenants/${tenant}/chunks`

function idOf(bytes: Uint8Array): string {
  return toHex(primitives.sha256(utf8('varve/chunk-id/v1\0'), fromHex(tenant), bytes))
}

function signer({ signing: { publicKey, secret } }: DeviceIdentity) {
  return { publicKey, sign: (message: Uint8Array) => primitives.ed25519.sign(secret, message) }
}

/** A server that holds three chunks, the clock of which is a month further now. */
async function litteredWorld() {
  const blobs = memoryBlobs({ env })
  const tenants = new FakeTenants()
  const world = await createWorld({ blobs }, tenants)
  cleanups.push(() => world.server.close())
  const chunks = [1, 2, 3].map((n) => new Uint8Array(100 * n).fill(n))
  const { access } = await world.signIn(world.member)
  const put = (bytes: Uint8Array, token: string) => world.call('PUT', `${base}/${idOf(bytes)}`, { bytes, token })
  for (const bytes of chunks) expect((await put(bytes, access)).status).toBe(201)
  world.clock.advance(40 * day)
  const ids = chunks.map(idOf).toSorted()
  const token = (await world.signIn(world.admin)).access
  const made = (given: Partial<Disposal> = {}, by = world.admin): Uint8Array =>
    encodeDisposal(
      {
        tenant: fromHex(tenant),
        node: tenants.publicKey,
        at: world.clock.ms,
        olderThanMs: 30 * day,
        ids,
        ...given,
      },
      signer(by),
    )
  const send = (bytes: Uint8Array, as = token) => world.call('POST', `${base}/disposals`, { bytes, token: as })
  const held = async (): Promise<readonly string[]> =>
    (await blobs.list('')).items.map(({ key }) => key.slice(key.lastIndexOf('/') + 1)).toSorted()
  return { ...world, chunks, ids, token, made, send, held, put }
}

async function codeOf(answer: Response): Promise<unknown> {
  const said: unknown = await jsonOf(answer)
  return typeof said === 'object' && said !== null && 'code' in said ? said.code : null
}

test('what an admin signs goes, once, and the same again does nothing', async () => {
  const { made, send, held, ids, chunks, put, signIn, member, clock } = await litteredWorld()
  const disposal = made({ ids: ids.slice(0, 2) })
  const first = await send(disposal)
  expect(first.status).toBe(200)
  expect(await jsonOf(first)).toMatchObject({ removed: 2 })
  expect(await held()).toEqual(ids.slice(2))
  // It comes again: an old disposal does not concern it.
  const { access } = await signIn(member)
  for (const bytes of chunks) await put(bytes, access)
  expect(await jsonOf(await send(disposal))).toEqual({ removed: 0, bytes: 0 })
  clock.advance(limits.disposalMs - 1)
  const { access: later } = await signIn(member)
  await put(new Uint8Array(5), later)
  expect(await held()).toHaveLength(4)
})

describe('nothing goes', () => {
  test.each([
    [
      'a member',
      async ({ made, send, signIn, member }: Littered) => send(made({}, member), (await signIn(member)).access),
    ],
    [
      'a member, with what an admin signed',
      async ({ made, send, signIn, member }: Littered) => send(made(), (await signIn(member)).access),
    ],
    [
      'a mirror',
      async ({ made, send, signIn, stranger, tenants }: Littered) => {
        tenants.set(tenant, stranger.signing.publicKey, 'mirror')
        return send(made({}, stranger), (await signIn(stranger)).access)
      },
    ],
    [
      'an admin that was revoked',
      async ({ made, send, tenants, admin }: Littered) => {
        tenants.set(tenant, admin.signing.publicKey, 'revoked')
        return send(made())
      },
    ],
    [
      'an admin, with what a revoked one signed',
      async ({ made, send, signIn, stranger, tenants }: Littered) => {
        tenants.set(tenant, stranger.signing.publicKey, 'admin')
        return send(made(), (await signIn(stranger)).access)
      },
    ],
  ])('when %s asks for it', async (_who, does) => {
    const world = await litteredWorld()
    const answer = await does(world)
    expect([401, 403]).toContain(answer.status)
    expect(await codeOf(answer)).toBe('FORBIDDEN')
    expect(await world.held()).toEqual(world.ids)
    expect((await world.call('POST', `${base}/disposals`, { bytes: world.made() })).status).toBe(401)
  })

  test('when the admin is revoked while it is sent', async () => {
    const { server, tenants, admin, token, made, held, ids } = await litteredWorld()
    const bytes = made()
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          tenants.set(tenant, admin.signing.publicKey, 'revoked')
          controller.enqueue(bytes)
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' }
    const url = `http://varve.test${base}/disposals`
    const answer = await server.fetch(new Request(url, { method: 'POST', body, headers, duplex: 'half' }))
    expect([401, 403]).toContain(answer.status)
    expect(await held()).toEqual(ids)
  })

  test.each([
    ['of another tenant', 'INVALID', { tenant: new Uint8Array(16) }],
    ['for another node', 'INVALID', { node: new Uint8Array(32) }],
    ['begun in the future', 'CONFLICT', { at: Date.UTC(2030, 5, 1) }],
    ['begun too long ago', 'CONFLICT', { at: Date.UTC(2030, 0, 1) + 39 * day }],
    ['of what is younger than a day', 'INVALID', { olderThanMs: day - 1 }],
    ['of no chunk', 'INVALID', { ids: [] }],
    ['of one chunk twice', 'INVALID', { ids: ['ab'.repeat(32), 'ab'.repeat(32)] }],
    ['out of order', 'INVALID', { ids: ['ab'.repeat(32), 'aa'.repeat(32)] }],
    ['of too many', 'INVALID', { ids: Array.from({ length: 1001 }, (_, i) => i.toString(16).padStart(64, '0')) }],
  ] as const)('for a disposal %s', async (_what, code, given) => {
    const { made, send, held, ids } = await litteredWorld()
    expect(await codeOf(await send(made(given)))).toBe(code)
    expect(await held()).toEqual(ids)
  })

  test('for a disposal that was altered, in any byte, or is none', async () => {
    const { made, send, held, ids, token, call } = await litteredWorld()
    const disposal = made()
    for (let at = 0; at < disposal.length; at += 7) {
      const altered = disposal.map((byte, i) => (i === at ? byte ^ 1 : byte))
      expect([400, 403, 413, 422]).toContain((await send(altered)).status)
    }
    const longer = encodeCbor([...listed(disposal), 1])
    for (const bytes of [new Uint8Array(0), disposal.subarray(1), longer, new Uint8Array(40 * 1024 + 1)])
      expect([400, 413]).toContain((await send(bytes)).status)
    const type = 'application/json'
    expect((await call('POST', `${base}/disposals`, { bytes: disposal, token, type })).status).toBe(415)
    expect(await held()).toEqual(ids)
  })

  test('of what was brought or asked for since', async () => {
    const { made, send, held, ids, chunks, put, signIn, member, call, tenants, stranger } = await litteredWorld()
    const { access } = await signIn(member)
    tenants.set(tenant, stranger.signing.publicKey, 'mirror')
    const mirror = (await signIn(stranger)).access
    const [one = '', two = '', three = ''] = ids
    expect((await put(chunks.find((bytes) => idOf(bytes) === one) ?? new Uint8Array(1), access)).status).toBe(200)
    await call('POST', `${base}/missing`, { bytes: fromHex(two), token: access })
    // A mirror relies on nothing.
    await call('POST', `${base}/missing`, { bytes: fromHex(three), token: mirror })
    expect(await jsonOf(await send(made()))).toMatchObject({ removed: 1 })
    expect(await held()).toEqual([one, two])
  })
})

type Littered = Awaited<ReturnType<typeof litteredWorld>>

function listed(bytes: Uint8Array): readonly unknown[] {
  const read = decodeCbor(bytes, 'It')
  return Array.isArray(read) ? read : []
}

test('who may ask how a collection begins, and what was removed', async () => {
  const { call, token, signIn, member, made, send } = await litteredWorld()
  const { access } = await signIn(member)
  await send(made())
  for (const [method, path] of [
    ['POST', '/collections'],
    ['GET', '/disposals?after=0'],
  ] as const) {
    expect((await call(method, base + path)).status).toBe(401)
    expect((await call(method, base + path, { token: access })).status).toBe(403)
    expect((await call(method, base + path, { token })).status).toBeLessThan(300)
  }
  expect((await call('GET', `${base}/disposals?after=x`, { token })).status).toBe(400)
  const answer = await call('GET', `${base}/disposals?after=1`, { token })
  expect((await answer.arrayBuffer()).byteLength).toBe(0)
})

test('any bytes are a disposal that is written so again, or refused with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      try {
        decodeDisposal(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(VarveError)
      }
    }),
  )
})
