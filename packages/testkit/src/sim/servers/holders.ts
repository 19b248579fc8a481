/** Every replica of a world of servers that can be looked at now, with keys and without. */

import { isVarveError, type Replica } from 'varve/engine'
import { databaseNames } from '../node.ts'
import type { SimClient } from './client.ts'
import type { SimServer } from './server.ts'
import { clientOf, type ServersWorld } from './setup.ts'

export interface Holder {
  /** Of its host. */
  readonly name: string
  readonly database: string
  readonly replica: Replica
}

export async function holders(world: ServersWorld): Promise<readonly Holder[]> {
  const found = world.clients.flatMap(clientHolders)
  for (const server of world.servers) found.push(...(await serverHolders(world, server)))
  return found
}

export function clientHolders({ name, life, blown, node }: SimClient): Holder[] {
  if (life !== 'up' || blown) return []
  return databaseNames.map((database) => ({ name, database, replica: node.replica(database) }))
}

export async function serverHolders(world: ServersWorld, server: SimServer): Promise<readonly Holder[]> {
  if (server.down || server.blown) return []
  const founder = clientOf(world, 0)
  const found: Holder[] = []
  for (const database of databaseNames) {
    try {
      const node = await server.tenants.node(founder.tenant.id)
      const replica = await node.existing(founder.node.replica(database).context.id)
      found.push({ name: server.name, database, replica })
    } catch (error) {
      // It may not hold the database yet, and its power may be about to go.
      if (!isVarveError(error)) throw error
    }
  }
  return found
}
