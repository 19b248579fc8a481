/** What goes wrong in a world of servers: the network, the power, the disks and the clocks. */

import type { SimClient } from './client.ts'
import type { SimServer } from './server.ts'
import { recorderOf, type ServersWorld } from './setup.ts'

const skews = [0, 0, 3_000, -3_000, 50_000, -50_000, 3_600_000, -3_600_000, 86_400_000]

/** One fault, or the end of one; gives a word for the journal. */
export async function fault(world: ServersWorld): Promise<string> {
  const { random } = world.sim
  const dice = random.below(100)
  if (dice < 40) return networkFault(world)
  if (dice < 60) return clientFault(world, random.pick(world.clients))
  if (dice < 75) return serverFault(world, random.pick(world.servers))
  return clockFault(world)
}

function networkFault({ sim, servers, clients }: ServersWorld): string {
  const { network, random } = sim
  const dice = random.below(100)
  if (dice < 30) return `${network.cutSome(random.pick([0.2, 0.5, 1]))} connections are cut`
  if (dice < 50) {
    const groups: string[][] = [[], [], []]
    for (const { name } of [...servers, ...clients]) random.pick(groups).push(name)
    network.partition(groups)
    return `the network falls into ${groups.map((group) => group.join(' ')).join(' | ')}`
  }
  if (dice < 70) {
    network.heal()
    return 'the network heals'
  }
  if (dice < 85) {
    network.stall(random.pick([100, 5_000, 60_000]))
    return 'a reader stalls'
  }
  network.meddle(0.7)
  network.cutSome(0.7)
  return 'a man in the middle appears'
}

async function clientFault({ sim }: ServersWorld, client: SimClient): Promise<string> {
  const { random } = sim
  const { name, node } = client
  if (client.life !== 'up' || client.blown) return `${name} is not up`
  const dice = random.below(100)
  if (dice < 20) {
    await client.crash()
    return `${name} crashes`
  }
  if (dice < 35) {
    await client.restart()
    return `${name} restarts`
  }
  if (dice < 50) {
    node.disk.arm(random.below(30))
    return `${name} will lose power`
  }
  if (dice < 65) {
    client.full = !client.full
    node.disk.fill(client.full ? random.below(2_000) : null)
    return client.full ? `the disk of ${name} fills up` : `the disk of ${name} has room again`
  }
  if (dice < 80) {
    await client.disconnect()
    return `${name} disconnects`
  }
  client.reconnect()
  return `${name} reconnects`
}

async function serverFault({ sim }: ServersWorld, server: SimServer): Promise<string> {
  const { random } = sim
  if (server.down) return `${server.name} is down`
  const dice = random.below(100)
  if (dice < 30) {
    await server.crash()
    return `${server.name} crashes`
  }
  if (dice < 50) {
    await server.stop()
    return `${server.name} stops in order`
  }
  if (dice < 75) {
    server.disk.arm(random.below(30))
    return `${server.name} will lose power`
  }
  server.full = !server.full
  server.disk.fill(server.full ? random.below(5_000) : null)
  return server.full ? `the disk of ${server.name} fills up` : `the disk of ${server.name} has room again`
}

function clockFault(world: ServersWorld): string {
  const { sim, servers, clients } = world
  const { random } = sim
  const host = random.pick([...clients, ...clients, ...servers])
  // Trusted time never goes back: a recorder that was a day ahead stays there for all the world's life.
  const choices = host === recorderOf(world) ? skews.slice(0, 6) : skews
  host.clock.skew = random.pick(choices)
  host.clock.drift = random.pick([0, 0, 0.01, -0.01])
  if (Math.abs(host.clock.skew) > 20_000) for (const { node } of clients) node.wasAhead = true
  return `the clock of ${host.name} is off by ${host.clock.skew}`
}

/** Hosts whose power went come back, sooner or later. */
export async function lookAfter(world: ServersWorld, share: number): Promise<void> {
  const { sim, servers, clients } = world
  for (const client of clients) {
    if (client.blown && client.life === 'up') {
      sim.note(`${client.name}: lost power`)
      await client.bury()
    }
    if (client.life === 'down' && sim.random.chance(share)) {
      await client.start()
      sim.note(`${client.name}: is ${client.life}`)
    }
    await client.lookForWipe()
  }
  for (const server of servers) {
    if (server.blown) {
      sim.note(`${server.name}: lost power`)
      await server.bury()
    }
    if (server.down && sim.random.chance(share)) {
      await server.start()
      sim.note(`${server.name}: is ${server.down ? 'down' : 'up'}`)
    }
  }
}
