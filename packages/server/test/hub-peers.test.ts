/** Calls between the processes of a hub: what may be asked, by whom, and what happens when nobody answers. */

import { createServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { systemEnv, VarveError } from 'varve/engine'
import { afterEach, describe, expect, test } from 'vitest'
import { placeOf } from '../src/hub/context.ts'
import { peerApp } from '../src/hub/peers/app.ts'
import { decodeCall, isRepeatable, makeCall, type PeerCall } from '../src/hub/peers/call.ts'
import type { Operation } from '../src/hub/peers/operation.ts'
import { Peers } from '../src/hub/peers/peers.ts'

const secret = 'a secret of the processes'
const place = placeOf('runtime', 'tenant', 'tenant-a')
const named = { databaseType: 'runtime', tier: 'tenant', tenantId: 'tenant-a' } as const

function callOf(...steps: readonly (readonly [string, ...unknown[]])[]): PeerCall {
  return {
    place: named,
    target: { kind: 'collection', name: 'users' },
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

function peers(patienceMs = 1_000, aliveMs = 200): Peers {
  return new Peers({ env: systemEnv(), secret, aliveMs, patienceMs, address: 'http://127.0.0.1:1' })
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
    [
      'an operation of no slot',
      { ...callOf(['patch']), operation: { process: 'a', slot: -1, number: 1 } },
      'operation.slot',
    ],
    ['a target of no kind', { ...callOf(['get']), target: { kind: 'hub', name: 'x' } }, 'target.kind'],
    ['a step without arguments', { ...callOf(), steps: [{ method: 'get' }] }, 'steps[0].args'],
  ])('%s is INVALID, naming the path', (_, given, path) => {
    expect(() => decodeCall(given)).toThrow(expect.objectContaining({ code: 'INVALID' }))
    expect(() => decodeCall(given)).toThrow(expect.objectContaining({ details: expect.objectContaining({ path }) }))
  })

  test('what may be made again without being the same is told from what must be made once', () => {
    expect(isRepeatable(callOf(['get', 'a']))).toBe(true)
    expect(isRepeatable(callOf(['find', {}], ['count']))).toBe(true)
    expect(isRepeatable(callOf(['patch', 'a', {}]))).toBe(false)
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

  test('a write that was sent and not answered is asked for again, as the same write', async () => {
    const asked: unknown[] = []
    const address = await listening((request, response) => {
      let text = ''
      request.on('data', (part) => (text += String(part)))
      request.on('end', () => {
        const call: unknown = JSON.parse(text)
        asked.push(new Map<string, unknown>(Object.entries(call ?? {})).get('operation'))
        if (asked.length === 1) request.socket.destroy()
        else response.end(JSON.stringify({ value: 'there' }))
      })
    })
    expect(await peers().run(place, callOf(['patch', 'a', {}]), heldBy(address))).toBe('there')
    expect(asked).toEqual([{ process: expect.any(String), slot: 0, number: 1 }, asked[0]])
  })

  test('a write of which nobody can tell in time is OFFLINE, and its outcome unknown', async () => {
    const address = await listening((request) => request.socket.destroy())
    await expect(peers(200).run(place, callOf(['patch', 'a', {}]), heldBy(address))).rejects.toMatchObject({
      code: 'OFFLINE',
      details: { outcome: 'unknown', placement: place.name },
    })
  })

  test('what a gateway answers for a process that is gone is no answer of it', async () => {
    let asked = 0
    const address = await listening((_, response) =>
      ++asked === 1 ? response.writeHead(502).end('bad gateway') : response.end(JSON.stringify({ value: 'there' })),
    )
    expect(await peers().run(place, callOf(['patch', 'a', {}]), heldBy(address))).toBe('there')
  })

  test('what keeps a write in doubt from being asked for is waited for, what refuses it is believed', async () => {
    let tries = 0
    const local = () => {
      const [error] = [
        new VarveError('LOCKED', 'the lease was lost in the middle', { details: { outcome: 'unknown' } }),
        new VarveError('STORE_FAILED', 'no connection'),
        new VarveError('CONFLICT', 'it was never made, and is stale'),
      ].slice(tries++)
      return Promise.reject(error)
    }
    await expect(peers().run(place, callOf(['patch', 'a', {}]), local)).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(tries).toBe(3)
  })

  test('writes under way are operations of different slots, and later ones have higher numbers', async () => {
    const asking = peers()
    const given: (Operation | null)[] = []
    const local = (operation: Operation | null) => {
      given.push(operation)
      return Promise.resolve(1)
    }
    await Promise.all([1, 2].map(() => asking.run(place, callOf(['patch', 'a', {}]), local)))
    await asking.run(place, callOf(['patch', 'a', {}]), local)
    await asking.run(place, callOf(['get', 'a']), local)
    expect(given.map((each) => each?.slot)).toEqual([0, 1, 0, undefined])
    expect(given.map((each) => each?.number)).toEqual([1, 2, 3, undefined])
  })

  test('a read that was sent and not answered is made again', async () => {
    let asked = 0
    const address = await listening((request, response) => {
      if (++asked === 1) request.socket.destroy()
      else response.end(JSON.stringify({ value: 'there' }))
    })
    expect(await peers().run(place, callOf(['get', 'a']), heldBy(address))).toBe('there')
  })

  test('a process that takes long is waited for as long as it is there, one that hangs is not', async () => {
    let asked = 0
    const app = peerApp({
      secret,
      handle: () => ({ get: () => new Promise((resolve) => setTimeout(resolve, ++asked * 700, 'there')) }),
      release: () => Promise.resolve(),
    })
    const listener = getRequestListener((request) => app(request), { overrideGlobalObjects: false })
    const address = await listening((incoming, outgoing) => void listener(incoming, outgoing))
    expect(await peers().run(place, callOf(['get', 'a']), heldBy(address))).toBe('there')
    const hanging = await listening(() => undefined)
    let tries = 0
    const local = () => (++tries === 1 ? heldBy(hanging)() : Promise.resolve('here'))
    expect(await peers().run(place, callOf(['patch', 'a', {}]), local)).toBe('here')
    expect([asked, tries]).toEqual([1, 2])
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
