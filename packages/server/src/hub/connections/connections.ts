/** The database connections of a hub: each is opened when first needed, shared by all, and closed at the end. */

import { VarveError, type Env, type StoreProvider } from 'varve/engine'
import { shownUrl } from '../config/connections.ts'
import type { DbConnection } from '../config/types.ts'
import { countingOpen } from '../../sinking/sunk-stores.ts'
import type { PoolFigures, StoreEngine } from './engine.ts'
import type { LeaseTerms, OpenEngine } from './engines.ts'

export interface ConnectionHealth {
  readonly name: string
  readonly kind: DbConnection['kind']
  /** Without user and password. */
  readonly url: string
  readonly ok: boolean
  /** Why not. */
  readonly error: string | null
}

/** A connection that is open. */
export interface ConnectionStats {
  readonly name: string
  readonly kind: DbConnection['kind']
  /** Stores that this process holds there; on PostgreSQL and MongoDB each of them is a lease. */
  readonly leases: number
  /** Null for engines that need no connections. */
  readonly pool: PoolFigures | null
}

/** Milliseconds that an engine has to answer while the hub is closed. */
const answerMs = 2_000

export class Connections {
  readonly #connections: ReadonlyMap<string, DbConnection>
  readonly #openEngine: OpenEngine
  readonly #env: Env
  readonly #terms: LeaseTerms
  readonly #open = new Map<string, Promise<StoreEngine>>()
  readonly #leases = new Map<string, number>()
  #closed = false

  constructor(
    connections: ReadonlyMap<string, DbConnection>,
    openEngine: OpenEngine,
    env: Env,
    terms: LeaseTerms = {},
  ) {
    this.#env = env
    this.#terms = terms
    this.#connections = connections
    this.#openEngine = openEngine
  }

  /** Names of connections that are open. */
  get open(): readonly string[] {
    return [...this.#open.keys()]
  }

  has(name: string): boolean {
    return this.#connections.has(name)
  }

  /** The stores of a database on a connection. Throws `OFFLINE`, `UNSUPPORTED`, and `INVALID` for an unknown name. */
  async provider(name: string, dbName: string): Promise<StoreProvider> {
    return countingOpen((await this.#engine(name)).provider(dbName), (by) =>
      this.#leases.set(name, (this.#leases.get(name) ?? 0) + by),
    )
  }

  /** Of connections that are open; asks nobody. */
  async stats(): Promise<readonly ConnectionStats[]> {
    const found = await Promise.all(
      [...this.#open].map(async ([name, opening]) => {
        const engine = await opening.catch(() => null)
        const kind = this.#connections.get(name)?.kind
        if (engine === null || kind === undefined) return null
        return { name, kind, leases: this.#leases.get(name) ?? 0, pool: engine.figures?.() ?? null }
      }),
    )
    return found.filter((each) => each !== null)
  }

  /** Reaches every connection, opening those that are not. */
  health(): Promise<readonly ConnectionHealth[]> {
    return Promise.all([...this.#connections].map((each) => this.#healthOf(...each)))
  }

  /** Ends the connections to engines that do not answer, so that whoever waits for them is told; gives their names. */
  async endAway(): Promise<readonly string[]> {
    const names = [...this.#open].map(async ([name, opening]) => {
      const engine = await opening.catch(() => null)
      if (engine === null || (await this.#answers(engine))) return []
      await engine.close(true)
      return [name]
    })
    return (await Promise.all(names)).flat()
  }

  async #answers(engine: StoreEngine): Promise<boolean> {
    let cancel: () => void = () => undefined
    const over = new Promise<false>((resolve) => {
      cancel = this.#env.timer(() => {
        resolve(false)
      }, answerMs)
    })
    const [checked] = await Promise.allSettled([Promise.race([engine.check(), over])])
    cancel()
    return checked.status === 'fulfilled' && checked.value !== false
  }

  async close(): Promise<void> {
    this.#closed = true
    const opened = await Promise.allSettled(this.#open.values())
    const closing = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value.close()] : []))
    for (const result of await Promise.allSettled(closing)) if (result.status === 'rejected') throw result.reason
  }

  #engine(name: string): Promise<StoreEngine> {
    if (this.#closed) throw new VarveError('CLOSED', 'The hub is closed: open it again')
    const connection = this.#connections.get(name)
    if (connection === undefined)
      throw new VarveError('INVALID', `There is no connection "${name}": name it in dbConnections`)
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const opening = this.#openEngine(connection, this.#env, this.#terms)
    this.#open.set(name, opening)
    opening.catch(() => this.#open.delete(name))
    return opening
  }

  async #healthOf(name: string, { kind, url }: DbConnection): Promise<ConnectionHealth> {
    const place = { name, kind, url: shownUrl(url) }
    try {
      await (await this.#engine(name)).check()
      return { ...place, ok: true, error: null }
    } catch (error) {
      return { ...place, ok: false, error: error instanceof Error ? error.message : String(error) }
    }
  }
}
