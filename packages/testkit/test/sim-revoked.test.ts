/** A device that knows of its revocation is quiet, in simulated time: no attempt, no timer, no frame (D6). */

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connection } from 'varve'
import { Ledger } from '../src/sim/ledger.ts'
import { Network } from '../src/sim/net/network.ts'
import { Scheduler } from '../src/sim/net/scheduler.ts'
import { SeededRandom } from '../src/sim/random.ts'
import type { SimClient } from '../src/sim/servers/client.ts'
import { clientOf, recorderOf, setUp, settleAll, type ServersWorld } from '../src/sim/servers/setup.ts'

/** One server, a founder and a member, both connected to it. */
const seed = 19
const minute = 60_000
const hour = 60 * minute

let world: ServersWorld
/** Frames from and to each host. */
const frames = new Map<string, number>()

beforeEach(async () => {
  const random = new SeededRandom(seed)
  const scheduler = new Scheduler(random, Date.UTC(2026, 0, 1))
  const network = new Network(scheduler, random, (_frame, from, to) => {
    for (const name of [from, to]) frames.set(name, (frames.get(name) ?? 0) + 1)
  })
  const quiet = (): void => undefined
  world = await setUp({ scheduler, network, random, ledger: new Ledger(), note: quiet, problem: quiet, count: quiet })
})

afterEach(async () => {
  for (const client of world.clients) if (client.life === 'up') await client.leave()
  for (const server of world.servers) await server.stop()
})

/** A member that was there from the beginning. */
function member(): { readonly bob: SimClient; readonly line: Connection } {
  const bob = clientOf(world, 1)
  const [line] = bob.connections
  if (line === undefined) throw new Error('this member is not connected')
  return { bob, line }
}

function revoke(bob: SimClient): Promise<void> {
  return clientOf(world, 0).tenant.directory.revoke({ device: bob.tenant.me.device })
}

/** What a client does in an hour in which nobody asks it for anything. */
async function inAnHour(client: SimClient): Promise<{ readonly dialled: number; readonly frames: number }> {
  const { scheduler, network } = world.sim
  await scheduler.advance(minute)
  const before = { dialled: network.dialled, frames: frames.get(client.name) ?? 0 }
  await scheduler.advance(hour)
  return { dialled: network.dialled - before.dialled, frames: (frames.get(client.name) ?? 0) - before.frames }
}

const forbidden = expect.objectContaining({ code: 'FORBIDDEN', message: expect.stringContaining('ask an admin') })
const silence = { dialled: 0, frames: 0 }

test('revoked while it is connected: it hears of it, is refused, and dials no more', async () => {
  const { bob, line } = member()
  await revoke(bob)
  expect(await inAnHour(bob)).toEqual(silence)
  expect([line.status, line.error, bob.tenant.level]).toEqual(['refused', forbidden, 'revoked'])
  expect(bob.clock.waiting).toBe(0)
  await expect(line.settled()).rejects.toEqual(forbidden)
})

test('connecting or reconnecting by hand tries once, also in a new process', async () => {
  const { sim } = world
  const { bob, line } = member()
  await revoke(bob)
  await sim.scheduler.advance(minute)
  const attempts = async (make: () => void): Promise<number> => {
    const before = sim.network.dialled
    make()
    expect(await inAnHour(bob)).toEqual(silence)
    expect(bob.clock.waiting).toBe(0)
    return sim.network.dialled - before
  }
  expect(await attempts(() => void line.reconnect())).toBe(1)
  expect(line.status).toBe('refused')
  await line.close()
  expect(
    await attempts(() => {
      bob.connect()
    }),
  ).toBe(1)
  await bob.leave()
  const before = sim.network.dialled
  await bob.start()
  expect(await inAnHour(bob)).toEqual(silence)
  expect(sim.network.dialled - before).toBe(1)
  expect(bob.connections.map(({ status, error }) => [status, error])).toEqual([['refused', forbidden]])
})

test('told by another device while no server answers: it stops waiting for the next attempt', async () => {
  const { sim } = world
  const { bob, line } = member()
  const ada = clientOf(world, 0)
  sim.network.partition([[bob.name], [recorderOf(world).name]])
  sim.network.cutSome(1, bob.name)
  await revoke(bob)
  await sim.scheduler.advance(5 * minute)
  expect(line.status).not.toBe('refused')
  expect(bob.clock.waiting).toBeGreaterThan(0)
  await bob.node.database('vaultplain').sync(ada.node.database('vaultplain'))
  expect([line.status, line.error, bob.tenant.level]).toEqual(['refused', forbidden, 'revoked'])
  // The network keeps an attempt under way for a while, which nobody waits for.
  expect(await inAnHour(bob)).toEqual(silence)
  sim.network.heal()
  expect(await inAnHour(bob)).toEqual(silence)
  expect(bob.clock.waiting).toBe(0)
})

test('the mere word of a server does not count: it is asked again until it thinks better of it', async () => {
  const { sim } = world
  const { bob, line } = member()
  const { tenant } = bob
  const node = await recorderOf(world).tenants.node(tenant.id)
  const access = node.access.bind(node)
  node.access = (key) => (access(key) === 'full' ? 'directory' : access(key))
  const said: unknown[] = []
  const stop = line.on('status', () => said.push(line.error))
  sim.network.cutSome(1, bob.name)
  await sim.scheduler.advance(minute)
  stop()
  expect(said).toContainEqual(forbidden)
  expect(tenant.level).toBe('member')
  expect((await inAnHour(bob)).dialled).toBeGreaterThan(60)
  node.access = access
  await sim.scheduler.advance(minute)
  expect(line.status).toBe('live')
})

test('a revocation that is not recorded yet does not count: it may never be', async () => {
  const { sim } = world
  const { bob, line } = member()
  const ada = clientOf(world, 0)
  sim.network.partition([[ada.name, bob.name], [recorderOf(world).name]])
  sim.network.cutSome(1, ada.name)
  sim.network.cutSome(1, bob.name)
  await revoke(bob)
  await bob.node.database('vaultplain').sync(ada.node.database('vaultplain'))
  expect(bob.tenant.level).toBe('revoked')
  await sim.scheduler.advance(5 * minute)
  expect(line.status).not.toBe('refused')
  expect(bob.clock.waiting).toBeGreaterThan(0)
  sim.network.heal()
  expect(await inAnHour(bob)).toEqual(silence)
  expect([line.status, bob.clock.waiting]).toEqual(['refused', 0])
  await settleAll({ ...world, clients: [ada] })
})
