/** The routes of chunks under attack: strangers, ids that are none, bodies that lie, quotas raced for, slow and broken uploads. */

import { connect } from 'node:net'
import { memoryBlobs, VarveError, type BlobStore } from 'varve'
import { concat, fromHex, primitives, toHex, utf8, limits } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import type { ServerOptions } from '../src/index.ts'
import { cleanups, env, node } from './chunks-world.ts'
import { FakeTenants } from './fake-tenants.ts'
import { createWorld, jsonOf, tenant, type World } from './world.ts'

const other = 'b2'.repeat(16)
const megabyte = 1024 * 1024

function idOf(bytes: Uint8Array, of = tenant): string {
  return toHex(primitives.sha256(utf8('varve/chunk-id/v1\0'), fromHex(of), bytes))
}

async function keysOf(blobs: BlobStore): Promise<readonly string[]> {
  return (await blobs.list('')).items.map(({ key }) => key)
}

interface Shelf extends World {
  readonly blobs: BlobStore
  /** Access token of the member. */
  readonly token: string
  readonly put: (bytes: Uint8Array, token?: string, id?: string) => Promise<Response>
}

type ShelfOptions = Omit<Partial<ServerOptions>, 'blobs'> & { readonly blobs?: BlobStore }

async function shelf(options: ShelfOptions = {}, tenants = new FakeTenants()): Promise<Shelf> {
  const blobs = options.blobs ?? memoryBlobs({ env })
  const world = await createWorld({ ...options, blobs }, tenants)
  cleanups.push(() => world.server.close())
  const { access: token } = await world.signIn(world.member)
  const put: Shelf['put'] = (bytes, as = token, id = idOf(bytes)) =>
    world.call('PUT', `/v1/tenants/${tenant}/chunks/${id}`, { bytes, token: as })
  return { ...world, blobs, token, put }
}

describe('who may do what', () => {
  test('a device of another tenant reaches nothing, and the same bytes there are another chunk', async () => {
    const tenants = new FakeTenants()
    tenants.add(other)
    const { call, put, member, token, blobs } = await shelf({}, tenants)
    tenants.set(other, member.signing.publicKey, 'member')
    const bytes = new Uint8Array(100).fill(1)
    expect((await put(bytes)).status).toBe(201)
    const base = `/v1/tenants/${other}/chunks`
    for (const [method, path, body] of [
      ['GET', idOf(bytes), undefined],
      ['HEAD', idOf(bytes), undefined],
      ['PUT', idOf(bytes, other), bytes],
      ['POST', 'missing', fromHex(idOf(bytes))],
    ] as const) {
      const given = body === undefined ? { token } : { token, bytes: body }
      expect((await call(method, `${base}/${path}`, given)).status).toBe(403)
    }
    expect(await keysOf(blobs)).toHaveLength(1)
  })

  test('a mirror reads, and brings what its devices brought; a device that is revoked does nothing from then on', async () => {
    const { call, put, signIn, tenants, stranger, member, token, blobs } = await shelf()
    tenants.set(tenant, stranger.signing.publicKey, 'mirror')
    const mirror = (await signIn(stranger)).access
    const bytes = new Uint8Array(100).fill(1)
    await put(bytes)
    const path = `/v1/tenants/${tenant}/chunks`
    expect((await call('GET', `${path}/${idOf(bytes)}`, { token: mirror })).status).toBe(200)
    const asked = { bytes: fromHex(idOf(bytes)), token: mirror }
    expect((await call('POST', `${path}/missing`, asked)).status).toBe(200)
    expect((await put(new Uint8Array(5), mirror)).status).toBe(201)
    tenants.set(tenant, member.signing.publicKey, 'revoked')
    for (const [method, given] of [
      ['GET', { token }],
      ['HEAD', { token }],
      ['PUT', { token, bytes }],
    ] as const)
      expect([401, 403]).toContain((await call(method, `${path}/${idOf(bytes)}`, given)).status)
    expect(await keysOf(blobs)).toHaveLength(2)
  })

  test('a device that is revoked while it sends brings nothing', async () => {
    const { server, tenants, member, token, blobs } = await shelf()
    const bytes = new Uint8Array(100).fill(1)
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          tenants.set(tenant, member.signing.publicKey, 'revoked')
          controller.enqueue(bytes)
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' }
    const url = `http://varve.test/v1/tenants/${tenant}/chunks/${idOf(bytes)}`
    const answer = await server.fetch(new Request(url, { method: 'PUT', body, headers, duplex: 'half' }))
    expect([401, 403]).toContain(answer.status)
    expect(await keysOf(blobs)).toEqual([])
  })
})

describe('what is no chunk is not taken', () => {
  test.each([
    ['..%2f..%2fetc%2fpasswd'],
    ['%2e%2e'],
    ['AB'.repeat(32)],
    ['ab'.repeat(31)],
    ['ab'.repeat(33)],
    [`${'ab'.repeat(31)}a%00`],
    [`${'ab'.repeat(31)}zz`],
    [`${'ab'.repeat(32)}%0a`],
  ])('the id %s is refused', async (id) => {
    const { call, token, blobs } = await shelf()
    for (const [method, given] of [
      ['GET', { token }],
      ['PUT', { token, bytes: new Uint8Array(1) }],
    ] as const)
      expect([400, 404]).toContain((await call(method, `/v1/tenants/${tenant}/chunks/${id}`, given)).status)
    expect(await keysOf(blobs)).toEqual([])
  })

  test('other bytes, none, too many, and another type', async () => {
    const { call, put, token, blobs } = await shelf()
    const bytes = new Uint8Array(100).fill(1)
    expect((await put(bytes, token, idOf(bytes.slice(1)))).status).toBe(422)
    expect((await put(bytes, token, toHex(primitives.sha256(bytes)))).status).toBe(422)
    expect((await put(new Uint8Array(0))).status).toBe(400)
    expect((await put(new Uint8Array(limits.chunkObjectBytes + 1))).status).toBe(413)
    const path = `/v1/tenants/${tenant}/chunks/${idOf(bytes)}`
    expect((await call('PUT', path, { token, bytes, type: 'text/html' })).status).toBe(415)
    const missing = `/v1/tenants/${tenant}/chunks/missing`
    expect((await call('POST', missing, { token, bytes: new Uint8Array(33) })).status).toBe(400)
    expect((await call('POST', missing, { token, bytes: new Uint8Array(32 * 1001) })).status).toBe(413)
    expect(await keysOf(blobs)).toEqual([])
    expect((await put(new Uint8Array(limits.chunkObjectBytes))).status).toBe(201)
  })
})

describe('quotas', () => {
  test('hold under any number of puts at once', async () => {
    const { put, blobs } = await shelf({ limits: { chunkMegabytesPerTenant: 1, requestBurst: 10_000 } })
    const chunks = Array.from({ length: 24 }, (_, i) => new Uint8Array(100_000).fill(i))
    const answers = await Promise.all(chunks.map((bytes) => put(bytes)))
    const taken = answers.filter(({ status }) => status === 201)
    expect(taken).toHaveLength(Math.floor(megabyte / 100_000))
    expect(answers.every(({ status }) => status === 201 || status === 413)).toBe(true)
    expect(await keysOf(blobs)).toHaveLength(taken.length)
  })

  test('the same chunk brought at once by many counts once', async () => {
    const { put, blobs } = await shelf({ limits: { chunkMegabytesPerTenant: 1, requestBurst: 10_000 } })
    const bytes = new Uint8Array(500_000).fill(1)
    const answers = await Promise.all(Array.from({ length: 10 }, () => put(bytes)))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([...Array<number>(9).fill(200), 201])
    expect((await put(new Uint8Array(500_000).fill(2))).status).toBe(201)
    expect(await keysOf(blobs)).toHaveLength(2)
  })

  test('keep nobody waiting for the storage of others', async () => {
    const inner = memoryBlobs({ env })
    let underWay = 0
    let all = (): void => undefined
    const together = new Promise<void>((resolve) => {
      all = resolve
    })
    const blobs: BlobStore = {
      ...inner,
      put: async (key, bytes) => {
        if (++underWay === 3) all()
        await together
        return inner.put(key, bytes)
      },
    }
    const { put } = await shelf({ blobs })
    const answers = await Promise.all([1, 2, 3].map((n) => put(new Uint8Array(100).fill(n))))
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
  }, 5000)

  test('count what a storage kept though it said that it failed, and nothing that it did not keep', async () => {
    const inner = memoryBlobs({ env })
    let fails: 'before' | 'after' | null = null
    const blobs: BlobStore = {
      ...inner,
      put: async (key, bytes) => {
        if (fails === 'before') throw new VarveError('STORE_FAILED', 'the disk is gone')
        await inner.put(key, bytes)
        if (fails === 'after') throw new VarveError('STORE_FAILED', 'the answer was lost')
        return true
      },
    }
    const { put } = await shelf({ blobs, limits: { chunkMegabytesPerTenant: 1, requestBurst: 10_000 } })
    const chunk = (n: number): Uint8Array => new Uint8Array(400_000).fill(n)
    fails = 'before'
    for (let n = 0; n < 5; n++) expect((await put(chunk(1))).status).toBe(500)
    fails = 'after'
    for (let n = 1; n < 3; n++) expect([500, 413]).toContain((await put(chunk(n))).status)
    fails = null
    expect((await put(chunk(3))).status).toBe(413)
    expect(await keysOf(inner)).toHaveLength(2)
  })
})

describe('an upload over a socket', () => {
  async function upload(lines: readonly string[], body: Uint8Array, then: 'waits' | 'ends'): Promise<string> {
    const { url } = await node({ limits: { requestMs: 1000, headersMs: 500 } })
    const { hostname, port } = new URL(url)
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname)
      let answer = ''
      socket.on('data', (part) => (answer += part.toString('latin1')))
      socket.on('close', () => {
        resolve(answer)
      })
      socket.on('error', reject)
      socket.write(`${lines.join('\r\n')}\r\n\r\n`)
      socket.write(body)
      if (then === 'ends') socket.end()
    })
  }

  const path = `/v1/tenants/${tenant}/chunks/${'ab'.repeat(32)}`
  const put = [`PUT ${path} HTTP/1.1`, 'host: x', 'content-type: application/octet-stream']

  test.each([
    ['announces more than it brings and waits', ['content-length: 1000'], 'waits'],
    ['announces more than it brings and leaves', ['content-length: 1000'], 'ends'],
    ['says two lengths', ['content-length: 10', 'content-length: 20'], 'ends'],
    ['says a length and chunks', ['content-length: 10', 'transfer-encoding: chunked'], 'ends'],
    ['says a length that is none', ['content-length: -1'], 'ends'],
  ] as const)('that %s is ended, and answered with no success', async (_what, headers, then) => {
    const answer = await upload([...put, ...headers], new Uint8Array(10), then)
    expect(answer).not.toMatch(/^HTTP\/1\.1 2/)
  })
})

test('asking in bulk tells a member exactly what is lacking, in its order', async () => {
  const { call, put, token } = await shelf()
  const chunks = [1, 2, 3, 4].map((n) => new Uint8Array(n * 10).fill(n))
  for (const bytes of chunks.slice(0, 2)) await put(bytes)
  const asked = concat(...chunks.map((bytes) => fromHex(idOf(bytes))))
  const answer = await call('POST', `/v1/tenants/${tenant}/chunks/missing`, { token, bytes: asked })
  expect(new Uint8Array(await answer.arrayBuffer())).toEqual(asked.subarray(64))
  const none = await call('POST', `/v1/tenants/${tenant}/chunks/missing`, { token, bytes: new Uint8Array(0) })
  expect((await none.arrayBuffer()).byteLength).toBe(0)
})

test('a list gives mirrors and admins what is held, in order and in pages, and members nothing', async () => {
  const { call, put, signIn, tenants, admin, stranger, token, blobs } = await shelf()
  tenants.set(tenant, stranger.signing.publicKey, 'mirror')
  const ids: string[] = []
  for (let n = 1; n < 6; n++) {
    const bytes = new Uint8Array(n).fill(n)
    await put(bytes)
    ids.push(idOf(bytes))
  }
  await blobs.put(`${other}/chunks/00/${'00'.repeat(32)}`, new Uint8Array(1))
  ids.sort()
  const path = `/v1/tenants/${tenant}/chunks`
  for (const device of [admin, stranger]) {
    const { access } = await signIn(device)
    const listed = async (query: string): Promise<string> =>
      toHex(new Uint8Array(await (await call('GET', path + query, { token: access })).arrayBuffer()))
    expect(await listed('')).toBe(ids.join(''))
    expect(await listed(`?after=${ids[2] ?? ''}`)).toBe(ids.slice(3).join(''))
    expect(await listed(`?after=${ids[4] ?? ''}`)).toBe('')
    expect((await call('GET', `${path}?after=..`, { token: access })).status).toBe(400)
  }
  expect((await call('GET', path, { token })).status).toBe(403)
  expect((await call('GET', path)).status).toBe(401)
})

test('an answer says nothing of where chunks lie', async () => {
  const { put, call, token } = await shelf({
    blobs: {
      ...memoryBlobs({ env }),
      get: () => Promise.reject(new VarveError('STORE_FAILED', 'cannot read /var/lib/secret/place')),
    },
  })
  const bytes = new Uint8Array(10)
  await put(bytes)
  const answer = await call('GET', `/v1/tenants/${tenant}/chunks/${idOf(bytes)}`, { token })
  expect(answer.status).toBe(500)
  expect(JSON.stringify(await jsonOf(answer))).not.toContain('secret')
})
