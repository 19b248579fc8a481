/** A placement that is open: its Varve tenant, its database, and what the configuration says of its collections. */

import {
  createTenant,
  openTenant,
  type Collection,
  type CollectionOptions,
  type CounterRule,
  type Database,
  type EntityMapping,
  type Tenant,
} from 'varve'
import { isVarveError, replicaOf, VarveError, type Env } from 'varve/engine'
import type { PlacedStores } from '../connections/stores.ts'
import type { CollectionMap } from '../config/types.ts'
import { defineRules } from '../counters.ts'
import { AutoIndexes } from '../collection/auto-indexes.ts'
import type { Base64Props } from '../collection/base64/places.ts'
import type { Base64Place } from '../collection/base64/write.ts'
import { requiring } from '../collection/required.ts'
import type { Kept } from '../kept/kept.ts'
import { Operations } from '../peers/operations.ts'

/** Who writes, where a write names nobody. */
const user = 'hub'
/** The database of every placement: its type may not be in the name, as a tenant is one database anywhere. */
export const databaseName = 'data'

const noProps: Base64Props = new Map()

export interface PlacementRules {
  readonly maps: ReadonlyMap<string, CollectionMap>
  readonly counterRules: readonly CounterRule[]
}

export class OpenPlacement {
  readonly tenant: Tenant
  readonly database: Database
  /** What object storage would not take; null where nothing is kept for it. */
  readonly kept: Kept | null
  /** Writes that processes of the hub may ask for again. */
  readonly operations: Operations
  readonly #hasFiles: boolean
  readonly #maps: ReadonlyMap<string, CollectionMap>
  readonly #auto = new Map<string, AutoIndexes>()

  private constructor(
    tenant: Tenant,
    database: Database,
    { blobs, kept }: PlacedStores,
    maps: ReadonlyMap<string, CollectionMap>,
    env: Env,
  ) {
    this.tenant = tenant
    this.database = database
    this.operations = new Operations({ env, store: replicaOf(database).store })
    this.kept = kept
    this.#hasFiles = blobs !== null
    this.#maps = maps
  }

  /** Opens the placement of this name, founding it when nothing is there. Throws `FORBIDDEN` when another one is. */
  static async open(name: string, stores: PlacedStores, rules: PlacementRules, env: Env): Promise<OpenPlacement> {
    const tenant = await openOrFound(name, stores, env)
    try {
      assertOwn(tenant, name)
      const database = await tenant.database(databaseName, { mode: 'open' })
      await defineRules(database, rules.counterRules, name)
      return new OpenPlacement(tenant, database, stores, rules.maps, env)
    } catch (error) {
      await tenant.close()
      throw error
    }
  }

  /** A collection with its indexes and what its documents must have. */
  collection<T>(name: string, more: CollectionOptions<T> = {}): Collection<T> {
    const map = this.#maps.get(name)
    if (map === undefined) return this.database.collection<T>(name, more)
    const indexes = [...(more.indexes ?? []), ...map.indexedProps, ...(this.#auto.get(name)?.paths ?? [])]
    const required = map.requiredIndexed
    return this.database.collection<T>(name, {
      ...more,
      indexes,
      ...(required.length === 0 ? {} : { schema: requiring<T>(name, required) }),
    })
  }

  /** Properties of a collection that are given as base64, those of entities inside its records included. */
  base64(name: string, mappings: readonly EntityMapping[] = []): Base64Place {
    const own = this.#maps.get(name)?.base64Props ?? noProps
    if (mappings.length === 0) return { props: own, hasFiles: this.#hasFiles }
    const inside = mappings.flatMap(({ property, collection }) =>
      [...(this.#maps.get(collection)?.base64Props ?? noProps)].map(
        ([path, prop]) => [`${property}.${path}`, prop] as const,
      ),
    )
    return { props: new Map([...inside, ...own]), hasFiles: this.#hasFiles }
  }

  /** What indexes a collection by what is written to it; null when its indexes are declared. */
  async autoIndexes(name: string): Promise<AutoIndexes | null> {
    if (this.#maps.get(name)?.indexedProps.length !== 0) return null
    const known = this.#auto.get(name)
    if (known !== undefined) return known
    const made = new AutoIndexes(await this.database.collection(name).declared())
    const first = this.#auto.get(name) ?? made
    this.#auto.set(name, first)
    return first
  }

  close(): Promise<void> {
    return this.tenant.close()
  }
}

/** Throws `FORBIDDEN` when it is another placement's. */
export function assertOwn(tenant: Tenant, name: string): void {
  if (tenant.name === name) return
  throw new VarveError(
    'FORBIDDEN',
    `The data of "${tenant.name}" lies where "${name}" should: correct dbName and dbConnRef in the configuration`,
    { details: { expected: name, found: tenant.name } },
  )
}

async function openOrFound(name: string, { provider, blobs }: PlacedStores, env: Env): Promise<Tenant> {
  const options = { store: provider, env, ...(blobs === null ? {} : { blobs }) }
  try {
    return await openTenant(options)
  } catch (error) {
    if (!isVarveError(error, 'NOT_FOUND')) throw error
    return createTenant({ ...options, name, user })
  }
}
