/** A node and devices of one tenant in one process, joined by pipes instead of sockets. */

import { createJoinRequest, createTenant, joinTenant, memory, openTenant, type Connection, type Tenant } from 'varve'
import { pipe, systemEnv, type Env, type StoreProvider, type Transport } from 'varve/engine'
import { Door, NodeTenants, type NodeTenantsOptions } from '../src/tenants/index.ts'

export const url = 'ws://node.test'

/** A clock of its own for one device: real time plus an offset that a test changes. */
export function shiftedEnv(): Env & { shift: number } {
  const base = systemEnv({ passphraseWork: 1 })
  const env = { ...base, shift: 0, now: (): number => base.now() + env.shift }
  return env
}

export interface NodeWorldOptions extends Partial<Pick<NodeTenantsOptions, 'maximumDatabases' | 'maximumOpenStores'>> {
  /** Environment of the node. */
  readonly env?: Env
  /** Puts something between the node and the stores of a tenant. */
  readonly wrap?: (provider: StoreProvider) => StoreProvider
  readonly admitTenant?: (tenant: string) => () => void
}

export class NodeWorld {
  readonly env = systemEnv({ passphraseWork: 1 })
  readonly #options: NodeWorldOptions
  readonly #node = memory()
  readonly #providers = new Map<string, StoreProvider>()
  /** Server ends of the connections that were made. */
  readonly lines: Transport[] = []
  #tenants: NodeTenants | null = null
  #door: Door | null = null
  reachable = true

  constructor(options: NodeWorldOptions = {}) {
    this.#options = options
  }

  get door(): Door {
    if (this.#door === null) throw new Error('the node is down')
    return this.#door
  }

  get tenants(): NodeTenants {
    if (this.#tenants === null) throw new Error('the node is down')
    return this.#tenants
  }

  async start(): Promise<void> {
    const { env = this.env, wrap = (provider) => provider, ...limits } = this.#options
    const tenant = (id: string): StoreProvider => {
      const provider = this.#providers.get(id) ?? memory()
      this.#providers.set(id, provider)
      return wrap(provider)
    }
    const known = (): Promise<readonly string[]> => Promise.resolve([...this.#providers.keys()])
    const bounds = { maximumTenants: 10, maximumDatabases: 100, ...limits }
    this.#tenants = await NodeTenants.open({ env, node: this.#node, tenant, known, ...bounds })
    const free = (): (() => void) => () => undefined
    const meter = {
      connected: free,
      frame: () => undefined,
      units: () => undefined,
      recorded: () => undefined,
      refused: () => undefined,
    }
    this.#door = new Door({ env, tenants: this.#tenants, meter, admitTenant: this.#options.admitTenant ?? free })
  }

  async stop(): Promise<void> {
    this.#door?.close()
    await this.#tenants?.close()
    this.#tenants = null
  }

  readonly connector = (): Promise<Transport> => {
    const door = this.#door
    if (!this.reachable || door === null || this.#tenants === null) return Promise.reject(new Error('not reachable'))
    const [near, far] = pipe()
    this.lines.push(far)
    door.enter(far, 'websocket')
    return Promise.resolve(near)
  }

  connect(tenant: Tenant): Connection {
    return tenant.connect(url, { connector: this.connector })
  }

  /** A tenant whose record is kept by the node, with its founder connected. */
  async published(env: Env = this.env): Promise<{ readonly ada: Tenant; readonly line: Connection }> {
    const ada = await createTenant({ name: 'acme', user: 'ada', store: memory(), env })
    await this.tenants.register(await ada.registration())
    const line = this.connect(ada)
    await line.settled()
    const accepted = await this.tenants.appoint(ada.id, await ada.appoint(this.tenants.publicKey))
    await ada.adoptAppointments([accepted])
    await line.settled()
    return { ada, line }
  }

  /** Another device, approved by `admin`, whose approval has reached the node. */
  async join(admin: Tenant, line: Connection, user: string, env: Env = this.env): Promise<Joined> {
    const store = memory()
    const response = await admin.directory.approve(await createJoinRequest({ user, store, env }))
    await line.settled()
    const tenant = await joinTenant({ response, store, env })
    return { tenant, store, reopen: () => openTenant({ store, env }) }
  }
}

export interface Joined {
  readonly tenant: Tenant
  readonly store: StoreProvider
  reopen(): Promise<Tenant>
}

/** Resolves at the next event for which `wanted` is true. */
export function eventually<T>(
  subscribe: (fn: (value: T) => void) => () => void,
  wanted: (value: T) => boolean,
): Promise<T> {
  return new Promise((resolve) => {
    const stop = subscribe((value) => {
      if (!wanted(value)) return
      stop()
      resolve(value)
    })
  })
}
