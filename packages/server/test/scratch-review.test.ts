import { createTenant, joinTenant, createJoinRequest, openTenant, memory, pipe, type VarveError, type Transport, type Connection } from 'varve'
import { encodeFrame, systemEnv, fromHex, toHex, decorateStores, decorate, type StoreProvider, replicaOf, Outgoing, decodeUnit, positionOf, ingest } from 'varve/engine'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NodeWorld, url } from './node-world.ts'
import { Door, Hub } from '../src/tenants/index.ts'

let world: NodeWorld
beforeEach(async () => { world = new NodeWorld(); await world.start() })
afterEach(async () => { await world.stop() })
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms))
const within = (p: Promise<unknown>, ms: number) => Promise.race([p.then(() => 'resolved', (e: { code?: string, message?: string }) => 'rejected ' + e.code + ' ' + e.message), sleep(ms).then(() => 'HANGS')])

function slow(provider: StoreProvider, ms: number, openMs = ms): StoreProvider {
  const p = decorateStores(provider, (s) => decorate(s, async (m, call) => { if (ms > 0) await sleep(ms); return call() }))
  return { ...p, open: async (n, o) => { await sleep(openMs); return p.open(n, o) } }
}

test('2 double open race: database opened while catching up', async () => {
  const { ada, line } = await world.published()
  const bobStore = memory()
  const response = await ada.directory.approve(await createJoinRequest({ user: 'bob', store: bobStore, env: world.env }))
  await line.settled()
  await (await joinTenant({ response, store: bobStore, env: world.env })).close()
  let bad = 0
  for (let i = 0; i < 12; i++) {
    const bob = await openTenant({ store: slow(bobStore, 0, 1), env: world.env })
    const l = world.connect(bob)
    await bob.database('db' + i)
    await within(l.settled(), 500)
    if (l.status !== 'live') { bad++; console.log('RACE i', i, l.status, l.error?.code, l.error?.message) }
    await bob.close()
  }
  console.log('RACE bad', bad)
  await ada.close()
})

test('3 a user listener that throws wedges the connection', async () => {
  const { ada, line } = await world.published()
  const crm = await ada.database('crm')
  await line.settled()
  const stop = line.on('progress', () => { throw new Error('app bug') })
  await crm.collection('p').create({ a: 1 })
  console.log('LISTENER progress', await within(line.settled(), 500), line.status)
  stop()
  console.log('LISTENER after', await within(line.settled(), 500), line.status, line.pending)
  await ada.close()
})
test('3b a status listener that throws', async () => {
  const { ada, line } = await world.published()
  await line.close()
  const l2 = world.connect(ada)
  const stop = l2.on('status', (s) => { if (s === 'catching-up') throw new Error('app bug') })
  await sleep(100)
  stop()
  console.log('LISTENER2', await within(l2.settled(), 500), l2.status)
  await within(ada.close(), 500)
})

test('4 channel error: database refused by node: settled hangs', async () => {
  const { ada, line } = await world.published()
  const bob = await world.join(ada, line, 'bob')
  await bob.tenant.database('only-bob')
  // peer to peer: ada does not have it open
  const [near, far] = pipe()
  ada.accept(far).catch(() => undefined)
  const p2p = bob.tenant.connect(near)
  console.log('NOTFOUND', await within(p2p.settled(), 500), p2p.status, p2p.error?.code)
  await bob.tenant.close(); await ada.close()
})

test('5 pending is zero offline after restart', async () => {
  const { ada, line } = await world.published()
  const bob = await world.join(ada, line, 'bob')
  const b = await bob.tenant.database('crm')
  await b.collection('p').create({ a: 1 })
  const stats = await b.stats()
  world.reachable = false
  const l = world.connect(bob.tenant)
  await sleep(50)
  console.log('PENDING', stats.pending, l.pending, l.status)
  await bob.tenant.close(); await ada.close(); world.reachable = true
})

test('6 reconnect while retry timer: two dials', async () => {
  const { ada, line } = await world.published()
  await line.close()
  let dials = 0
  let open = 0
  const connection = ada.connect(url, { connector: async () => {
    const n = ++dials
    if (n === 1) throw Object.assign(new Error('x'))
    await sleep(600)
    const t = await world.connector()
    open++
    return t
  } })
  await sleep(20)
  connection.reconnect().catch(() => undefined)
  await sleep(1500)
  console.log('DIALS', dials, 'open', open, 'server connections', world.hub.connections, connection.status)
  await connection.close()
  await sleep(50)
  console.log('DIALS after close: server connections', world.hub.connections)
  await ada.close()
})
