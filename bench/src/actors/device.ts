/** The process of one device: joins a tenant, connects, writes and says when it sees what others wrote. */

import { sqlite } from '@varve/stores/sqlite'
import { createJoinRequest, joinTenant, memory, type Connection, type Database, type Tenant } from 'varve'
import { reading } from '../data.ts'
import { asList, asNumber, asText, fieldOf } from '../json.ts'
import { env } from '../world.ts'
import { act, machineMs } from './acting.ts'

const batch = 1000

/** When documents became visible, by their number. */
class Sightings {
  readonly #seen = new Map<number, number>()
  readonly #waiting = new Map<number, (at: number) => void>()
  readonly #ending = new AbortController()

  /** Follows a collection until `end`. */
  follow(database: Database, collection: string): void {
    const { signal } = this.#ending
    const look = async (): Promise<void> => {
      for await (const { doc } of database.changes({ live: true, collections: [collection], signal })) {
        const no = doc?.['no']
        if (typeof no === 'number') this.#saw(no, machineMs())
      }
    }
    look().catch((error: unknown) => {
      if (!signal.aborted) process.stderr.write(`${String(error)}\n`)
    })
  }

  end(): void {
    this.#ending.abort()
  }

  /** Milliseconds on the machine's clock; waits for what is not there yet. */
  of(no: number): Promise<number> {
    const at = this.#seen.get(no)
    if (at !== undefined) return Promise.resolve(at)
    return new Promise((resolve) => {
      this.#waiting.set(no, resolve)
    })
  }

  #saw(no: number, at: number): void {
    this.#seen.set(no, at)
    this.#waiting.get(no)?.(at)
    this.#waiting.delete(no)
  }
}

class Device {
  readonly #sightings = new Sightings()
  #tenant: Tenant | null = null
  #database: Database | null = null
  #connection: Connection | null = null

  async join(dir: string, user: string, approve: (request: string) => Promise<string>): Promise<void> {
    const store = dir === '' ? memory() : sqlite({ dir })
    const request = await createJoinRequest({ store, env, user })
    this.#tenant = await joinTenant({ store, env, response: await approve(request) })
    this.#database = await this.#tenant.database('bench')
  }

  connect(url: string, urgent: readonly string[]): void {
    this.#connection = this.#open.tenant.connect(url, { urgent })
  }

  follow(collection: string): void {
    this.#sightings.follow(this.#open.database, collection)
  }

  seen(no: number): Promise<number> {
    return this.#sightings.of(no)
  }

  async settled(): Promise<void> {
    await this.#connection?.settled()
  }

  /** Writes one numbered document and says when it began to, and after how many milliseconds it was durable. */
  async write(collection: string, no: number): Promise<{ readonly at: number; readonly ms: number }> {
    const at = machineMs()
    await this.#open.database
      .collection<{ no: number; note: string }>(collection)
      .create({ no, note: reading(no).note })
    return { at, ms: machineMs() - at }
  }

  /** Small documents in commits of a thousand. */
  async load(collection: string, count: number): Promise<void> {
    const readings = this.#open.database.collection(collection)
    for (let from = 0; from < count; from += batch)
      await readings.createMany(Array.from({ length: Math.min(batch, count - from) }, (_, i) => reading(from + i)))
  }

  count(collection: string): Promise<number> {
    return this.#open.database.collection(collection).find().count()
  }

  get status(): string {
    return this.#connection?.status ?? 'none'
  }

  get pending(): number {
    return this.#connection?.pending ?? 0
  }

  async close(): Promise<void> {
    this.#sightings.end()
    await this.#tenant?.close()
  }

  get #open(): { readonly tenant: Tenant; readonly database: Database } {
    if (this.#tenant === null || this.#database === null) throw new Error('The device has not joined yet')
    return { tenant: this.#tenant, database: this.#database }
  }
}

export function device(): void {
  const one = new Device()
  let answered: (response: string) => void = () => undefined
  let joining: Promise<void> = Promise.resolve()
  act(
    {
      /** Gives the request to join; `joined` brings the answer. */
      request: (value) =>
        new Promise<string>((resolve, reject) => {
          joining = one.join(asText(fieldOf(value, 'dir')), asText(fieldOf(value, 'user')), (request) => {
            resolve(request)
            return new Promise((done) => {
              answered = done
            })
          })
          joining.catch(reject)
        }),
      joined: async (value) => {
        answered(asText(value))
        await joining
      },
      connect: (value) => {
        one.connect(asText(fieldOf(value, 'url')), asList(fieldOf(value, 'urgent')).map(asText))
      },
      settled: () => one.settled(),
      follow: (value) => {
        one.follow(asText(value))
      },
      seen: (value) => one.seen(asNumber(value)),
      write: (value) => one.write(asText(fieldOf(value, 'collection')), asNumber(fieldOf(value, 'no'))),
      load: (value) => one.load(asText(fieldOf(value, 'collection')), asNumber(fieldOf(value, 'count'))),
      count: (value) => one.count(asText(value)),
      status: () => one.status,
      pending: () => one.pending,
    },
    () => one.close(),
  )
}
