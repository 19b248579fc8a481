/** Requirement tests of mirrors (C1, C5): a node follows another without keys and serves its own clients. */

import { memory, pipe, type Tenant, type Transport } from 'varve'
import { systemEnv, toHex } from 'varve/engine'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseMirrorFile } from '../src/mirror-file.ts'
import { Door, Hub } from '../src/tenants/index.ts'
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
): Promise<{ hub: Hub; dial: () => Promise<Transport> }> {
  const env = systemEnv({ passphraseWork: 1 })
  const stores = new Map<string, ReturnType<typeof memory>>()
  const hub = await Hub.open({
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
    connector: world.connector,
  })
  await ada.directory.approveMirror(toHex(hub.publicKey), 'second node')
  await hub.register(await ada.registration())
  await hub.mirror(ada.id, { url: 'ws://first', node: toHex(world.hub.publicKey), databases })
  const meter = {
    connected: free,
    frame: () => undefined,
    units: () => undefined,
    recorded: () => undefined,
    refused: () => undefined,
  }
  const door = new Door({ env, hub, meter, admitTenant: free })
  const dial = (): Promise<Transport> => {
    const [near, far] = pipe()
    door.enter(far, 'websocket')
    return Promise.resolve(near)
  }
  return { hub, dial }
}

test('a mirror serves what the first node records, and passes on what its clients write', async () => {
  const { ada, line } = await world.published()
  const crm = await ada.database('crm')
  await crm.collection('people').create({ name: 'Ada' })
  await line.settled()
  const id = (await ada.databases()).find(({ name }) => name === 'crm')?.id ?? ''
  const { hub, dial } = await mirrorOf(ada, [id])
  await line.settled()
  const bob = await world.join(ada, line, 'bob')
  const viaMirror = bob.tenant.connect('ws://second', { connector: dial })
  await viaMirror.settled()
  const b = await bob.tenant.database('crm')
  await viaMirror.settled()
  expect(await b.collection('people').find().count()).toBe(1)
  const { receipt } = await b.collection('people').create({ name: 'Bob' })
  expect(await receipt()).toMatchObject({ record: 1 })
  await line.settled()
  expect(await crm.collection('people').find().count()).toBe(2)
  expect(await b.verify()).toMatchObject({ ok: true })
  await Promise.all([ada.close(), bob.tenant.close()])
  await hub.close()
})

test('a mirror file is read strictly', () => {
  expect(() => parseMirrorFile('{')).toThrow(expect.objectContaining({ code: 'INVALID' }))
  expect(() => parseMirrorFile('{"url":"ws://x","extra":1}')).toThrow(/extra/)
})
