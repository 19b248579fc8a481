/** A recorder that lies, once the world has come to rest: whoever can know it must say so, and nobody takes wrong data. */

import { decodeFrame, encodeFrame, limits, type Frame, type Transport } from 'varve/engine'
import { flipped } from '../net/meddler.ts'
import { databaseNames } from '../node.ts'
import { Writer } from '../writes.ts'
import type { SimClient } from './client.ts'
import { clientHolders, serverHolders } from './holders.ts'
import { SimServer, type Lie } from './server.ts'
import { clientOf, recorderOf, settleAll, type ServersWorld } from './setup.ts'

const minute = 60_000

type Lengths = ReadonlyMap<string, number>

/** One lie; gives whether the truth is told again afterwards, so that everyone must agree in the end. */
export async function lie(world: ServersWorld): Promise<boolean> {
  const direct = world.clients.filter((client) => client.member && client.urls.join() === recorderOf(world).url)
  const victim = world.sim.random.pick(direct)
  const kind = world.sim.random.below(4)
  world.sim.count(`lie ${['forgets', 'forks', 'withholds', 'garbles'][kind] ?? ''}`)
  if (kind === 0) return forgets(world, direct)
  if (kind === 1) return forks(world, direct)
  return kind === 2 ? withholds(world, victim) : garbles(world, victim)
}

/** It is put back to an old copy, and goes on from there with those who were away. Who holds more of what was must notice. */
async function forgets(world: ServersWorld, direct: readonly SimClient[]): Promise<boolean> {
  const { sim } = world
  const recorder = recorderOf(world)
  const then = await lengthsAt(world, recorder)
  const copy = await recorder.disk.copy()
  const away = direct.length > 1 && sim.random.chance(0.5) ? sim.random.pick(direct) : null
  await away?.disconnect()
  const here = direct.filter((client) => client !== away)
  for (let i = 1 + sim.random.below(3); i > 0; i--) await writeSomething(world, sim.random.pick(here))
  await settleAll({ ...world, clients: world.clients.filter((client) => client !== away) })
  await recorder.crash()
  await recorder.disk.putBack(copy)
  await recorder.start()
  sim.note(`${recorder.name} forgets what was since`)
  away?.reconnect()
  const more = away === null ? 0 : sim.random.below(4)
  for (let i = 0; i < more; i++) await writeSomething(world, away ?? sim.random.pick(here))
  await demandAlarm(world, here, then)
  return false
}

/** It shows one history to some and another to others. Who was shown the false one must notice when it comes to the true one. */
async function forks(world: ServersWorld, direct: readonly SimClient[]): Promise<boolean> {
  const { sim } = world
  const recorder = recorderOf(world)
  const then = await lengthsAt(world, recorder)
  const twin = new SimServer(recorder.name, sim, sim.random.fork())
  await twin.disk.putBack(await recorder.disk.copy())
  twin.know(clientOf(world, 0).tenant.id)
  twin.clock.skew = recorder.clock.skew
  await twin.start({ twin: true })
  const deceived = direct.filter(() => sim.random.chance(0.5))
  recorder.route = (from) => (deceived.some(({ name }) => name === from) ? twin : null)
  sim.note(`${recorder.name} shows another record to ${deceived.map(({ name }) => name).join(' ')}`)
  sim.network.cutSome(1)
  for (const client of direct) await writeSomething(world, client)
  await settleAll(world)
  recorder.route = () => null
  sim.network.cutSome(1)
  await demandAlarm(world, deceived, then)
  return false
}

/** It keeps from one device what others wrote: that device knows less, and nothing false. */
async function withholds(world: ServersWorld, victim: SimClient): Promise<boolean> {
  const { sim } = world
  const recorder = recorderOf(world)
  recorder.lie = onUnits(victim, () => null)
  sim.network.cutSome(1, victim.name)
  sim.note(`${recorder.name} withholds everything from ${victim.name}`)
  await sim.scheduler.advance(minute)
  const then = lengthsOf(victim)
  for (const client of world.clients.filter(({ member }) => member)) await writeSomething(world, client)
  await sim.scheduler.advance(2 * minute)
  for (const [name, length] of lengthsOf(victim))
    if (length !== then.get(name)) sim.problem(`${victim.name} took receipts of ${name} that were withheld`)
  if (victim.connections.every(({ pending }) => pending === 0))
    sim.problem(`${victim.name} takes its own write for recorded, and was never told`)
  return tellTheTruth(world)
}

/** It changes what it passes on to one device, which must see it. */
async function garbles(world: ServersWorld, victim: SimClient): Promise<boolean> {
  const { sim } = world
  const recorder = recorderOf(world)
  const random = sim.random.fork()
  let garbled = 0
  recorder.lie = onUnits(victim, (unit) => {
    garbled++
    return flipped(unit, random)
  })
  sim.network.cutSome(1, victim.name)
  sim.note(`${recorder.name} garbles what it sends to ${victim.name}`)
  victim.problems.length = 0
  const others = world.clients.filter((client) => client.member && client !== victim)
  for (const client of others) await writeSomething(world, client)
  await sim.scheduler.advance(2 * minute)
  if (garbled > 0 && victim.problems.length === 0) sim.problem(`${victim.name} is sent garbled units and says nothing`)
  return tellTheTruth(world)
}

async function tellTheTruth(world: ServersWorld): Promise<boolean> {
  const recorder = recorderOf(world)
  recorder.lie = (transport) => transport
  world.sim.network.cutSome(1)
  world.sim.note(`${recorder.name} tells the truth`)
  for (const client of world.clients)
    if (client.connections.some(({ error }) => error?.code === 'TAMPERED')) client.reconnect()
  await settleAll(world)
  return true
}

/** A write that certainly makes a commit, in a database that every member can write. */
async function writeSomething({ sim }: ServersWorld, client: SimClient): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const word = await new Writer(client.node, sim.random, sim.ledger).blind()
    sim.note(`${client.name}: ${word}`)
    if (word.endsWith('acknowledged')) return
  }
  throw new Error(`${client.name} cannot write`)
}

/** Everyone of these who holds more than `then` must be told that something is wrong, and must keep what it has. */
async function demandAlarm(world: ServersWorld, clients: readonly SimClient[], then: Lengths): Promise<void> {
  const { sim } = world
  const before = new Map(clients.map((client) => [client, lengthsOf(client)]))
  for (const client of clients) client.problems.length = 0
  await sim.scheduler.advance(3 * minute)
  for (const [client, lengths] of before) {
    const longer = databaseNames.filter((name) => (lengths.get(name) ?? 0) > (then.get(name) ?? 0))
    // A record that has been rewritten and gone on shows as a gap where the commits it needs were forgotten.
    const alarms = client.problems.filter(({ code }) => code === 'TAMPERED' || code === 'INVALID')
    sim.count(longer.length > 0 ? 'deceived' : 'not deceived')
    if (longer.length > 0 && alarms.length === 0)
      sim.problem(`${client.name} was shown two histories of ${longer.join(' ')} and says nothing`)
    const live = longer.length > 0 && client.connections.some(({ status }) => status === 'live')
    if (live) sim.problem(`${client.name} is live with a recorder that shows another history`)
    for (const [name, length] of lengthsOf(client))
      if (longer.some((each) => each === name) && length !== lengths.get(name))
        sim.problem(`${client.name} takes receipts of ${name} from a recorder that shows another history`)
  }
}

/** Changes the units in what the server sends to a host; null drops them. */
function onUnits(victim: SimClient, change: (unit: Uint8Array) => Uint8Array | null): Lie {
  return (transport, from) => (from === victim.name ? changing(transport, change) : transport)
}

function changing(transport: Transport, change: (unit: Uint8Array) => Uint8Array | null): Transport {
  return {
    send: (bytes) => {
      const frame: Frame = decodeFrame(bytes, limits.frameBytes)
      if (frame.type !== 'unit') return transport.send(bytes)
      const unit = change(frame.unit)
      return unit === null ? Promise.resolve() : transport.send(encodeFrame({ ...frame, unit }))
    },
    listen: (handler) => {
      transport.listen(handler)
    },
    allow: (bytes) => {
      transport.allow(bytes)
    },
    close: (error) => {
      transport.close(error)
    },
  }
}

function lengthsOf(client: SimClient): Lengths {
  return new Map(clientHolders(client).map(({ database, replica }) => [database, replica.state.record.length]))
}

async function lengthsAt(world: ServersWorld, server: SimServer): Promise<Lengths> {
  const held = await serverHolders(world, server)
  return new Map(held.map(({ database, replica }) => [database, replica.state.record.length]))
}
