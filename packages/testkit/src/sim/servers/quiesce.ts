/** The end of all faults: everything is mended, and the world must come to rest by itself. */

import { settle } from '../net/scheduler.ts'
import type { SimClient } from './client.ts'
import { lookAfter } from './faults.ts'
import { holders } from './holders.ts'
import { clientOf, recorderOf, type ServersWorld } from './setup.ts'
import { share } from './steps.ts'

const second = 1_000
const minute = 60 * second
/** Within this everything must have come to rest. */
const patienceMs = 10 * minute

/** Mends everything, lets everyone meet, and says when that does not end well. */
export async function quiesce(world: ServersWorld): Promise<void> {
  await mend(world)
  const { sim } = world
  const settling = world.clients.filter(({ member }) => member).flatMap(settlingOf)
  const resting = async (): Promise<boolean> =>
    settling.every(({ client, word }) => word !== null || !client.member) && (await unrest(world)).length === 0
  const end = sim.scheduler.now + patienceMs
  while (sim.scheduler.now < end && !(await resting())) {
    await sim.scheduler.advance(5 * second)
    await findRevoked(world)
  }
  for (const what of await unrest(world)) sim.problem(`the world did not come to rest: ${what}`)
  for (const { client, word } of settling)
    if (client.member && word !== 'settled') sim.problem(`settled() of ${client.name}: ${word ?? 'nothing'}`)
}

interface Settling {
  readonly client: SimClient
  /** How `settled()` ended; null while it did not. */
  word: string | null
}

function settlingOf(client: SimClient): readonly Settling[] {
  return client.connections.map((connection) => {
    const settling: Settling = { client, word: null }
    connection.settled().then(
      () => (settling.word = 'settled'),
      (error: unknown) => (settling.word = String(error)),
    )
    return settling
  })
}

async function mend(world: ServersWorld): Promise<void> {
  const { sim, servers, clients } = world
  sim.note('everything is mended')
  sim.network.heal()
  for (const host of [...servers, ...clients]) {
    host.full = false
    const disk = 'disk' in host ? host.disk : host.node.disk
    disk.disarm()
    disk.fill(null)
    host.clock.drift = 0
    // A mirror does not tell the time: whoever knows no recorder sets the clock by hand.
    if (!('node' in host) || !host.urls.includes(recorderOf(world).url)) host.clock.skew = 0
  }
  await lookAfter(world, 1)
  for (const client of clients) {
    // It compares its clock with others when it connects.
    if (!client.urls.includes(recorderOf(world).url)) sim.network.cutSome(1, client.name)
    // Who was told of tampering has to look into it; everyone else comes back without anybody doing anything.
    const alarmed = client.connections.some(({ error }) => error?.code === 'TAMPERED')
    if (alarmed || client.chosenOffline) client.reconnect()
  }
  await sim.scheduler.advance(2 * minute)
  await findRevoked(world)
  await settle()
  const founder = clientOf(world, 0)
  const others = clients.filter((client) => client.member && client !== founder)
  for (const client of others) await share(client, founder)
  for (const client of others) await share(founder, client)
  await settle()
}

/** What an admin asked for counts when it is recorded: only the directory knows who belongs to the tenant in the end. */
async function findRevoked(world: ServersWorld): Promise<void> {
  const founder = clientOf(world, 0)
  const devices = (await founder.tenant.directory.users()).flatMap((user) => user.devices)
  for (const { node, life, approver } of world.clients) {
    if (life === 'absent') continue
    const device = devices.find(({ id }) => id === node.tenant.me.device)
    const unknown = device === undefined && approver?.node.revoked === true
    node.revoked = unknown || device?.revoked === true
  }
  await lookAfter(world, 1)
}

/** What is not as it is at rest. */
async function unrest(world: ServersWorld): Promise<readonly string[]> {
  const found: string[] = []
  for (const { name, member, node, connections } of world.clients) {
    const allowed: readonly string[] = member ? ['live'] : ['refused', 'connecting', 'authenticating', 'catching-up']
    if (node.revoked && !member && connections.length === 0) continue
    for (const { status, pending, error } of connections) {
      if (!allowed.includes(status)) found.push(`${name} is ${status} (${error?.message ?? 'no error'})`)
      if (member && pending > 0) found.push(`${name} has ${pending} pending`)
    }
  }
  const all = await holders(world)
  const recorder = recorderOf(world).name
  for (const { name, database, replica } of all) {
    const one = all.find((other) => other.name === recorder && other.database === database)
    if (one === undefined) found.push(`${recorder} has no ${database}`)
    else if (!isRevoked(world, name) && one.replica.state.record.length !== replica.state.record.length)
      found.push(`${name} has ${replica.state.record.length} of ${one.replica.state.record.length} of ${database}`)
  }
  return found
}

export function isRevoked({ clients }: ServersWorld, name: string): boolean {
  return clients.some((client) => client.name === name && client.node.revoked)
}
