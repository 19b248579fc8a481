/** The driver of a connection: what concerns one database stays with it, and what is over leaves nothing behind. */

import { expect, test, vi } from 'vitest'
import { toHex } from '../src/encoding/bytes.ts'
import { VarveError } from '../src/errors.ts'
import { createIdentity } from '../src/keys/identity.ts'
import { limits } from '../src/limits.ts'
import { ingest } from '../src/replica/ingest.ts'
import type { Replica } from '../src/replica/replica.ts'
import type { SyncHost } from '../src/sync/host.ts'
import { unitsBetween, World, type Member } from './attack-world.ts'
import { directory, ends, hostOf, MachinePeer, side, type Side } from './driver-world.ts'
import { coded } from './keys-world.ts'

/** Ada, who records, and Bob, each with the directory and a database. */
async function people(world: World): Promise<{
  readonly ada: Member
  readonly bob: Member
  readonly adas: readonly Replica[]
  readonly bobs: readonly Replica[]
}> {
  const { ada, bob } = await world.pair()
  const of = async ({ identity }: Member): Promise<Replica> =>
    (await world.member(identity, { directory: true, id: directory })).replica
  return { ada, bob, adas: [await of(ada), ada.replica], bobs: [await of(bob), bob.replica] }
}

function connect(bobs: SyncHost, adas: SyncHost): { readonly bob: Side; readonly ada: Side } {
  const [near, far] = ends()
  return { ada: side('acceptor', adas, far), bob: side('initiator', bobs, near) }
}

test('a database is opened once, however often that is asked for at once', async () => {
  const world = new World()
  const { ada, adas, bobs } = await people(world)
  await ada.database.collection('people').create({ name: 'x' })
  const both = connect(hostOf(world, bobs), hostOf(world, adas))
  await both.bob.heard('ready')
  await Promise.all([both.bob.driver.open(directory), both.bob.driver.open(directory)])
  await both.bob.heard('current', directory)
  expect(both.bob.driver.has(world.id)).toBe(false)
  const opening = [both.bob.driver.open(world.id), both.bob.driver.open(world.id)]
  expect(both.bob.driver.has(world.id)).toBe(true)
  await Promise.all(opening)
  await both.bob.driver.open(world.id)
  expect(await both.bob.heard('current', world.id)).toMatchObject({ record: 1 })
  expect([...both.bob.events, ...both.ada.events].filter(({ event }) => event === 'error')).toEqual([])
})

test('a database that cannot be opened leaves the others alone', async () => {
  const world = new World()
  const { adas, bobs } = await people(world)
  const broken = new Uint8Array(16).fill(7)
  const whole = hostOf(world, bobs)
  const host: SyncHost = {
    ...whole,
    replica: (database, peer) =>
      database === broken ? Promise.reject(new VarveError('STORE_FAILED', 'full')) : whole.replica(database, peer),
  }
  const both = connect(host, hostOf(world, adas))
  await both.bob.heard('ready')
  await both.bob.driver.open(directory)
  await expect(both.bob.driver.open(broken)).rejects.toEqual(coded('STORE_FAILED'))
  expect(both.bob.driver.has(broken)).toBe(false)
  await both.bob.driver.open(world.id)
  await both.bob.heard('current', world.id)
  expect(both.bob.events.filter(({ event }) => event === 'closed')).toEqual([])
})

test('receipts that came with a feed that is refused come again when the database is opened again', async () => {
  const world = new World()
  const { ada, bob, adas, bobs } = await people(world)
  const carol = createIdentity('carol', world.env)
  world.approve(carol)
  const carols = await world.member(carol)
  await carols.database.collection('people').create({ name: 'carol' })
  for (const unit of await unitsBetween(carols, ada)) await ingest(ada.replica, unit)
  const known = bob.replica.context.knows.bind(bob.replica.context)
  const spy = vi.spyOn(bob.replica.context, 'knows')
  spy.mockImplementation((key) => toHex(key) !== toHex(carol.signing.publicKey) && known(key))
  const both = connect(hostOf(world, bobs), hostOf(world, adas))
  await both.bob.heard('ready')
  await both.bob.driver.open(directory)
  await both.bob.driver.open(world.id)
  expect(await both.bob.heard('ended', world.id)).toMatchObject({ error: coded('FORBIDDEN') })
  await both.ada.heard('ended', world.id)
  expect(both.bob.driver.has(world.id)).toBe(false)
  spy.mockImplementation(known)
  await ada.database.collection('people').create({ name: 'ada' })
  await both.bob.driver.open(world.id)
  expect(await both.bob.heard('current', world.id)).toMatchObject({ record: 2 })
  expect(bob.replica.state.record.length).toBe(2)
})

test('who listens and fails keeps nothing from being synced', async () => {
  const world = new World()
  const { ada, bob, adas, bobs } = await people(world)
  await ada.database.collection('people').create({ name: 'x' })
  const logged: string[] = []
  const env = { ...world.env, log: (_level: string, message: string) => void logged.push(message) }
  const [near, far] = ends()
  side('acceptor', hostOf(world, adas), far)
  const one = side('initiator', hostOf(world, bobs, { env }), near, () => {
    throw new Error('who listens has a defect')
  })
  await one.heard('ready')
  await one.driver.open(directory)
  await one.driver.open(world.id)
  await one.heard('current', world.id)
  await ada.database.collection('people').create({ name: 'y' })
  expect(await one.driver.barrier()).toBe(true)
  expect(bob.replica.state.record.length).toBe(2)
  expect(logged).toContain('what listens to a sync connection failed')
})

test('what a peer opens and closes again, early or late, leaves nothing behind', async () => {
  const world = new World()
  const { ada, bob, adas } = await people(world)
  let watching = 0
  const onWrite = ada.replica.onWrite.bind(ada.replica)
  vi.spyOn(ada.replica, 'onWrite').mockImplementation((listener) => {
    const stop = onWrite(listener)
    watching++
    return () => {
      watching--
      return stop()
    }
  })
  const [near, far] = ends()
  const host = hostOf(world, adas)
  const slow: SyncHost['replica'] = async (database, asked) => {
    const found = await host.replica(database, asked)
    // The frame that closes it is here by then.
    await new Promise((resolve) => setImmediate(resolve))
    return found
  }
  const server = side('acceptor', { ...host, replica: slow }, far)
  const peer = new MachinePeer(world.env, bob.replica.context.device, near)
  await peer.heard('ready')
  peer.open(directory)
  await peer.heard('current')
  for (let i = 0; i < 20; i++) {
    peer.close(peer.open(world.id))
    const channel = peer.open(world.id)
    await peer.even()
    expect(watching).toBe(1)
    peer.close(channel)
    await peer.even()
    expect(watching).toBe(0)
  }
  expect(server.driver.has(world.id)).toBe(false)
  // Whoever keeps a replica open for a channel hears of each, also of one that was closed before it was looked at.
  expect(server.events.filter(({ event }) => event === 'ended')).toHaveLength(40)
})

test('a peer that causes problems fills no log', async () => {
  const world = new World()
  const { bob, adas } = await people(world)
  const problem = vi.fn<SyncHost['problem']>()
  const env = { ...world.env, now: () => 1_000 }
  const [near, far] = ends()
  side('acceptor', hostOf(world, adas, { env, problem }), far)
  const peer = new MachinePeer(world.env, bob.replica.context.device, near)
  await peer.heard('ready')
  peer.open(directory)
  await peer.heard('current')
  for (let i = 0; i < 3 * limits.problemsPerSecond; i++) {
    peer.open(new Uint8Array(16).fill(100 + i))
    await peer.even()
  }
  expect(problem).toHaveBeenCalledTimes(limits.problemsPerSecond)
})

test('a peer whose standing turns out to be none is shown the door', async () => {
  const world = new World()
  const { bob, adas, bobs } = await people(world)
  let member = true
  const both = connect(hostOf(world, bobs), hostOf(world, adas, { access: () => (member ? 'full' : null) }))
  await both.bob.heard('ready')
  await both.ada.heard('ready')
  const { publicKey } = bob.identity.signing
  both.ada.driver.judge(publicKey)
  member = false
  both.ada.driver.judge(world.founder.signing.publicKey)
  expect(both.ada.events.filter(({ event }) => event === 'closed')).toEqual([])
  both.ada.driver.judge(publicKey)
  expect(await both.ada.heard('closed')).toMatchObject({ error: coded('FORBIDDEN') })
  expect(await both.bob.heard('closed')).toMatchObject({ error: coded('FORBIDDEN') })
})

test('a transport that is closed before anything was said is told after the driver is made', async () => {
  const world = new World()
  const { adas } = await people(world)
  const closed: unknown[] = []
  const transport = {
    send: () => Promise.resolve(),
    allow: () => undefined,
    close: () => undefined,
    listen: (handler: { closed(error: VarveError | null): void }) => {
      handler.closed(null)
    },
  }
  const made = side('acceptor', hostOf(world, adas), transport, (event) => {
    closed.push(made.driver === undefined, event.event)
  })
  await made.heard('closed')
  expect(closed).toEqual([false, 'closed'])
})
