/** A process with many devices that keep nothing on disk: connected and idle, or writing. */

import { createJoinRequest, joinTenant, memory, type Connection, type StoreProvider, type Tenant } from 'varve'
import { reading } from '../data.ts'
import { asList, fieldOf, asNumber, asText } from '../json.ts'
import { env } from '../world.ts'
import { act, machineMs } from './acting.ts'

/** Handshakes under way at once. */
const together = 50

interface Member {
  readonly tenant: Tenant
  readonly database: string
}

class Crowd {
  #asking: readonly StoreProvider[] = []
  #members: readonly Member[] = []
  readonly #connections: Connection[] = []

  /** Requests to join, one for each device. */
  async requests(count: number): Promise<readonly string[]> {
    this.#asking = Array.from({ length: count }, () => memory())
    return Promise.all(this.#asking.map((store, no) => createJoinRequest({ store, env, user: `user ${no}` })))
  }

  /** The answers, in the same order; `databases` names the one that each device opens. */
  async joined(responses: readonly string[], databases: readonly string[]): Promise<void> {
    this.#members = await Promise.all(
      this.#asking.map(async (store, i) => {
        const tenant = await joinTenant({ store, env, response: responses[i] ?? '' })
        const database = databases[i % databases.length] ?? ''
        await tenant.database(database)
        return { tenant, database }
      }),
    )
  }

  /** Opens so many connections for each device, and waits until all are up to date. */
  async connect(url: string, each: number): Promise<void> {
    const dials = this.#members.flatMap(({ tenant }) => Array.from({ length: each }, () => tenant))
    const next = dials.values()
    const work = async (): Promise<void> => {
      for (const tenant of next) {
        const connection = tenant.connect(url)
        this.#connections.push(connection)
        await connection.settled()
      }
    }
    await Promise.all(Array.from({ length: together }, work))
  }

  get live(): number {
    return this.#connections.filter(({ status }) => status === 'live').length
  }

  /**
   * Every device writes, waits for the receipt and thinks, until the time is over: milliseconds from each write to
   * its receipt, by device.
   */
  write(ms: number, thinkMs: number): Promise<readonly (readonly number[])[]> {
    const end = machineMs() + ms
    return Promise.all(this.#members.map((member, i) => writing(member, end, thinkMs, i / this.#members.length)))
  }

  async close(): Promise<void> {
    for (const { tenant } of this.#members) await tenant.close()
  }
}

/** `phase` from 0 to 1 spreads the first writes of the devices over the time they think. */
async function writing(member: Member, end: number, thinkMs: number, phase: number): Promise<readonly number[]> {
  const notes = (await member.tenant.database(member.database)).collection<{ no: number; note: string }>('notes')
  const taken: number[] = []
  await new Promise((resolve) => {
    setTimeout(resolve, thinkMs * phase)
  })
  for (let no = 0; machineMs() < end; no++) {
    const start = machineMs()
    const written = await notes.create({ no, note: reading(no).note })
    await written.receipt()
    taken.push(machineMs() - start)
    if (thinkMs > 0)
      await new Promise((resolve) => {
        setTimeout(resolve, thinkMs)
      })
  }
  return taken
}

export function crowd(): void {
  const all = new Crowd()
  act(
    {
      requests: (value) => all.requests(asNumber(value)),
      joined: (value) =>
        all.joined(asList(fieldOf(value, 'responses')).map(asText), asList(fieldOf(value, 'databases')).map(asText)),
      connect: (value) => all.connect(asText(fieldOf(value, 'url')), asNumber(fieldOf(value, 'each'))),
      live: () => all.live,
      write: (value) => all.write(asNumber(fieldOf(value, 'ms')), asNumber(fieldOf(value, 'thinkMs'))),
    },
    () => all.close(),
  )
}
