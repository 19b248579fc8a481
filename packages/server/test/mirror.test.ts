/** Requirement tests of mirrors (C1, C5): a node follows another without keys and serves its own clients. */

import { memory, pipe, type Tenant, type Transport } from 'varve'
import { decodeFrame, fromHex, limits, systemEnv, toHex, VarveError, type Connector, type Env } from 'varve/engine'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseMirrorFile } from '../src/mirror-file.ts'
import { Door, NodeTenants } from '../src/tenants/index.ts'
import { NodeWorld } from './node-world.ts'

let world: NodeWorld

beforeEach(async () => {
  world = new NodeWorld()
  await world.start()
})

afterEach(async () => {
  await world.stop()
})

const free = (): (() => void) => () => undefined

/** A second node that follows the first. */
async function mirrorOf(
  ada: Tenant,
  databases: readonly string[],
  { env = systemEnv({ passphraseWork: 1 }), connector = world.connector }: { env?: Env; connector?: Connector } = {},
): Promise<{ tenants: NodeTenants; dial: () => Promise<Transport> }> {
  const stores = new Map<string, ReturnType<typeof memory>>()
  const tenants = await NodeTenants.open({
    env,
    node: memory(),
    tenant: (id) => {
      const store = stores.get(id) ?? memory()
      stores.set(id, store)
      return store
    },
    known: () => Promise.resolve([]),
    maximumTenants: 10,
    maximumDatabases: 10,
    connector,
  })
  await ada.directory.approveMirror(toHex(tenants.publicKey), 'second node')
  await tenants.register(await ada.registration())
  await tenants.mirror(ada.id, { url: 'ws://first', node: toHex(world.tenants.publicKey), databases })
  const meter = {
    connected: free,
    frame: () => undefined,
    units: () => undefined,
    recorded: () => undefined,
    refused: () => undefined,
  }
  const door = new Door({ env, tenants, meter, admitTenant: free })
  const dial = (): Promise<Transport> => {
    const [near, far] = pipe()
    door.enter(far, 'websocket')
    return Promise.resolve(near)
  }
  return { tenants, dial }
}

test('a mirror serves what the first node records, and passes on what its clients write', async () => {
  const { ada, line } = await world.published()
  const crm = await ada.database('crm')
  await crm.collection('people').create({ name: 'Ada' })
  await line.settled()
  const id = (await ada.databases()).find(({ name }) => name === 'crm')?.id ?? ''
  const { tenants, dial } = await mirrorOf(ada, [id])
  await line.settled()
  const bob = await world.join(ada, line, 'bob')
  const viaMirror = bob.tenant.connect('ws://second', { connector: dial })
  await viaMirror.settled()
  const b = await bob.tenant.database('crm')
  await viaMirror.settled()
  expect(await b.collection('people').find().count()).toBe(1)
  const bobs = await b.collection('people').create({ name: 'Bob' })
  expect(await bobs.receipt()).toMatchObject({ record: 1 })
  await line.settled()
  expect(await crm.collection('people').find().count()).toBe(2)
  expect(await b.verify()).toMatchObject({ ok: true })
  await Promise.all([ada.close(), bob.tenant.close()])
  await tenants.close()
})

test('a mirror waits longer after each connection that did not bring everything, until one does', async () => {
  const { ada, line } = await world.published()
  await (await ada.database('crm')).collection('people').create({ name: 'Ada' })
  await line.settled()
  const id = (await ada.databases()).find(({ name }) => name === 'crm')?.id ?? ''
  const waits: number[] = []
  const env: Env = {
    ...systemEnv({ passphraseWork: 1 }),
    random: (length) => new Uint8Array(length).fill(255),
    timer: (fn, ms) => {
      if (ms < limits.keepAliveMs) waits.push(ms)
      if (ms < limits.keepAliveMs) queueMicrotask(fn)
      return () => undefined
    },
  }
  const connector = async (): Promise<Transport> => {
    const near = await world.connector()
    return waits.length < 5 ? cutAfterReady(near) : near
  }
  const { tenants } = await mirrorOf(ada, [id], { env, connector })
  await line.settled()
  const node = await tenants.node(ada.id)
  await expect.poll(() => node.databases).toContain(id)
  await expect.poll(async () => (await node.existing(fromHex(id))).state.record.length).toBe(1)
  // What was taken over is reported a moment later.
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
  expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000])
  world.lines.at(-1)?.close(new VarveError('OFFLINE', 'The line was cut'))
  await expect.poll(() => waits).toEqual([250, 500, 1_000, 2_000, 4_000, 250])
  await Promise.all([ada.close(), tenants.close()])
})

/** A line that breaks as soon as both ends have shaken hands: at the answer to the first database. */
function cutAfterReady(line: Transport): Transport {
  return {
    send: (frame) => line.send(frame),
    allow: (bytes) => {
      line.allow(bytes)
    },
    close: (error) => {
      line.close(error)
    },
    listen: (handler) => {
      line.listen({
        closed: (error) => {
          handler.closed(error)
        },
        frame: (bytes) => {
          if (decodeFrame(bytes).type === 'opened') line.close(new VarveError('OFFLINE', 'The line was cut'))
          else handler.frame(bytes)
        },
      })
    },
  }
}

test('a mirror file is read strictly', () => {
  expect(() => parseMirrorFile('{')).toThrow(expect.objectContaining({ code: 'INVALID' }))
  expect(() => parseMirrorFile('{"url":"ws://x","extra":1}')).toThrow(/extra/)
})
