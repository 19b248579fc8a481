/** The hub: handles to the data of many tenants, wherever the configuration says that it lies. */

import type { Database, Filter, JsonObject } from 'varve'
import { systemEnv, VarveError, type BlobStore, type Env } from 'varve/engine'
import { HubAdmin } from './admin.ts'
import { closeParts } from './close-parts.ts'
import { HubCollection, type HandleParts } from './collection/hub-collection.ts'
import { readHubConfig } from './config/config.ts'
import { sinkOf } from './config/sink.ts'
import type { HubConfig, SpacePlace } from './config/types.ts'
import { Connections } from './connections/connections.ts'
import { Spaces } from './connections/spaces.ts'
import { Stores } from './connections/stores.ts'
import { openEngine, type OpenEngine } from './connections/engines.ts'
import { parseContext, parsePlace, placeId, placeOf, type HubContext, type HubPlace, type Place } from './context.ts'
import { HubCounters, rulesWith } from './counters.ts'
import { identitiesOf, type Identities } from './identities.ts'
import { TieredReader, type Knowledge, type KnowledgeOptions } from './knowledge.ts'
import { fallbackRules, KeptPlaces } from './kept/kept-places.ts'
import { Logs, type LogLine } from './logs.ts'
import { MessagingCalls } from './messaging/calls.ts'
import { Home, type HomeParts } from './messaging/home.ts'
import { Messaging } from './messaging/messaging.ts'
import { SnapshotCalls } from './messaging/snapshot-calls.ts'
import { Mover } from './move/mover.ts'
import { Turns } from '../turns.ts'
import { Locator } from './placement/locate.ts'
import type { Placement } from './placement/placement.ts'
import { Placements } from './placement/placements.ts'
import { Registry } from './registry.ts'
import { SunkStores } from '../sinking/sunk-stores.ts'
import { OwnDatabase } from './own-database.ts'
import type { PeerCall } from './peers/call.ts'
import { Cluster } from './peers/cluster.ts'
import type { Operation } from './peers/operation.ts'
import type { Peers } from './peers/peers.ts'
import { HubTenants } from './tenants.ts'

export interface HubOptions {
  readonly env?: Env
  /** Opens the engine of a connection; those of this package when absent. */
  readonly openEngine?: OpenEngine
  /** What takes the place of the object storage of a bucket: a decorator of it, or another one. */
  readonly bucket?: (blobs: BlobStore, place: SpacePlace) => BlobStore
}

/** Of a database that is tiered: whose. */
export type Whose = { readonly tenantId: string } | { readonly domain: string }

/**
 * Opens a hub from the value of a JSON file. Throws `INVALID` with every problem; connects to nothing yet. As one of
 * several processes it listens for the others: `LOCKED` when the port is taken.
 */
export async function openHub(config: unknown, options: HubOptions = {}): Promise<Hub> {
  const read = readHubConfig(config)
  const cluster = read.cluster === null ? null : await Cluster.listen(read.cluster, options.env ?? systemEnv())
  return new Hub(read, options, cluster)
}

export class Hub implements AsyncDisposable {
  readonly tenants: HubTenants
  readonly counters: HubCounters
  readonly admin: HubAdmin
  readonly #config: HubConfig
  readonly #env: Env
  readonly #connections: Connections
  readonly #spaces: Spaces
  readonly #placements: Placements
  readonly #own: OwnDatabase | null
  readonly #knowledge: TieredReader
  readonly #metadata: TieredReader
  readonly #cluster: Cluster | null
  #closing: Promise<void> | null = null

  /** Made by `openHub`. */
  constructor(config: HubConfig, options: HubOptions, cluster: Cluster | null) {
    const env = options.env ?? systemEnv()
    const terms = cluster === null ? {} : { address: cluster.address, leaseMs: cluster.leaseMs }
    const connections = new Connections(config.dbConnections, options.openEngine ?? openEngine, env, terms)
    const spaces = new Spaces(config.spacesConnections, config.localStorage, options.bucket)
    const rules = fallbackRules(config.fallback)
    const sunk = new SunkStores({ sink: sinkOf(config), env, ...(rules === null ? {} : { failures: rules }) })
    const kept = new KeptPlaces(rules, env)
    const stores = new Stores({ connections, spaces, sunk, kept, hasFolder: config.localStorage !== null })
    this.#own = config.own === null ? null : new OwnDatabase(config.own, connections, env)
    const own = this.#own
    const registry = new Registry(own === null ? null : (work) => own.using(work))
    const locator = new Locator(config, registry)
    const counterRules = rulesWith(config.counterRules, config.retention)
    const turns = new Turns()
    const mover = new Mover({
      env,
      config,
      connections,
      stores,
      locator,
      registry,
      placements: () => this.#placements,
      turns,
    })
    this.#placements = new Placements({
      env,
      stores,
      locator,
      rules: { maps: config.collectionMaps, counterRules },
      openPlacements: config.openPlacements,
      idleMs: config.idleMs,
      finishMove: (id) => mover.finish(id),
      peers: cluster?.peers ?? null,
    })
    this.#cluster = cluster
    cluster?.serve({
      handle: (call) => this.#asked(call),
      release: (place) => this.#placements.letGo(place),
    })
    this.#config = config
    this.#env = env
    this.#connections = connections
    this.#spaces = spaces
    const placements = this.#placements
    this.tenants = new HubTenants({ env, config, connections, stores, locator, registry, placements })
    this.counters = new HubCounters((place, name) => this.#handle(place, name), locator)
    const reading = (place: Place, name: string): HubCollection<JsonObject> => this.#handle(place, name)
    this.#knowledge = new TieredReader('knowledge', reading, locator)
    this.#metadata = new TieredReader('metadata', reading, locator)
    this.admin = new HubAdmin({
      config,
      stores,
      counterRules,
      connections,
      spaces,
      sunk,
      kept,
      env,
      locator,
      registry,
      placements,
      tenants: this.tenants,
      mover,
      turns,
      messaging: (tenantId) => this.messaging(tenantId),
      shutdown: () => this.#shutdown(),
    })
  }

  /**
   * A handle of a collection; asks nobody and opens nothing. Throws `INVALID` for a context without the fields of its
   * tier, or with others. Its calls throw `NOT_FOUND` for a place that nothing defines and `DELETED` for a dropped tenant.
   */
  with<T = JsonObject>(context: HubContext): HubCollection<T> {
    const { place, collection } = parseContext(context)
    this.#assertTiers(place)
    return this.#handle<T>(place, collection)
  }

  /** Runs work on the whole database of a place, which stays open meanwhile and is not to be used afterwards. */
  using<R>(place: HubPlace, work: (database: Database) => R | Promise<R>): Promise<R> {
    const parsed = parsePlace(place)
    this.#assertTiers(parsed)
    return this.#placements.get(parsed).using(({ database }) => work(database))
  }

  /** Content across tiers: see `docs/hub.md`. Null when no tier has a document that matches. */
  getKnowledge(
    collection: string,
    filter: Filter<JsonObject>,
    options: KnowledgeOptions = {},
  ): Promise<Knowledge | null> {
    return this.#knowledge.read(collection, filter, options)
  }

  /** Settings across tiers, in the same way. */
  getMetadata(
    collection: string,
    filter: Filter<JsonObject>,
    options: KnowledgeOptions = {},
  ): Promise<Knowledge | null> {
    return this.#metadata.read(collection, filter, options)
  }

  /** Messaging of a tenant. Throws `INVALID`; its calls throw `NOT_FOUND` where no database is for it. */
  messaging(tenantId: string): Messaging {
    const id = placeId(tenantId, 'tenantId')
    const flat = this.#config.databases.get('messaging')?.flat === true
    const place = flat ? placeOf('messaging', 'generic', null) : placeOf('messaging', 'tenant', id)
    return new Messaging(this.#home(place, id, this.#cluster?.peers ?? null), this.#env)
  }

  identities(whose?: Whose): Identities {
    const place = this.#special('identities', whose)
    return identitiesOf((name, options) => this.#handle(place, name, options))
  }

  logs(whose?: Whose): Logs {
    return new Logs(
      this.#handle<LogLine>(this.#special('logs', whose), 'logs', { indexes: ['at', 'level'] }),
      this.#env,
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#shutdown()
  }

  /** What another process asks, in this process alone. */
  #asked({ place: given, target: { kind, name }, operation }: PeerCall): object {
    const place = parsePlace(given)
    if (kind === 'collection') return this.#handle(place, name, undefined, null, operation)
    const home = new Home(kind, this.#home(place, placeId(name, 'tenantId'), null, operation))
    return kind === 'messaging' ? new MessagingCalls(home, this.#env) : new SnapshotCalls(home)
  }

  #home(place: Place, tenant: string, peers: Peers | null, operation?: Operation): HomeParts {
    const placement = (): Placement => this.#placements.get(place)
    return { place, placement, tenant, peers, ...(operation === undefined ? {} : { operation }) }
  }

  #handle<T>(
    place: Place,
    name: string,
    options?: HandleParts<T>['options'],
    peers: Peers | null = this.#cluster?.peers ?? null,
    operation?: Operation,
  ): HubCollection<T> {
    return new HubCollection<T>({
      placements: this.#placements,
      env: this.#env,
      place,
      name,
      map: this.#config.collectionMaps.get(name) ?? null,
      neighbour: (other, collection) => this.#handle<JsonObject>(other, collection),
      peers,
      ...(operation === undefined ? {} : { operation }),
      ...(options === undefined ? {} : { options }),
    })
  }

  #special(databaseType: 'identities' | 'logs', whose: Whose | undefined): Place {
    const place = parsePlace({ databaseType, ...tierOf(whose), ...whose })
    this.#assertTiers(place)
    return place
  }

  /** A type that is one database for all has no place for a single tenant's data. */
  #assertTiers({ databaseType, tier }: Place): void {
    if (tier === 'generic' || this.#config.databases.get(databaseType)?.flat !== true) return
    throw new VarveError('INVALID', `"${databaseType}" is one database for all here: leave out tier and ${tier}`, {
      details: { path: 'tier' },
    })
  }

  #shutdown(): Promise<void> {
    const parts = [this.#cluster, this.#placements, this.#own, this.#spaces, this.#connections]
    this.#closing ??= closeParts(parts, this.#connections, this.#env)
    return this.#closing
  }
}

function tierOf(whose: Whose | undefined): { readonly tier?: 'tenant' | 'domain' } {
  if (whose === undefined) return {}
  return { tier: 'tenantId' in whose ? 'tenant' : 'domain' }
}
