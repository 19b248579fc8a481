/** Building a world of servers: a tenant is founded, published, mirrored and joined while the network is calm. */

import { createJoinRequest, createTenant, joinTenant } from 'varve'
import type { Mode } from 'varve/engine'
import { collectionNames, databases, type DatabaseName } from '../node.ts'
import { settle } from '../net/scheduler.ts'
import { Writer } from '../writes.ts'
import { SimClient } from './client.ts'
import { SimServer } from './server.ts'
import type { Sim } from './sim.ts'

export interface ServersWorld {
  readonly sim: Sim
  /** The first is the recorder, the others are mirrors of it. */
  readonly servers: readonly SimServer[]
  /** The first is the founder. */
  readonly clients: readonly SimClient[]
  /** True when one of the databases is not sealed. */
  readonly open: boolean
}

const minute = 60_000
const sealedModes: Readonly<Record<DatabaseName, Mode>> = { vaultplain: 'sealed', board: 'sealed' }

export async function setUp(sim: Sim): Promise<ServersWorld> {
  const { random } = sim
  const open = random.chance(0.2)
  const servers = Array.from({ length: 1 + random.below(3) }, (_, i) => new SimServer(`server${i}`, sim, random))
  const count = 2 + random.below(4)
  const clients = Array.from({ length: count }, (_, i) => {
    const client = new SimClient(`client${i}`, `user${i % 3}plain`, sim, random, {
      modes: open ? databases : sealedModes,
    })
    client.urls = urlsFor(sim, servers, i)
    if (random.chance(0.3)) client.urgent = [random.pick(collectionNames)]
    return client
  })
  const world = { sim, servers, clients, open }
  for (const server of servers) await server.start()
  await found(world)
  await publish(world)
  for (const server of servers.slice(1)) await mirror(world, server)
  // The others join when it is in full swing.
  const early = 1 + random.below(count)
  for (const client of clients.slice(1, early + 1)) await join(world, client, clientOf(world, 0))
  await settleAll(world)
  sim.note(`${count} clients, ${early} of them joined, ${servers.length} servers`)
  return world
}

export function clientOf({ clients }: Pick<ServersWorld, 'clients'>, i: number): SimClient {
  const client = clients[i]
  if (client === undefined) throw new Error(`there is no client ${i}`)
  return client
}

export function recorderOf({ servers }: Pick<ServersWorld, 'servers'>): SimServer {
  const [server] = servers
  if (server === undefined) throw new Error('there is no server')
  return server
}

/** Everyone that is connected comes to rest; whoever asks before a server has heard of him asks again. */
export async function settleAll({ sim, clients }: ServersWorld): Promise<void> {
  const connections = clients.flatMap((client) => client.connections)
  const live = (): boolean => connections.every(({ status }) => status === 'live')
  if (!(await sim.scheduler.until(live, 5 * minute))) throw new Error('not everyone gets live in a calm network')
  for (const connection of connections)
    await sim.scheduler.wait(connection.settled(), minute, 'settling in a calm network')
}

/** A device asks to join and is approved by an admin; the two texts are carried by people. */
export async function join(world: ServersWorld, client: SimClient, admin: SimClient): Promise<void> {
  const { random } = world.sim
  const store = client.node.provider()
  // Age files are made by threads: nothing else goes on meanwhile, or the world would not replay.
  await settle()
  const request = await createJoinRequest({ user: client.user, store, env: client.node.env })
  const keys = random.chance(0.7) && admin.tenant.keys.has('secretplain') ? ['secretplain'] : []
  const response = await admin.tenant.directory.approve(request, { keys })
  client.approver = admin
  await client.adopt(await joinTenant({ response, store, env: client.node.env }))
  await settle()
  client.connect()
}

async function found({ clients, sim }: ServersWorld): Promise<void> {
  const founder = clientOf({ clients }, 0)
  const { node, user } = founder
  const tenant = await createTenant({ name: 'tenantplain', user, store: node.provider(), env: node.env })
  await tenant.keys.create('secretplain')
  await founder.adopt(tenant)
  for (let i = sim.random.below(6); i > 0; i--) await new Writer(node, sim.random, sim.ledger).write()
}

/** The recorder takes the tenant in; its answer to the appointment may get lost, the connection brings it then. */
async function publish(world: ServersWorld): Promise<void> {
  const { sim } = world
  const founder = clientOf(world, 0)
  const recorder = recorderOf(world)
  await recorder.register(await founder.tenant.registration())
  founder.urls = [recorder.url]
  founder.connect()
  await settleAll(world)
  const accepted = await recorder.tenants.appoint(
    founder.tenant.id,
    await founder.tenant.appoint(recorder.tenants.publicKey),
  )
  if (sim.random.chance(0.7)) await founder.tenant.adoptAppointments([accepted])
  else await founder.restart()
}

async function mirror({ clients, servers }: ServersWorld, server: SimServer): Promise<void> {
  const { tenant } = clientOf({ clients }, 0)
  const recorder = recorderOf({ servers })
  await server.register(await tenant.registration())
  await tenant.directory.approveMirror(server.key, `${server.name}plain`)
  const ids = (await tenant.databases()).map(({ id }) => id)
  await server.mirror(tenant.id, { url: recorder.url, node: recorder.key, databases: ids })
}

/** Most clients know the recorder, some a mirror, some both. */
function urlsFor({ random }: Sim, servers: readonly SimServer[], i: number): readonly string[] {
  const urls = servers.map(({ url }) => url)
  const [recorder = ''] = urls
  const kind = i === 0 ? 0 : random.below(10)
  if (kind < 5 || urls.length === 1) return [recorder]
  const other = random.pick(urls.slice(1))
  return kind < 9 ? [other] : [recorder, other]
}
