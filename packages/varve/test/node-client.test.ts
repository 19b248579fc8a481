/** Publishing, inviting and joining over a real server on loopback: what is lost on the way is repaired by repeating. */

import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../src/encoding/bytes.ts'
import { memory, openTenant } from '../src/index.ts'
import { closing, env, founder, losing, meddled, names, NodeWorld, type Person } from './node-client-world.ts'

const coded = (code: string, words = ''): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(words) })

describe('publishing', () => {
  test('hands everything over, and the node records from then on', async () => {
    const world = await NodeWorld.start()
    const ada = await founder()
    expect(await ada.node()).toBeNull()
    expect(await ada.publish(world.url)).toEqual({ node: world.key })
    const status = await ada.status()
    expect(status.node).toEqual({ url: world.url, key: world.key })
    expect(status.recorder).toEqual({ key: world.key, here: false, proposed: null })
    expect(status.databases.map(({ name, pending }) => [name, pending])).toEqual([
      ['directory', 0],
      ['crm', 0],
    ])
    const line = ada.connect()
    const written = await (await ada.database('crm')).collection<Person>('people').create({ name: 'Edsger' })
    await line.settled()
    expect(await written.receipt()).toMatchObject({ cv: 2 })
    await line.close()
  })

  test('again changes nothing', async () => {
    const world = await NodeWorld.start()
    const ada = await founder()
    await ada.publish(world.url)
    const { databases, ...before } = await ada.status()
    expect(await ada.publish(`${world.url.replace('http', 'ws')}/`)).toEqual({ node: world.key })
    const after = await ada.status()
    expect(after).toMatchObject(before)
    expect(after.databases.map(({ recorded }) => recorded)).toEqual(databases.map(({ recorded }) => recorded))
  })

  const steps: readonly (readonly [string, (url: string, method: string) => boolean])[] = [
    ['who the node is', (url) => url.endsWith('/v1/node')],
    ['the appointments so far', (url, method) => url.endsWith('/appointments') && method === 'GET'],
    ['the registration', (url, method) => url.endsWith('/v1/tenants') && method === 'POST'],
    ['the appointment', (url, method) => url.endsWith('/appointments') && method === 'POST'],
  ]

  test.each(steps)('goes on when the answer to %s was lost', async (_what, fits) => {
    const world = await NodeWorld.start()
    const ada = await founder()
    const fetch = await losing(fits)
    await expect(ada.publish(world.url, { fetch })).rejects.toEqual(coded('OFFLINE'))
    expect(fetch.lost()).toBe(true)
    await (await ada.database('crm')).collection<Person>('people').create({ name: 'Meanwhile' })
    expect(await ada.publish(world.url)).toEqual({ node: world.key })
    const { recorder, databases } = await ada.status()
    expect(recorder).toEqual({ key: world.key, here: false, proposed: null })
    expect(databases.map(({ pending }) => pending)).toEqual([0, 0])
    expect(await (await ada.database('crm')).verify()).toMatchObject({ ok: true })
  })

  test.each(steps)(
    'goes on in a new process when the answer to %s was lost and the node stopped',
    async (_what, fits) => {
      const world = await NodeWorld.start()
      const store = memory()
      const ada = await founder(store)
      await expect(ada.publish(world.url, { fetch: await losing(fits) })).rejects.toEqual(coded('OFFLINE'))
      await ada.close()
      await world.stop()
      await world.up()
      const again = closing(await openTenant({ store, env }))
      expect(await again.publish(world.url)).toEqual({ node: world.key })
      expect((await again.status()).recorder).toEqual({ key: world.key, here: false, proposed: null })
      expect(await names(again)).toEqual(['Ada', 'Grace'])
    },
  )

  test('goes on when it was appointed before it had anything', async () => {
    const world = await NodeWorld.start()
    const ada = await founder()
    await ada.appoint(fromHex(world.key))
    expect((await ada.status()).recorder).toMatchObject({ here: true, proposed: world.key })
    expect(await ada.publish(world.url)).toEqual({ node: world.key })
    expect((await ada.status()).databases.map(({ recorded, pending }) => [recorded > 0, pending])).toEqual([
      [true, 0],
      [true, 0],
    ])
  })

  test('needs the token of the node, and says so', async () => {
    const world = await NodeWorld.start({ publish: { token: 'a token of sixteen'.replaceAll(' ', '-') } })
    const ada = await founder()
    await expect(ada.publish(world.url)).rejects.toEqual(coded('FORBIDDEN', 'by token'))
    await expect(ada.publish(world.url, { token: 'another-token-of-them' })).rejects.toEqual(
      coded('FORBIDDEN', 'token'),
    )
    expect((await ada.status()).recorder.here).toBe(true)
    await ada.publish(world.url, { token: 'a-token-of-sixteen' })
    expect(await ada.publish(world.url)).toEqual({ node: world.key })
  })

  test('refuses a node with another key than the one expected, before it learns anything', async () => {
    const world = await NodeWorld.start()
    const ada = await founder()
    const node = toHex(new Uint8Array(32).fill(7))
    await expect(ada.publish(world.url, { node })).rejects.toEqual(coded('TAMPERED', 'Another node'))
    await expect(ada.publish(world.url, { node: 'short' })).rejects.toEqual(coded('INVALID'))
    const answer = await fetch(`${world.url}/v1/tenants/${ada.id}/appointments`)
    expect(answer.status).toBe(404)
  })

  test('does not override a disconnect that was chosen', async () => {
    const world = await NodeWorld.start()
    const ada = await founder()
    await ada.publish(world.url)
    const line = ada.connect()
    await line.settled()
    await line.disconnect()
    await line.close()
    await expect(ada.publish(world.url)).rejects.toEqual(coded('OFFLINE', 'by choice'))
    const again = ada.connect()
    await again.reconnect()
    await again.settled()
    expect(await ada.publish(world.url)).toEqual({ node: world.key })
    await again.close()
  })

  test('moves on to another node, which goes on with the record', async () => {
    const [first, second] = [await NodeWorld.start(), await NodeWorld.start()]
    const ada = await founder()
    await ada.publish(first.url)
    await first.stop()
    const crm = await ada.database('crm')
    const written = await crm.collection<Person>('people').create({ name: 'Edsger' })
    await ada.publish(second.url)
    expect((await ada.status()).recorder.key).toBe(second.key)
    expect(await ada.node()).toEqual({ url: second.url, key: second.key })
    expect(await written.receipt()).toMatchObject({ record: 2 })
    expect(await crm.verify()).toMatchObject({ ok: true })
  })

  test.each([
    ['nobody answers', 'http://127.0.0.1:1', 'OFFLINE'],
    ['the URL is none', 'nowhere', 'INVALID'],
    ['the URL holds a password', 'https://ada:secret@example.org', 'INVALID'],
  ])('says what to do when %s', async (_what, url, code) => {
    const ada = await founder()
    await expect(ada.publish(url)).rejects.toEqual(coded(code))
    expect((await ada.status()).recorder).toMatchObject({ here: true, proposed: null })
  })

  test.each([
    ['another kind of server', () => ({ status: 200, body: '<html>', type: 'text/html' }), 'INVALID'],
    ['a proxy whose server is down', () => ({ status: 502, body: 'bad gateway', type: 'text/plain' }), 'OFFLINE'],
    [
      'a node of fields with wrong types',
      () => ({ status: 200, body: '{"publicKey":1}', type: 'application/json' }),
      'INVALID',
    ],
    ['a later node', () => ({ status: 200, body: laterNode, type: 'application/json' }), 'UNSUPPORTED_VERSION'],
    [
      'an answer without end',
      () => ({ status: 200, body: 'x'.repeat(17 << 20), type: 'application/json' }),
      'TOO_LARGE',
    ],
  ])('is refused by %s with a reason', async (_what, answer, code) => {
    const ada = await founder()
    const { status, body, type } = answer()
    const fetch = await meddled(() =>
      Promise.resolve(new Response(body, { status, headers: { 'content-type': type } })),
    )
    await expect(ada.publish('http://127.0.0.1:1', { fetch })).rejects.toEqual(coded(code))
  })

  test('can be given up', async () => {
    const ada = await founder()
    const giveUp = new AbortController()
    const fetch = await meddled((_url, { signal }) => {
      giveUp.abort(new Error('given up'))
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')))
        if (signal.aborted) reject(new Error('aborted'))
      })
    })
    await expect(ada.publish('http://127.0.0.1:1', { fetch, signal: giveUp.signal })).rejects.toThrow('given up')
  })
})

const laterNode = JSON.stringify({
  publicKey: '00'.repeat(32),
  version: '9.0.0',
  now: 1,
  protocols: { sync: [2], http: [2] },
  publish: 'open',
  more: true,
})
