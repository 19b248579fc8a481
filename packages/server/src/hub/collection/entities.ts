/** Related entities across placements: those elsewhere are saved first, each merged; those here go into the record's commit. */

import type { CreateOptions, Doc, EntityMapping, JsonObject, SavedEntity } from 'varve'
import { isVarveError, VarveError } from 'varve/engine'
import { databaseTypes, type DatabaseType } from '../config/types.ts'
import { placeId, placeOf, type Place, type Tier } from '../context.ts'
import type { LinkOptions } from './base64/read.ts'
import type { HubCollection } from './hub-collection.ts'
import { valueAt } from './paths.ts'

/** Where an entity is kept; what is left out is as for the record. The tenant is always that of the record. */
export interface HubEntityMapping extends EntityMapping {
  readonly databaseType?: DatabaseType
  readonly tier?: Tier
  /** For the tier `domain`, when the record is in no domain. */
  readonly domain?: string
}

export interface SavedWithEntities {
  readonly id: string
  readonly entities: ReadonlyMap<string, SavedEntity>
}

export interface RecordWithEntities<T> {
  readonly record: Doc<T>
  readonly entities: ReadonlyMap<string, Doc>
}

/** A handle in another place, of the same hub. */
export type Neighbour = (place: Place, name: string) => HubCollection<JsonObject>

interface Sorted {
  readonly here: readonly EntityMapping[]
  readonly elsewhere: readonly { readonly place: Place; readonly mapping: EntityMapping }[]
}

/**
 * Saves a record and its entities. Throws what saving throws; when entities elsewhere were saved by then, they are listed
 * in `details.saved`, and doing it all again is safe.
 */
export async function saveWithEntities<T>(
  record: HubCollection<T>,
  neighbour: Neighbour,
  data: T,
  mappings: readonly HubEntityMapping[],
  options: CreateOptions,
): Promise<SavedWithEntities> {
  const { here, elsewhere } = sorted(record.place, mappings)
  const saved = new Map<string, SavedEntity>()
  try {
    for (const { place, mapping } of elsewhere) {
      const entity = entityIn(data, mapping)
      if (entity !== null)
        saved.set(mapping.property, await saveOne(neighbour(place, mapping.collection), entity, mapping, options))
    }
    const made = await record.createHere(data, here, options)
    return { id: made.id, entities: new Map([...saved, ...made.entities]) }
  } catch (error) {
    if (saved.size === 0 || !isVarveError(error)) throw error
    throw new VarveError(error.code, `${error.message} (its entities ${[...saved.keys()].join(', ')} were saved)`, {
      details: { ...error.details, saved: Object.fromEntries(saved) },
      retryable: error.retryable,
      cause: error,
    })
  }
}

/** The record and its entities as they are now; throws `NOT_FOUND` without the record. */
export async function readWithEntities<T>(
  record: HubCollection<T>,
  neighbour: Neighbour,
  id: string,
  mappings: readonly HubEntityMapping[],
  options: LinkOptions,
): Promise<RecordWithEntities<T>> {
  const { here, elsewhere } = sorted(record.place, mappings)
  const found = await record.getHere(id, here, options)
  const entities = new Map<string, Doc>(found.entities)
  for (const { place, mapping } of elsewhere) {
    const entity = entityIn(found.record, mapping)
    if (entity === null) continue
    const doc = await neighbour(place, mapping.collection)
      .find({ [mapping.keyProperty]: keyOf(entity, mapping) }, options)
      .first()
    if (doc !== null) entities.set(mapping.property, doc)
  }
  return { record: found.record, entities }
}

async function saveOne(
  handle: HubCollection<JsonObject>,
  entity: JsonObject,
  { keyProperty }: EntityMapping,
  { actor, reason, signal }: CreateOptions,
): Promise<SavedEntity> {
  const options = {
    ...(actor === undefined ? {} : { actor }),
    ...(reason === undefined ? {} : { reason }),
    ...(signal === undefined ? {} : { signal }),
  }
  const { id, created, changed } = await handle.upsert([keyProperty], entity, options)
  return { id, operation: created ? 'created' : changed ? 'updated' : 'unchanged' }
}

function sorted(record: Place, mappings: readonly HubEntityMapping[]): Sorted {
  const placed = mappings.map(({ databaseType, tier, domain, ...mapping }) => ({
    mapping,
    place: placeFor(record, { databaseType, tier, domain }, mapping.property),
  }))
  const names = new Set(mappings.map(({ property }) => property))
  if (names.size < mappings.length)
    throw new VarveError('INVALID', 'Two mappings of entities name one property: give each property once')
  return {
    here: placed.filter(({ place }) => place.name === record.name).map(({ mapping }) => mapping),
    elsewhere: placed.filter(({ place }) => place.name !== record.name),
  }
}

interface Given {
  readonly databaseType: DatabaseType | undefined
  readonly tier: Tier | undefined
  readonly domain: string | undefined
}

function placeFor(record: Place, given: Given, property: string): Place {
  const type = given.databaseType ?? record.databaseType
  if (!databaseTypes.includes(type))
    throw new VarveError(
      'INVALID',
      `The mapping of "${property}" names no database type: use ${databaseTypes.join(', ')}`,
    )
  const tier = given.tier ?? record.tier
  if (tier === 'generic') return placeOf(type, tier, null)
  if (tier === 'domain' && (given.domain !== undefined || record.tier !== 'domain'))
    return placeOf(type, tier, placeId(given.domain, 'domain'))
  if (tier === record.tier) return placeOf(type, tier, record.id)
  throw new VarveError('INVALID', `The mapping of "${property}" is of the ${tier} tier, and the record has no ${tier}`)
}

/** The entity that a record holds; null when there is none. Throws `INVALID` for one without a key. */
function entityIn(data: unknown, mapping: EntityMapping): JsonObject | null {
  const entity = valueAt(data, mapping.property)
  if (entity === undefined || entity === null) return null
  if (!isObject(entity))
    throw new VarveError(
      'INVALID',
      `"${mapping.property}" is to be an entity, an object with "${mapping.keyProperty}"`,
      {
        details: { path: mapping.property },
      },
    )
  keyOf(entity, mapping)
  return entity
}

function keyOf(entity: JsonObject, { property, keyProperty }: EntityMapping): string | number {
  const key = valueAt(entity, keyProperty)
  if (typeof key === 'string' || typeof key === 'number') return key
  const path = `${property}.${keyProperty}`
  throw new VarveError('INVALID', `An entity is known by its key: give "${path}" a text or a number`, {
    details: { path },
  })
}

/** The engine refuses what is no JSON when it is saved. */
function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
