/** What an operator asks of a hub. */

import { VarveError } from 'varve/engine'
import type { DatabaseType, HubConfig, SpacePlace } from './config/types.ts'
import { placeId, placeOf, type Place } from './context.ts'
import type { ConnectionHealth, Connections } from './connections/connections.ts'
import type { SpaceHealth, Spaces } from './connections/spaces.ts'
import type { DeadLetter } from './messaging/types.ts'
import type { Messaging } from './messaging/messaging.ts'
import type { Mover, MoveReport } from './move/mover.ts'
import type { Locator } from './placement/locate.ts'
import type { Placements } from './placement/placements.ts'
import type { Registry } from './registry.ts'
import type { HubTenants } from './tenants.ts'

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
}

/** Which placement moves, and where to. */
export interface MoveOptions {
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
  readonly config: HubConfig
  readonly connections: Connections
  readonly spaces: Spaces
  readonly locator: Locator
  readonly registry: Registry
  readonly placements: Placements
  readonly tenants: HubTenants
  readonly mover: Mover
  readonly messaging: (tenantId: string) => Messaging
  readonly shutdown: () => Promise<void>
}

export class HubAdmin {
  readonly #parts: AdminParts

  constructor(parts: AdminParts) {
    this.#parts = parts
  }

  /** Reaches every connection; what is wrong is in the answer. */
  async health(): Promise<HubHealth> {
    const connections = await this.#parts.connections.health()
    const spaces = await this.#parts.spaces.health(bucketsOf(this.#parts.config))
    return { ok: [...connections, ...spaces].every(({ ok }) => ok), connections, spaces }
  }

  async stats(): Promise<HubStats> {
    const { connections, placements, tenants, registry } = this.#parts
    const all = await tenants.list()
    const dropped = all.filter(({ status }) => status === 'dropped').length
    const moves = await registry.moves()
    return {
      connections: connections.open,
      placements: placements.figures,
      tenants: { active: all.length - dropped, dropped },
      moving: moves.filter(({ status }) => status === 'moving').map(({ placement }) => placement),
    }
  }

  /** Messages of a tenant that came too often. */
  async deadLetters(options: { readonly tenantId: string; readonly topic?: string }): Promise<readonly DeadLetter[]> {
    const { tenantId, ...more } = options
    const letters = await this.#parts.messaging(tenantId).deadLetters(more)
    return letters.map((letter) => ({ ...letter, id: `${tenantId}/${letter.id}` }))
  }

  /** Hands a dead letter out anew, by its id in `deadLetters`. Throws `NOT_FOUND`. */
  async retry(id: string): Promise<void> {
    const end = id.indexOf('/')
    if (end < 0) throw new VarveError('NOT_FOUND', `There is no dead letter "${id}": deadLetters() lists them`)
    await this.#parts.messaging(id.slice(0, end)).retry(id.slice(end + 1))
  }

  /** Removes dropped tenants, and sources of moves, that are past their time. */
  async prune(): Promise<{ readonly tenants: readonly string[]; readonly moved: readonly string[] }> {
    return { tenants: await this.#parts.tenants.prune(), moved: await this.#parts.mover.prune() }
  }

  /** Moves a tenant's database while it is used. Throws `NOT_FOUND`, `INVALID`, `EXISTS`, `LOCKED`. */
  move(tenantId: string, { databaseType, dbConnRef, dbName }: MoveOptions): Promise<MoveReport> {
    const place = placeOf(databaseType, 'tenant', placeId(tenantId, 'tenantId'))
    return this.#parts.mover.move(place, { dbConnRef, dbName })
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
