/** The engine that all pages of an origin share: one tenant on one store, opened by the first page that can. */

import {
  createJoinRequest,
  createTenant,
  joinByInvitation,
  joinTenant,
  openTenant,
  VarveError,
  type BlobStore,
  type Collection,
  type CollectionOptions,
  type Connection,
  type Database,
  type Env,
  type StoreProvider,
  type Tenant,
} from 'varve'

type Schema = NonNullable<CollectionOptions<unknown>['schema']>

export interface EngineOptions {
  readonly store: StoreProvider
  readonly blobs?: BlobStore
  readonly env?: Env
  /** Schemas of collections, by `collection` or `database/collection`: functions cannot be sent from a page. */
  readonly schemas?: Readonly<Record<string, Schema>>
}

/** What pages may say of how a tenant is opened; the store is the engine's own. */
export type Opening = Readonly<Record<string, unknown>> & { readonly passphrase?: string }

interface Held {
  readonly tenant: Tenant
  readonly passphrase: string | undefined
}

export class Engine {
  readonly #options: EngineOptions
  #held: Promise<Held> | null = null
  readonly #connections = new Map<string, Connection>()

  constructor(options: EngineOptions) {
    this.#options = options
  }

  createTenant(options: Opening & { readonly name: string; readonly user: string }): Promise<Tenant> {
    return this.#make(options, () => createTenant({ ...options, ...this.#parts() }))
  }

  joinTenant(options: Opening & { readonly response: string }): Promise<Tenant> {
    return this.#make(options, () => joinTenant({ ...options, ...this.#parts() }))
  }

  joinByInvitation(options: Opening & { readonly link: string; readonly user: string }): Promise<Tenant> {
    return this.#make(options, () => joinByInvitation({ ...options, ...this.#parts() }))
  }

  createJoinRequest(options: Opening & { readonly user: string }): Promise<string> {
    return createJoinRequest({ ...options, ...this.#parts() })
  }

  /** The tenant of this device, opened once for all pages; throws `WRONG_PASSPHRASE` for a page that has another one. */
  async openTenant(options: Opening = {}): Promise<Tenant> {
    const { tenant, passphrase } = await (this.#held ??
      this.#hold(options, () => openTenant({ ...options, ...this.#parts() })))
    if (passphrase !== options.passphrase)
      throw new VarveError('WRONG_PASSPHRASE', 'The tenant is open in another window with another passphrase: check it')
    return tenant
  }

  /** A connection to each address at most, shared by all pages. */
  connect(tenant: Tenant, to: string | undefined, options: object): Connection {
    const key = to ?? ''
    const known = this.#connections.get(key)
    if (known !== undefined && !known.over) return known
    const made = tenant.connect(to, options)
    this.#connections.set(key, made)
    return made
  }

  collection(database: Database, name: string, options: CollectionOptions<unknown>): Collection<unknown> {
    const { schemas = {} } = this.#options
    const schema = schemas[`${database.name}/${name}`] ?? schemas[name]
    return database.collection<unknown>(name, schema === undefined ? options : { ...options, schema })
  }

  /** Closes the tenant, whoever uses it; everything that was answered is stored. */
  async close(): Promise<void> {
    const held = await this.#held?.catch(() => null)
    this.#held = null
    this.#connections.clear()
    await held?.tenant.close()
  }

  async #make(options: Opening, make: () => Promise<Tenant>): Promise<Tenant> {
    if (this.#held !== null)
      throw new VarveError('EXISTS', 'This browser has a tenant already: open it, or use another name for the engine')
    return (await this.#hold(options, make)).tenant
  }

  #hold({ passphrase }: Opening, open: () => Promise<Tenant>): Promise<Held> {
    const held = open().then((tenant) => ({ tenant, passphrase }))
    this.#held = held
    held.catch(() => {
      if (this.#held === held) this.#held = null
    })
    return held
  }

  #parts(): { readonly store: StoreProvider; readonly blobs?: BlobStore; readonly env?: Env } {
    const { store, blobs, env } = this.#options
    return { store, ...(blobs === undefined ? {} : { blobs }), ...(env === undefined ? {} : { env }) }
  }
}
