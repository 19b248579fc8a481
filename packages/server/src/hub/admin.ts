/** What an operator asks of a hub. */

import type { CounterRule } from 'varve'
import type { Env } from 'varve/engine'
import type { SinkingStats, SunkStores } from '../sinking/sunk-stores.ts'
import { checkPlacements, type CheckedPlacement } from './check.ts'
import type { DatabaseType, HubConfig, SpacePlace } from './config/types.ts'
import { placeId, placeOf, type Place } from './context.ts'
import type { ConnectionHealth, Connections, ConnectionStats } from './connections/connections.ts'
import type { SpaceHealth, Spaces } from './connections/spaces.ts'
import type { Stores } from './connections/stores.ts'
import { HubDeadLetters, type HubDeadLetter } from './dead-letters.ts'
import type { KeptPlaces, KeptStats } from './kept/kept-places.ts'
import { HubLayers } from './layers.ts'
import { hubMetrics, type RenderedMetrics } from './metrics.ts'
import { migrate, type Migrated } from './migrate.ts'
import type { Messaging } from './messaging/messaging.ts'
import type { Mover } from './move/mover.ts'
import type { MoveFigures, MoveLimits, MoveReport } from './move/moves.ts'
import type { Turns } from '../turns.ts'
import type { Locator } from './placement/locate.ts'
import type { Placements } from './placement/placements.ts'
import type { Registry } from './registry.ts'
import { collectFiles, pruneVersions, type CollectedPlacement, type PrunedPlacement } from './retention.ts'
import type { HubTenants } from './tenants.ts'

export interface HealthOptions {
  /** What is asked of buckets: nothing, a list (default), or to take an object that is put and removed. */
  readonly buckets?: 'none' | 'list' | 'probe'
}

export interface HubHealth {
  readonly ok: boolean
  readonly connections: readonly ConnectionHealth[]
  /** Buckets that the configuration names. */
  readonly spaces: readonly SpaceHealth[]
}

export interface HubStats {
  /** Names of connections that are open. */
  readonly connections: readonly string[]
  readonly placements: { readonly known: number; readonly open: number }
  readonly tenants: { readonly active: number; readonly dropped: number }
  /** Moves that were begun and are not done, by the name of their placement. */
  readonly moving: readonly string[]
  /** Moves that this process has done, and the longest that calls had to wait for one. */
  readonly moves: MoveFigures
  /** Of every connection that is open: leases that this process holds, and its pool. */
  readonly pools: readonly ConnectionStats[]
  /** How far the placements that are open have sunk. */
  readonly sinking: SinkingStats
  /** What they keep that object storage did not take. */
  readonly kept: KeptStats
}

/** Which placement moves, and where to. */
export interface MoveOptions extends MoveLimits {
  readonly databaseType: DatabaseType
  readonly dbConnRef: string
  readonly dbName: string
}

export interface Rebalancing {
  readonly placement: string
  readonly from: string
  readonly to: string
}

export interface AdminParts {
  readonly stores: Stores
  readonly counterRules: readonly CounterRule[]
  readonly config: HubConfig
  readonly connections: Connections
  readonly spaces: Spaces
  readonly sunk: SunkStores
  readonly kept: KeptPlaces
  readonly env: Env
  readonly locator: Locator
  readonly registry: Registry
  readonly placements: Placements
  readonly tenants: HubTenants
  readonly mover: Mover
  readonly turns: Turns
  readonly messaging: (tenantId: string) => Messaging
  readonly shutdown: () => Promise<void>
}

export class HubAdmin {
  readonly #parts: AdminParts
  readonly #letters: HubDeadLetters
  /** Old payloads of all placements. */
  readonly layers: HubLayers

  constructor(parts: AdminParts) {
    this.#parts = parts
    this.layers = new HubLayers(parts)
    this.#letters = new HubDeadLetters({ ...parts, layers: this.layers })
  }

  /** Reaches every connection; what is wrong is in the answer. */
  async health({ buckets = 'list' }: HealthOptions = {}): Promise<HubHealth> {
    const { config, connections: all, env } = this.#parts
    const places = buckets === 'none' ? [] : bucketsOf(config)
    const [connections, spaces] = await Promise.all([
      all.health(),
      this.#parts.spaces.health(places, buckets === 'probe' ? env : null),
    ])
    return { ok: [...connections, ...spaces].every(({ ok }) => ok), connections, spaces }
  }

  /** Looks at every placement that was used, one after the other, without those that other processes have open. */
  check(): Promise<readonly CheckedPlacement[]> {
    return checkPlacements(this.#parts)
  }

  async stats(): Promise<HubStats> {
    const { connections, placements, tenants, registry, sunk, kept, mover } = this.#parts
    const all = await tenants.list()
    const dropped = all.filter(({ status }) => status === 'dropped').length
    const moves = await registry.moves()
    return {
      connections: connections.open,
      placements: placements.figures,
      tenants: { active: all.length - dropped, dropped },
      moving: moves.filter(({ status }) => status === 'moving').map(({ placement }) => placement),
      moves: mover.figures,
      pools: await connections.stats(),
      sinking: await sunk.stats(),
      kept: kept.stats(),
    }
  }

  /** The same for Prometheus: the text of an answer to `GET /metrics`, and its type. */
  async metrics(): Promise<RenderedMetrics> {
    return hubMetrics(await this.stats(), this.#parts.env)
  }

  /** Messages that came too often, payloads that do not sink, contents that object storage does not take: of a tenant, or of all. Opens what it looks into. */
  deadLetters(
    options: { readonly tenantId?: string; readonly topic?: string } = {},
  ): Promise<readonly HubDeadLetter[]> {
    return this.#letters.list(options)
  }

  /** Tries a dead letter again, by its id in `deadLetters`. Throws `NOT_FOUND`, and what object storage throws. */
  retry(id: string): Promise<void> {
    return this.#letters.retry(id)
  }

  /** Ends moves that were interrupted, and brings the layout of all placements to this release. */
  migrate(): Promise<Migrated> {
    return migrate(this.#parts)
  }

  /** Removes dropped tenants, and sources of moves, that are past their time, old versions, and files that no version names. */
  async prune(): Promise<{
    readonly tenants: readonly string[]
    readonly moved: readonly string[]
    readonly versions: readonly PrunedPlacement[]
    readonly files: readonly CollectedPlacement[]
  }> {
    const { tenants, mover, config } = this.#parts
    const [dropped, moved] = [await tenants.prune(), await mover.prune()]
    const versions = await pruneVersions(this.#parts, config.retention)
    return { tenants: dropped, moved, versions, files: await collectFiles(this.#parts) }
  }

  /** Moves a tenant's database while it is used. Throws `NOT_FOUND`, `INVALID`, `EXISTS`, `LOCKED`. */
  move(tenantId: string, { databaseType, dbConnRef, dbName, ...limits }: MoveOptions): Promise<MoveReport> {
    const place = placeOf(databaseType, 'tenant', placeId(tenantId, 'tenantId'))
    return this.#parts.mover.move(place, { dbConnRef, dbName }, limits)
  }

  /** Goes on with moves that were interrupted. */
  resume(): Promise<readonly MoveReport[]> {
    return this.#parts.mover.resume()
  }

  /** Brings placements to where the hash would put them now, or says which would go where. */
  async rebalance({ dryRun = false } = {}): Promise<readonly Rebalancing[]> {
    const { locator, mover, registry } = this.#parts
    const done: Rebalancing[] = []
    for (const { place, backends } of this.#several()) {
      const known = await registry.placement(place.name)
      const to = locator.choose(place, backends)
      if (known === null || known.dbConnRef === to) continue
      if (!dryRun) await mover.move(place, { dbConnRef: to, dbName: known.dbName })
      done.push({ placement: place.name, from: known.dbConnRef, to })
    }
    return done
  }

  /** Ends everything in order; idempotent. */
  shutdown(): Promise<void> {
    return this.#parts.shutdown()
  }

  /** Placements for which there are several backends. */
  *#several(): Generator<{ readonly place: Place; readonly backends: readonly string[] }> {
    for (const [type, { generic, domains, tenants }] of this.#parts.config.databases) {
      if (generic !== null && generic.dbConnRefs.length > 1)
        yield { place: placeOf(type, 'generic', null), backends: generic.dbConnRefs }
      for (const [tier, all] of [['domain', domains] as const, ['tenant', tenants] as const])
        for (const [id, { dbConnRefs }] of all)
          if (dbConnRefs.length > 1) yield { place: placeOf(type, tier, id), backends: dbConnRefs }
    }
  }
}

function bucketsOf({ databases }: HubConfig): readonly SpacePlace[] {
  const found = new Map<string, SpacePlace>()
  for (const { generic, domains, tenants, defaults } of databases.values())
    for (const place of [generic, ...domains.values(), ...tenants.values(), defaults])
      if (place?.space) found.set(`${place.space.spaceConnRef}/${place.space.bucket}`, place.space)
  return [...found.values()]
}
