/** Where a placement lies: as remembered, else as configured, chosen by hash among several backends. */

import { isVarveError, VarveError } from 'varve/engine'
import type { DatabaseType, HubConfig, PlacementConfig, SpacePlace } from '../config/types.ts'
import type { Place } from '../context.ts'
import type { PlacementRow, Registry, TenantRow } from '../registry.ts'
import { jump, rendezvous } from './hash.ts'

export interface Location extends PlacementRow {
  readonly space: SpacePlace | null
}

export class Locator {
  readonly #config: HubConfig
  readonly #registry: Registry

  constructor(config: HubConfig, registry: Registry) {
    this.#config = config
    this.#registry = registry
  }

  /** Throws `NOT_FOUND` for a place that nothing defines, `DELETED` for a dropped tenant, `INVALID` for one that was lost. */
  async locate(place: Place): Promise<Location> {
    const configured = await this.configured(place)
    if (configured === null) throw nowhere(place)
    const { space } = configured
    const known = await this.#registry.placement(place.name)
    if (known !== null) return { ...remembered(place, known, configured), space }
    const row = { dbConnRef: this.choose(place, configured.dbConnRefs), dbName: configured.dbName, epoch: 0 }
    return { ...(this.#registry.remembers ? await this.#registry.found(place.name, row) : row), space }
  }

  /** What configuration and added tenants say of a place; null when they say nothing. Throws `DELETED`. */
  async configured(place: Place): Promise<PlacementConfig | null> {
    if (place.id === null) return this.#config.databases.get(place.databaseType)?.generic ?? null
    if (place.tier === 'domain') return this.#config.databases.get(place.databaseType)?.domains.get(place.id) ?? null
    return this.#ofTenant(place.databaseType, place.id)
  }

  /** Whether a tenant is in the configuration, or was added and not removed. Throws `DELETED` for one that was dropped. */
  async knowsTenant(id: string): Promise<boolean> {
    const row = await this.#registry.tenant(id)
    assertActive(id, row)
    if (row?.status === 'active') return true
    return this.isConfigured(id) && row?.from !== 'config'
  }

  isConfigured(tenantId: string): boolean {
    return [...this.#config.databases.values()].some(({ tenants }) => tenants.has(tenantId))
  }

  /** The backend that the hash chooses for a place. */
  choose(place: Place, backends: readonly string[]): string {
    const { hashAlgo, chooseKey } = this.#config.routing
    const fields = {
      databaseType: place.databaseType,
      tier: place.tier,
      tenantId: place.tier === 'tenant' ? (place.id ?? '') : '',
      domain: place.tier === 'domain' ? (place.id ?? '') : '',
    }
    const key = chooseKey === null ? place.name : chooseKey.map((name) => fields[name]).join('|')
    return hashAlgo === 'jump' ? jump(key, backends) : rendezvous(key, backends)
  }

  async #ofTenant(type: DatabaseType, id: string): Promise<PlacementConfig | null> {
    const row = await this.#registry.tenant(id)
    assertActive(id, row)
    if (row?.from === 'config' && row.status === 'removed') return null
    const configured = this.#config.databases.get(type)?.tenants.get(id)
    if (configured !== undefined) return configured
    const added = row?.status === 'active' ? row.placements[type] : undefined
    return added === undefined ? null : { ...added, dbConnRefs: [added.dbConnRef] }
  }
}

function assertActive(id: string, row: TenantRow | null): void {
  if (row?.status !== 'dropped') return
  throw new VarveError(
    'DELETED',
    `The tenant "${id}" was dropped: restore it until ${row.removeAfter ?? 'it is pruned'}`,
    {
      details: { tenantId: id, removeAfter: row.removeAfter },
    },
  )
}

function remembered({ name }: Place, row: PlacementRow, configured: PlacementConfig): PlacementRow {
  const { dbConnRef, dbName, epoch } = row
  const moved = epoch > 0
  if (moved || (configured.dbName === dbName && configured.dbConnRefs.includes(dbConnRef)))
    return { dbConnRef, dbName, epoch }
  throw new VarveError(
    'INVALID',
    `"${name}" lies in "${dbName}" on "${dbConnRef}", and the configuration says elsewhere: change it back, and move it`,
    { details: { placement: name, dbConnRef, dbName } },
  )
}

function nowhere({ name, databaseType, tier, id }: Place): VarveError {
  const whose = id === null ? `the ${tier} tier` : `${tier} "${id}"`
  return new VarveError(
    'NOT_FOUND',
    `There is no ${databaseType} database for ${whose}: configure it, or add the tenant`,
    {
      details: { placement: name },
    },
  )
}

/** True for the error of a place that nothing defines. */
export function isNowhere(error: unknown, { name }: Place): boolean {
  return isVarveError(error, 'NOT_FOUND') && error.details?.['placement'] === name
}
