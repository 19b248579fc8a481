/** Tenants at run time: added, listed, dropped with a grace period, restored, removed. */

import { primitives, toHex, utf8, VarveError, type Env } from 'varve/engine'
import { folded } from './config/names.ts'
import { databaseTypes, type DatabaseType, type HubConfig, type TenantDefaults } from './config/types.ts'
import type { Connections } from './connections/connections.ts'
import type { Stores } from './connections/stores.ts'
import { placeId, placeOf } from './context.ts'
import { isConfigured } from './move/moves.ts'
import type { Locator } from './placement/locate.ts'
import type { Placements } from './placement/placements.ts'
import { claim, put, release, type GivenPlacement, type Registry, type TenantRow } from './registry.ts'

/** Where the databases of a tenant go that is added; a type left out goes where its `tenantDefaults` say. */
export type GivenPlacements = {
  readonly [Type in DatabaseType]?: {
    readonly dbConnRef: string
    readonly dbName: string
    readonly spaceConnRef?: string
    readonly bucket?: string
  }
}

export interface TenantInfo {
  readonly tenantId: string
  readonly status: 'active' | 'dropped'
  readonly from: 'config' | 'added'
  /** Types that it has a database of its own for. */
  readonly databases: readonly DatabaseType[]
  readonly addedAt: string | null
  readonly droppedAt: string | null
  /** When `admin.prune` removes it. */
  readonly removeAfter: string | null
}

export interface TenantsParts {
  readonly env: Env
  readonly config: HubConfig
  readonly connections: Connections
  readonly stores: Stores
  readonly locator: Locator
  readonly registry: Registry
  readonly placements: Placements
}

const dayMs = 86_400_000
const graceDays = 30

export class HubTenants {
  readonly #parts: TenantsParts

  constructor(parts: TenantsParts) {
    this.#parts = parts
  }

  /** Throws `EXISTS`, `INVALID`, and `UNSUPPORTED` in a hub without a database of its own. */
  async add(tenantId: string, placements: GivenPlacements = {}): Promise<TenantInfo> {
    const { registry, env } = this.#parts
    const id = placeId(tenantId, 'tenantId')
    const given = this.#placements(id, placements)
    await this.#assertNew(id)
    const addedAt = new Date(env.now()).toISOString()
    const row: TenantRow = {
      status: 'active',
      from: 'added',
      placements: Object.fromEntries(given),
      addedAt,
      droppedAt: null,
      removeAfter: null,
    }
    await registry.transact(async (tx) => {
      const known = await tx.collection<TenantRow>('tenants').get(id)
      if (known !== null && known.status !== 'removed') throw exists(id)
      for (const [type, place] of given) await claim(tx, place, placeOf(type, 'tenant', id).name)
      await put(tx, 'tenants', id, row)
    })
    return info(
      id,
      row,
      given.map(([type]) => type),
    )
  }

  /** All tenants, by id: of the configuration, added ones, and dropped ones until they are removed. */
  async list(): Promise<readonly TenantInfo[]> {
    const found = new Map<string, TenantInfo>()
    for (const id of this.#configured()) found.set(id, info(id, configuredRow, this.#typesOf(id)))
    for (const { id, _system, ...row } of await this.#parts.registry.tenants()) {
      if (row.status === 'removed') {
        if (row.from === 'config') found.delete(id)
        continue
      }
      const types = databaseTypes.filter((type) => row.placements[type] !== undefined)
      found.set(id, info(id, row, row.from === 'config' ? this.#typesOf(id) : types))
    }
    return [...found.values()].toSorted((a, b) => (a.tenantId < b.tenantId ? -1 : 1))
  }

  /** Ends the use of a tenant now, and its data after the grace period. Throws `NOT_FOUND`, `DELETED`. */
  async drop(tenantId: string, options: { readonly graceDays?: number } = {}): Promise<TenantInfo> {
    const { registry, env } = this.#parts
    const days = options.graceDays ?? graceDays
    if (!(days >= 0 && days <= 36_500))
      throw new VarveError('INVALID', '"graceDays" should be a number from 0 to 36500')
    const id = placeId(tenantId, 'tenantId')
    const row = await this.#row(id)
    if (row.status === 'dropped')
      throw new VarveError('DELETED', `The tenant "${id}" was dropped already`, { details: { tenantId: id } })
    const droppedAt = new Date(env.now()).toISOString()
    const removeAfter = new Date(env.now() + days * dayMs).toISOString()
    await registry.saveTenant(id, { ...row, status: 'dropped', droppedAt, removeAfter })
    for (const type of databaseTypes) await this.#parts.placements.forget(placeOf(type, 'tenant', id))
    return this.#info(id)
  }

  /** Undoes `drop`, until the tenant is removed. Throws `NOT_FOUND`, and `EXISTS` for one that was not dropped. */
  async restore(tenantId: string): Promise<TenantInfo> {
    const id = placeId(tenantId, 'tenantId')
    const row = await this.#row(id)
    if (row.status !== 'dropped') throw new VarveError('EXISTS', `The tenant "${id}" was not dropped`)
    await this.#parts.registry.saveTenant(id, { ...row, status: 'active', droppedAt: null, removeAfter: null })
    return this.#info(id)
  }

  /** Removes the data of dropped tenants that are past their time; gives their ids. Calling again goes on. */
  async prune(): Promise<readonly string[]> {
    const { registry, env } = this.#parts
    const removed: string[] = []
    for (const { id, _system, ...row } of await registry.tenants()) {
      if (row.status !== 'dropped' || row.removeAfter === null || Date.parse(row.removeAfter) > env.now()) continue
      for (const type of databaseTypes) await this.#remove(id, type, row)
      await registry.saveTenant(id, { ...row, status: 'removed', placements: {} })
      removed.push(id)
    }
    return removed
  }

  async #remove(id: string, type: DatabaseType, row: TenantRow): Promise<void> {
    const { registry, config, stores, locator, placements } = this.#parts
    const place = placeOf(type, 'tenant', id)
    const configured = config.databases.get(type)?.tenants.get(id)
    const added = row.placements[type]
    const backends = configured?.dbConnRefs ?? (added === undefined ? [] : [added.dbConnRef])
    if (backends.length === 0) return
    const dbName = configured?.dbName ?? added?.dbName ?? ''
    const at = (await registry.placement(place.name)) ?? { dbConnRef: locator.choose(place, backends), dbName }
    await placements.forget(place)
    await stores.destroy(place.name, { ...at, space: configured?.space ?? added?.space ?? null })
    await registry.transact(async (tx) => {
      await release(tx, at)
      await put(tx, 'placements', place.name, { ...at, epoch: 0, removed: true })
    })
  }

  /** What is remembered of a tenant, or the configuration says. Throws `NOT_FOUND`. */
  async #row(id: string): Promise<TenantRow> {
    const found = await this.#parts.registry.tenant(id)
    if (found !== null && found.status !== 'removed') {
      const { id: _, _system, ...row } = found
      return row
    }
    if (found === null && this.#parts.locator.isConfigured(id)) return configuredRow
    throw new VarveError('NOT_FOUND', `There is no tenant "${id}" here: list those there are`, {
      details: { tenantId: id },
    })
  }

  async #info(id: string): Promise<TenantInfo> {
    const found = (await this.list()).find(({ tenantId }) => tenantId === id)
    if (found === undefined) throw new VarveError('NOT_FOUND', `There is no tenant "${id}" here`)
    return found
  }

  async #assertNew(id: string): Promise<void> {
    const same = (await this.list()).find(({ tenantId }) => folded(tenantId) === folded(id))
    if (same !== undefined) throw exists(same.tenantId)
  }

  #configured(): ReadonlySet<string> {
    return new Set([...this.#parts.config.databases.values()].flatMap(({ tenants }) => [...tenants.keys()]))
  }

  #typesOf(id: string): readonly DatabaseType[] {
    return databaseTypes.filter((type) => this.#parts.config.databases.get(type)?.tenants.has(id) === true)
  }

  #placements(id: string, given: GivenPlacements): readonly (readonly [DatabaseType, GivenPlacement])[] {
    for (const name of Object.keys(given))
      if (!databaseTypes.some((type) => type === name))
        throw new VarveError('INVALID', `"${name}" is no database type: use ${databaseTypes.join(', ')}`)
    const made = databaseTypes.flatMap((type) => {
      const place = given[type]
      const defaults = this.#parts.config.databases.get(type)?.defaults ?? null
      if (place !== undefined) return [[type, this.#given(type, place)] as const]
      return defaults === null ? [] : [[type, this.#default(type, id, defaults)] as const]
    })
    if (made.length > 0) return made
    throw new VarveError('INVALID', `Nothing says where "${id}" goes: give placements, or configure tenantDefaults`)
  }

  #given(type: DatabaseType, given: NonNullable<GivenPlacements[DatabaseType]>): GivenPlacement {
    const { dbConnRef, dbName, spaceConnRef, bucket } = given
    const { connections, config } = this.#parts
    if (!connections.has(dbConnRef))
      throw new VarveError('INVALID', `"${type}.dbConnRef" is "${dbConnRef}", which dbConnections does not name`)
    if (!/^[A-Za-z0-9_-]{1,63}$/.test(dbName))
      throw new VarveError('INVALID', `"${type}.dbName" should be 1 to 63 of A-Z a-z 0-9 _ -`)
    if (isConfigured(config, { dbConnRef, dbName }, null))
      throw new VarveError('EXISTS', `"${type}.dbName" has a use in the configuration: choose another name`)
    if (spaceConnRef === undefined || bucket === undefined) return { dbConnRef, dbName, space: null }
    if (!config.spacesConnections.has(spaceConnRef))
      throw new VarveError(
        'INVALID',
        `"${type}.spaceConnRef" is "${spaceConnRef}", which spacesConnections does not name`,
      )
    return { dbConnRef, dbName, space: { spaceConnRef, bucket } }
  }

  #default(type: DatabaseType, id: string, { dbConnRefs, dbNamePrefix, space }: TenantDefaults): GivenPlacement {
    const dbConnRef = this.#parts.locator.choose(placeOf(type, 'tenant', id), dbConnRefs)
    return { dbConnRef, dbName: `${dbNamePrefix}${nameOf(id)}`, space }
  }
}

const configuredRow: TenantRow = {
  status: 'active',
  from: 'config',
  placements: {},
  addedAt: null,
  droppedAt: null,
  removeAfter: null,
}

/** The id itself where no other id gives the same name; a hash of it otherwise, with a letter that such an id has not. */
function nameOf(id: string): string {
  return /^[a-z0-9-]{1,38}$/.test(id) ? id : `H${toHex(primitives.sha256(utf8(id))).slice(0, 38)}_`
}

function info(tenantId: string, row: TenantRow, databases: readonly DatabaseType[]): TenantInfo {
  const { from, addedAt, droppedAt, removeAfter } = row
  const status = row.status === 'dropped' ? 'dropped' : 'active'
  return { tenantId, status, from, databases, addedAt, droppedAt, removeAfter }
}

function exists(id: string): VarveError {
  return new VarveError('EXISTS', `There is a tenant "${id}" already: choose another id`, { details: { tenantId: id } })
}
