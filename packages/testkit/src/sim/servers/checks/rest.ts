/** Zero traffic at rest: when nobody does anything, nothing is sent but signs of life, and no store is asked. */

import type { SimClient } from '../client.ts'
import type { ServersWorld } from '../setup.ts'

const restMs = 5 * 60_000

/** What was sent since it was last asked, by frame type. */
export interface Traffic {
  take(): ReadonlyMap<number, number>
}

const ping = 12
const pong = 13

/** Whoever was revoked and could not hear of it is sent home first: it goes on asking. The others go home afterwards. */
export async function atRest({ sim, clients, servers }: ServersWorld, traffic: Traffic): Promise<readonly string[]> {
  const revoked = clients.filter((client) => client.life === 'up' && !client.member)
  for (const client of revoked) if (!hasHeard(client)) await client.leave()
  await sim.scheduler.advance(60_000)
  traffic.take()
  const hosts = [...servers, ...clients.filter(({ life, blown }) => life === 'up' && !blown)]
  const before = hosts.map(({ calls }) => calls.total)
  const dialled = sim.network.dialled
  await sim.scheduler.advance(restMs)
  const problems: string[] = []
  const sent = traffic.take()
  for (const [type, count] of sent) {
    if (type !== ping && type !== pong) problems.push(`${count} frames of type ${type} are sent at rest`)
  }
  if (sent.size === 0 && clients.some(({ member }) => member)) problems.push('not even signs of life are sent at rest')
  hosts.forEach(({ name, calls }, i) => {
    const made = calls.total - (before[i] ?? 0)
    if (made > 0) problems.push(`${name} asks its stores ${made} times at rest`)
  })
  if (sim.network.dialled > dialled) problems.push(`${sim.network.dialled - dialled} connections are made at rest`)
  for (const client of revoked) if (client.life === 'up') await client.leave()
  return problems
}

function hasHeard({ blown, tenant }: SimClient): boolean {
  return !blown && (tenant.level === 'revoked' || tenant.level === 'wiped')
}
