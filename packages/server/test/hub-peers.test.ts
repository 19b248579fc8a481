/** Calls between the processes of a hub: what may be asked, by whom, and what happens when nobody answers. */

import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { systemEnv, VarveError } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { placeOf } from '../src/hub/context.ts'
import { peerApp } from '../src/hub/peers/app.ts'
import { decodeCall, isRead, makeCall, type PeerCall } from '../src/hub/peers/call.ts'
import { Peers } from '../src/hub/peers/peers.ts'

const secret = 'a secret of the processes'
const place = placeOf('runtime', 'tenant', 'tenant-a')
const named = { databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a' } as const

function callOf(...steps: readonly (readonly [string, ...unknown[]])[]): PeerCall {
  return {
    place: named,
    collection: 'users',
    steps: steps.map(([method, ...args]) => ({ method, args })),
  }
}

const servers = new Set<Server>()
afterEach(async () => {
  for (const server of servers) await new Promise((resolve) => server.close(resolve).closeAllConnections())
  servers.clear()
})

async function listening(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener)
  servers.add(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen')
  return `http://127.0.0.1:${address.port}`
}

function peer(handle: object): Promise<string> {
  const app = peerApp({ secret, handle: () => handle, release: () => Promise.resolve() })
  const listener = getRequestListener((request) => app(request), { overrideGlobalObjects: false })
  return listening((incoming, outgoing) => void listener(incoming, outgoing))
}

function peers(patienceMs = 1_000, timeoutMs = 500): Peers {
  return new Peers({ env: systemEnv(), secret, timeoutMs, patienceMs, address: 'http://127.0.0.1:1' })
}

const heldBy = (address: string) => () =>
  Promise.reject(new VarveError('LOCKED', 'held elsewhere', { details: { address } }))

describe('what may be asked', () => {
  const query = { sort: () => query, toArray: () => [{ id: '1' }] }
  const handle = { get: (id: string) => ({ id }), find: () => query, using: () => 'all of it', secret: 'x' }

  test('methods of a collection and chains of a query', async () => {
    expect(await makeCall(handle, callOf(['get', 'a']))).toEqual({ id: 'a' })
    expect(await makeCall(handle, callOf(['find', {}], ['sort', { a: 1 }], ['toArray']))).toEqual([{ id: '1' }])
  })

  test.each([['using'], ['constructor'], ['__proto__'], ['toString'], ['secret'], ['toArray']])(
    '%s is INVALID',
    async (method) => {
      await expect(makeCall(handle, callOf([method]))).rejects.toMatchObject({ code: 'INVALID' })
      await expect(makeCall(handle, callOf(['find', {}], [method], ['count', {}]))).rejects.toMatchObject({
        code: expect.stringMatching(/INVALID|UNSUPPORTED/),
      })
    },
  )

  test('an argument that was left out is left out there too', async () => {
    const asked = decodeCall(JSON.parse(JSON.stringify(callOf(['restore', 'a', undefined, { reason: 'why' }]))))
    const args = await makeCall({ restore: (...given: readonly unknown[]) => given }, asked)
    expect(args).toEqual(['a', undefined, { reason: 'why' }])
  })

  test('a query that nothing runs is INVALID', async () => {
    await expect(makeCall(handle, callOf(['find', {}]))).rejects.toMatchObject({ code: 'INVALID' })
  })

  test.each([
    ['no object', 'x', ''],
    ['an unknown field', { ...callOf(['get']), more: 1 }, 'more'],
    ['a place that is none', { ...callOf(['get']), place: { databaseType: 'runtime', tier: 'tenant' } }, 'tenantId'],
    ['no steps', callOf(), 'steps'],
    ['a step without arguments', { ...callOf(), steps: [{ method: 'get' }] }, 'steps[0].args'],
  ])('%s is INVALID, naming the path', (_, given, path) => {
    expect(() => decodeCall(given)).toThrow(expect.objectContaining({ code: 'INVALID' }))
    expect(() => decodeCall(given)).toThrow(expect.objectContaining({ details: expect.objectContaining({ path }) }))
  })

  test('reads and writes are told apart', () => {
    expect(isRead(callOf(['get', 'a']))).toBe(true)
    expect(isRead(callOf(['find', {}], ['count']))).toBe(true)
    expect(isRead(callOf(['patch', 'a', {}]))).toBe(false)
  })
})

describe('who makes a call', () => {
  test('this process where it can, and nobody is asked', async () => {
    expect(await peers().run(place, callOf(['get', 'a']), () => Promise.resolve('here'))).toBe('here')
  })

  test('the one that holds the place, with its answers and its errors', async () => {
    const address = await peer({
      get: (id: string) => ({ id, from: 'there' }),
      patch: () => Promise.reject(new VarveError('CONFLICT', 'stale', { details: { expected: 1, actual: 2 } })),
    })
    const asking = peers()
    expect(await asking.run(place, callOf(['get', 'a']), heldBy(address))).toEqual({ id: 'a', from: 'there' })
    await expect(asking.run(place, callOf(['patch', 'a', {}]), heldBy(address))).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { expected: 1, actual: 2 },
    })
  })

  test('this process again, once the other is gone', async () => {
    const address = await peer({ get: () => 'there' })
    const asking = peers(5_000)
    expect(await asking.run(place, callOf(['get', 'a']), heldBy(address))).toBe('there')
    for (const server of servers) await new Promise((resolve) => server.close(resolve).closeAllConnections())
    servers.clear()
    let tries = 0
    const local = () => (++tries < 3 ? heldBy(address)() : Promise.resolve('here'))
    expect(await asking.run(place, callOf(['patch', 'a', {}]), local)).toBe('here')
  })

  test('a write that was sent and not answered is not made again', async () => {
    let asked = 0
    const address = await listening((request) => {
      asked++
      request.socket.destroy()
    })
    await expect(peers().run(place, callOf(['patch', 'a', {}]), heldBy(address))).rejects.toMatchObject({
      code: 'OFFLINE',
      details: { outcome: 'unknown' },
    })
    expect(asked).toBe(1)
  })

  test('a read that was sent and not answered is made again', async () => {
    let asked = 0
    const address = await listening((request, response) => {
      if (++asked === 1) request.socket.destroy()
      else response.end(JSON.stringify({ value: 'there' }))
    })
    expect(await peers().run(place, callOf(['get', 'a']), heldBy(address))).toBe('there')
  })

  test('another secret is FORBIDDEN, what is no answer STORE_FAILED', async () => {
    const address = await listening((_, response) => response.writeHead(401).end())
    await expect(peers().run(place, callOf(['get', 'a']), heldBy(address))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
    const strange = await listening((_, response) => response.end('<html>'))
    await expect(peers().run(place, callOf(['get', 'a']), heldBy(strange))).rejects.toMatchObject({
      code: 'STORE_FAILED',
    })
  })

  test('nobody without the secret', async () => {
    const address = await peer({ get: () => 'there' })
    const answer = await fetch(`${address}/peer/call`, { method: 'POST', body: '{}' })
    expect(answer.status).toBe(401)
  })
})
