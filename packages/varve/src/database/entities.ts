/** Related entities: parts of a record that are also documents of their own, found by a key property. */

import type { Doc } from '../document/head.ts'
import { valueAt } from '../document/tree.ts'
import { newId } from '../encoding/id.ts'
import { isJsonObject, type JsonObject } from '../encoding/json.ts'
import { splitPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { parseDocument } from './change.ts'
import type { Space } from './space.ts'
import type { Transaction } from './transaction.ts'
import type { WriteOptions } from './types.ts'
import { idFromKeys, keyValues, refuseSealedKeys } from './upsert.ts'

/** Says that `property` of a record holds an entity of `collection`, told apart by its `keyProperty`. */
export interface EntityMapping {
  /** Path in the record, with dots. */
  readonly property: string
  readonly collection: string
  /** Path in the entity, with dots; declare an index on it. */
  readonly keyProperty: string
}

export interface SavedEntity {
  readonly id: string
  readonly operation: 'created' | 'updated' | 'unchanged'
}

/** By the property of the mapping; a record without this property has no such entity. */
export type SavedEntities = ReadonlyMap<string, SavedEntity>

/** The database around a collection. */
export interface Neighbours {
  space(name: string): Space
  transact<R>(work: (tx: Transaction) => Promise<R>, options: WriteOptions): Promise<R>
}

/** Saves the entities of a record: merges into those that are there, creates the others. Throws `INVALID`, naming the path. */
export async function saveEntities(
  tx: Transaction,
  neighbours: Neighbours,
  data: unknown,
  mappings: readonly EntityMapping[],
): Promise<SavedEntities> {
  const { attributes } = parseDocument(data, 'A record with entities')
  const saved = new Map<string, SavedEntity>()
  for (const mapping of distinct(mappings)) {
    const entity = entityIn(attributes, mapping)
    if (entity !== null) saved.set(mapping.property, await saveEntity(tx, neighbours, entity, mapping))
  }
  return saved
}

async function saveEntity(
  tx: Transaction,
  neighbours: Neighbours,
  entity: JsonObject,
  { collection: name, keyProperty }: EntityMapping,
): Promise<SavedEntity> {
  const space = neighbours.space(name)
  const keys = keyValues([keyProperty], entity)
  refuseSealedKeys(space, keys)
  const collection = tx.collection<JsonObject>(name)
  const known = await findEntity(tx, entity, { collection: name, keyProperty })
  const fromKeys = idFromKeys(space, keys)
  // Not found, but made earlier in this transaction: two properties may hold one entity.
  const made = known === null ? await collection.get(fromKeys) : null
  const isSame = made !== null && keyOf(made, keyProperty) === keyOf(entity, keyProperty)
  if (known === null && !isSame) {
    const { env } = space.replica.context
    // The document of this id has another key by now: the key is free, the id is not.
    const id = made === null ? fromKeys : newId(env.now(), env.random(10))
    await collection.create(entity, { id })
    return { id, operation: 'created' }
  }
  const id = known?.id ?? fromKeys
  const { changed } = await collection.enrich(id, entity)
  return { id, operation: changed ? 'updated' : 'unchanged' }
}

/** The entities of a record as they are now; one that is gone is left out. */
export async function readEntities(
  tx: Transaction,
  record: JsonObject,
  mappings: readonly EntityMapping[],
): Promise<ReadonlyMap<string, Doc>> {
  const found = new Map<string, Doc>()
  for (const mapping of distinct(mappings)) {
    const entity = entityIn(record, mapping)
    const doc = entity === null ? null : await findEntity(tx, entity, mapping)
    if (doc !== null) found.set(mapping.property, doc)
  }
  return found
}

async function findEntity(
  tx: Transaction,
  entity: JsonObject,
  { collection, keyProperty }: Pick<EntityMapping, 'collection' | 'keyProperty'>,
): Promise<Doc | null> {
  const key = keyOf(entity, keyProperty)
  if (typeof key !== 'string' && typeof key !== 'number') return null
  return tx
    .collection<JsonObject>(collection)
    .find({ [keyProperty]: { $eq: key } })
    .first()
}

/** The entity a record holds at the mapping's property; null when there is none. */
function entityIn(record: JsonObject, { property, keyProperty }: EntityMapping): JsonObject | null {
  const value = valueAt(record, splitPath(property))
  if (value === undefined || value === null) return null
  const path = `${property}.${keyProperty}`
  if (!isJsonObject(value))
    throw new VarveError('INVALID', `"${property}" is to be an entity, an object with "${keyProperty}"`, {
      details: { path: property },
    })
  const key = keyOf(value, keyProperty)
  if (typeof key === 'string' || typeof key === 'number') return value
  throw new VarveError('INVALID', `An entity is known by its key: give "${path}" a text or a number`, {
    details: { path },
  })
}

function keyOf(entity: JsonObject, keyProperty: string): unknown {
  return valueAt(entity, splitPath(keyProperty))
}

function distinct(mappings: readonly EntityMapping[]): readonly EntityMapping[] {
  const properties = new Set(mappings.map(({ property }) => property))
  if (properties.size === mappings.length) return mappings
  throw new VarveError('INVALID', 'Two mappings of entities name one property: give each property once')
}
