/** Reading settings and knowledge across tiers: the tenant's first, or all of them merged. */

import type { Filter, JsonObject } from 'varve'
import { isVarveError, mergeObjects, VarveError } from 'varve/engine'
import type { Neighbour } from './collection/entities.ts'
import type { HubCollection } from './collection/hub-collection.ts'
import type { DatabaseType } from './config/types.ts'
import { placeId, placeOf, type Place, type Tier } from './context.ts'
import { isNowhere, type Locator } from './placement/locate.ts'

export interface KnowledgeOptions {
  readonly tenantId?: string
  readonly domain?: string
  /** False (default): the first of tenant, domain, generic. True: generic, then domain, then tenant, merged. */
  readonly merge?: boolean
  readonly mergeOptions?: { readonly dedupeArrays?: boolean }
}

export interface Knowledge<T = JsonObject> {
  readonly data: T
  /** In the order in which they were merged. */
  readonly tiersFound: readonly Tier[]
  readonly tierRecords: { readonly [Name in Tier]?: JsonObject }
}

interface Found {
  readonly tier: Tier
  readonly record: JsonObject
}

const known = ['tenantId', 'domain', 'merge', 'mergeOptions']

/** Reads one database type across its tiers. */
export class TieredReader {
  readonly #type: DatabaseType
  readonly #handle: Neighbour
  readonly #locator: Locator

  constructor(type: DatabaseType, handle: Neighbour, locator: Locator) {
    this.#type = type
    this.#handle = handle
    this.#locator = locator
  }

  /** Null when no tier has a document. Throws `NOT_FOUND` for a tenant nobody knows, and what a tier that fails throws. */
  async read(collection: string, filter: Filter<JsonObject>, options: KnowledgeOptions): Promise<Knowledge | null> {
    const places = await this.#places(options)
    if (options.merge !== true) {
      for (const place of places.toReversed()) {
        const record = await this.#record(place, collection, filter)
        if (record !== null) return { data: record, tiersFound: [place.tier], tierRecords: { [place.tier]: record } }
      }
      return null
    }
    const records = await Promise.all(places.map((place) => this.#record(place, collection, filter)))
    const found = places.flatMap(({ tier }, i): Found[] => {
      const record = records[i] ?? null
      return record === null ? [] : [{ tier, record }]
    })
    return found.length === 0 ? null : merged(found)
  }

  /** Generic, domain, tenant, as far as they are asked for. */
  async #places(options: KnowledgeOptions): Promise<readonly Place[]> {
    for (const name of Object.keys(options))
      if (!known.includes(name)) throw new VarveError('INVALID', `"${name}" is not known here: use ${known.join(', ')}`)
    if (options.mergeOptions?.dedupeArrays === false)
      throw new VarveError('UNSUPPORTED', '"mergeOptions.dedupeArrays" cannot be false: arrays are united')
    const places = [placeOf(this.#type, 'generic', null)]
    if (options.domain !== undefined) places.push(placeOf(this.#type, 'domain', placeId(options.domain, 'domain')))
    if (options.tenantId === undefined) return places
    const id = placeId(options.tenantId, 'tenantId')
    if (!(await this.#locator.knowsTenant(id)))
      throw new VarveError('NOT_FOUND', `There is no tenant "${id}" here: configure it, or add it`, {
        details: { tenantId: id },
      })
    return [...places, placeOf(this.#type, 'tenant', id)]
  }

  async #record(place: Place, name: string, filter: Filter<JsonObject>): Promise<JsonObject | null> {
    try {
      if ((await this.#locator.configured(place)) === null) return null
      return await firstOf(this.#handle(place, name), filter)
    } catch (error) {
      if (isNowhere(error, place)) return null
      throw tierError(place.tier, name, error)
    }
  }
}

async function firstOf(collection: HubCollection<JsonObject>, filter: Filter<JsonObject>): Promise<JsonObject | null> {
  const found = await collection.find(filter).first()
  if (found === null) return null
  const { id: _, _system, ...record } = found
  return record
}

/** Later tiers are merged into earlier ones as `enrich` does. */
export function merged(found: readonly Found[]): Knowledge {
  const owned = new WeakSet<object>()
  const data = found.reduce<JsonObject>((all, { record }) => mergeObjects(all, record, owned), {})
  return {
    data,
    tiersFound: found.map(({ tier }) => tier),
    tierRecords: Object.fromEntries(found.map(({ tier, record }) => [tier, record])),
  }
}

function tierError(tier: Tier, collection: string, error: unknown): VarveError {
  const code = isVarveError(error) ? error.code : 'STORE_FAILED'
  const why = error instanceof Error ? error.message : String(error)
  return new VarveError(code, `The ${tier} tier of "${collection}" could not be read: ${why}`, {
    details: { ...(isVarveError(error) ? error.details : {}), tier, collection },
    cause: error,
    ...(isVarveError(error) ? { retryable: error.retryable } : {}),
  })
}
