/** No word, id or name of a sealed database is on the disk of a server. */

import { toHex } from 'varve/engine'
import { holds } from '../../exchange.ts'
import { databaseNames, databases, needle } from '../../node.ts'
import { clientOf, type ServersWorld } from '../setup.ts'

export async function sealedOnServers(world: ServersWorld): Promise<readonly string[]> {
  const problems: string[] = []
  const { node } = clientOf(world, 0)
  const open = databaseNames.filter((name) => world.open && databases[name] === 'open')
  const readable = new Set(open.map((name) => `${toHex(node.replica(name).context.id)}.journal`))
  for (const { name, disk } of world.servers) {
    for (const [file, bytes] of await disk.copy()) {
      if (!readable.has(file) && holds(bytes, needle)) problems.push(`${file} on ${name} shows plaintext`)
    }
  }
  return problems
}
