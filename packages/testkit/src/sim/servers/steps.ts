/** What people do in a world of servers: write, change keys, join, promote, revoke, follow and read refusals. */

import { isVarveError, type ErrorCode } from 'varve/engine'
import { databaseNames } from '../node.ts'
import { settle } from '../net/scheduler.ts'
import { Writer } from '../writes.ts'
import type { SimClient } from './client.ts'
import { clientOf, join, type ServersWorld } from './setup.ts'

const password = 'out of band'

/** One thing that somebody does; gives a word for the journal. */
export async function step(world: ServersWorld): Promise<string> {
  const { random } = world.sim
  const dice = random.below(100)
  const up = world.clients.filter((client) => client.life === 'up' && !client.blown)
  if (up.length === 0) return 'nobody is there'
  const client = random.pick(up)
  if (dice < 60) return write(world, client)
  if (dice < 72) return meanwhile(world, up)
  if (dice < 78) return keys(world, client)
  if (dice < 84) return follow(world, client)
  if (dice < 88) return dismiss(world, client)
  if (dice < 90) return greet(client)
  if (dice < 94) return meet(world, client)
  return people(world)
}

/** Runs something that may fail with these codes, or as a device must that is full, dying or revoked. */
async function attempt(client: SimClient, codes: readonly ErrorCode[], work: () => Promise<string>): Promise<string> {
  const word = `${client.name}: `
  try {
    return word + (await work())
  } catch (error) {
    if (!isVarveError(error)) throw error
    const failing = client.full || client.blown || client.node.disk.armed
    const expected = [
      ...codes,
      ...(failing ? ['STORE_FAILED'] : []),
      ...(client.node.revoked ? ['FORBIDDEN', 'CLOSED'] : []),
    ]
    if (!expected.includes(error.code)) throw error
    return word + error.code
  }
}

function write({ sim }: ServersWorld, client: SimClient): Promise<string> {
  return attempt(client, [], () => new Writer(client.node, sim.random, sim.ledger).write())
}

/** Several devices write while time goes by and frames arrive. */
async function meanwhile({ sim }: ServersWorld, up: readonly SimClient[]): Promise<string> {
  const writers = [sim.random.pick(up), sim.random.pick(up)]
  const writing = Promise.all(
    writers.map((client) => attempt(client, [], () => new Writer(client.node, sim.random, sim.ledger).blind())),
  )
  return (await sim.scheduler.wait(writing, 1_000, 'a write')).join(', ')
}

async function keys({ sim, clients }: ServersWorld, client: SimClient): Promise<string> {
  await settle()
  const { random } = sim
  const { tenant } = client
  const kind = random.below(5)
  const others = clients.filter((other) => other.member && other !== client)
  const word = await attempt(client, [], async () => {
    const founder = clientOf({ clients }, 0)
    if (kind < 2 && tenant.keys.has('secretplain') && isSound(founder)) {
      await tenant.keys.rotate('secretplain')
      // What is sealed under a key that one device alone holds is lost with it.
      if (client !== founder) await share(client, founder)
      return 'rotates a key'
    }
    if (kind === 2 && client === founder) {
      await tenant.keys.rotate('tenant')
      return 'rotates the tenant key'
    }
    if (others.length === 0) return 'has nobody to share keys with'
    const other = random.pick(others)
    await share(client, other)
    return `gives its keys to ${other.name}`
  })
  await settle()
  return word
}

function isSound({ member, full, node }: SimClient): boolean {
  return member && !full && !node.disk.armed
}

/** Hands all keys over, outside of the network. */
export async function share(from: SimClient, to: SimClient): Promise<void> {
  const file = await from.tenant.keys.export(from.tenant.keys.names(), password)
  try {
    await to.tenant.keys.import(file, password)
  } catch (error) {
    if (!isVarveError(error, 'STORE_FAILED') || !(to.full || to.blown || to.node.disk.armed)) throw error
  }
}

function follow({ sim }: ServersWorld, client: SimClient): Promise<string> {
  return attempt(client, [], async () => {
    const name = sim.random.pick(databaseNames)
    const problems = (await client.node.followers.get(name)?.follow(client.node.database(name))) ?? []
    for (const what of problems) sim.problem(`changes of ${name} on ${client.name}: ${what}`)
    return `follows ${name}`
  })
}

/** The user reads what was refused, and takes some of it off the list. */
function dismiss({ sim }: ServersWorld, client: SimClient): Promise<string> {
  return attempt(client, [], async () => {
    const name = sim.random.pick(databaseNames)
    const refused = await client.node.database(name).refused()
    const [first] = refused
    if (first === undefined) return `has no refusals in ${name}`
    await client.node.database(name).dismissRefused(first.record)
    sim.ledger.dismissed.add(`${client.name}/${name}/${first.record}`)
    return `dismisses a refusal of ${name}`
  })
}

function greet(client: SimClient): Promise<string> {
  return attempt(client, [], () => {
    client.tenant.presence(client.node.database('vaultplain'), { whoplain: client.user })
    return Promise.resolve('says that it is there')
  })
}

/** Two devices sync without a server: what one has not sent yet may reach the recorder through the other. */
async function meet({ sim, clients }: ServersWorld, client: SimClient): Promise<string> {
  const others = clients.filter((other) => other.life === 'up' && !other.blown && other !== client)
  if (others.length === 0) return `${client.name} meets nobody`
  const other = sim.random.pick(others)
  const name = sim.random.pick(databaseNames)
  const sync = async (): Promise<string> => {
    await client.node.database(name).sync(other.node.database(name))
    return `syncs ${name} with ${other.name}`
  }
  // Neither may have heard yet that the other was approved.
  return attempt(client, ['FORBIDDEN'], () => attempt(other, [], sync))
}

/** An admin, whatever he has heard of the others, takes somebody in, makes him an admin, or revokes a device. */
async function people(world: ServersWorld): Promise<string> {
  const { sim, clients } = world
  const { random } = sim
  const admins = clients.filter((client) => client.member && client.tenant.level === 'admin')
  if (admins.length === 0) return 'no admin is there'
  const admin = random.pick(admins)
  const other = random.pick(clients.slice(1))
  return attempt(admin, ['NOT_FOUND', 'FORBIDDEN', 'INVALID'], async () => {
    if (other.life === 'absent') {
      await join(world, other, admin)
      return `takes ${other.name} in`
    }
    if (random.chance(0.4)) {
      await admin.tenant.directory.setRoles(other.user, random.chance(0.7) ? ['admin'] : [])
      return `changes the roles of ${other.user}`
    }
    if (other === admin || clients.some(({ node }) => node.revoked)) return 'leaves everyone alone'
    const wipe = random.chance(0.4)
    const { device } = other.node.tenant.me
    // From when it is asked for: the device may hear of it at once.
    other.node.revoked = true
    try {
      await admin.tenant.directory.revoke({ device }, { wipe })
    } catch (error) {
      if (!isVarveError(error, 'STORE_FAILED')) other.node.revoked = false
      throw error
    }
    return `revokes ${other.name}${wipe ? ' and asks it to wipe itself' : ''}`
  })
}
