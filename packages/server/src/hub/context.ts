/** Contexts: who asks for what. The hub derives the place of data from them, and from nothing else. */

import { checkName, VarveError } from 'varve/engine'
import { isPlaceId } from './config/names.ts'
import { databaseTypes, flatTypes, type DatabaseType } from './config/types.ts'

export type Tier = 'generic' | 'domain' | 'tenant'
type FlatType = (typeof flatTypes)[number]

/** A database of one tenant. */
interface TenantPlace {
  readonly databaseType: DatabaseType
  readonly tier: 'tenant'
  readonly tenantId: string
}

/** A database that the tenants of a domain share. */
interface DomainPlace {
  readonly databaseType: DatabaseType
  readonly tier: 'domain'
  readonly domain: string
}

/** A database for all. */
interface GenericPlace {
  readonly databaseType: DatabaseType
  readonly tier: 'generic'
}

/** The same, of a type that has one database only. */
interface FlatPlace {
  readonly databaseType: FlatType
}

export type HubPlace = TenantPlace | DomainPlace | GenericPlace | FlatPlace

/** What `hub.with` takes. */
export type HubContext = HubPlace & { readonly collection: string }

/** A context that was checked: nobody can change it afterwards. */
export interface Place {
  readonly databaseType: DatabaseType
  readonly tier: Tier
  /** Of the tenant or domain; null for the generic tier. */
  readonly id: string | null
  /** `runtime/tenant/tenant-a`, `logs/generic`: the name under which the placement was founded. */
  readonly name: string
}

export function placeOf(databaseType: DatabaseType, tier: Tier, id: string | null): Place {
  return { databaseType, tier, id, name: id === null ? `${databaseType}/${tier}` : `${databaseType}/${tier}/${id}` }
}

/** A place in the words of a context. */
export function namedPlace({ databaseType, tier, id }: Place): HubPlace {
  if (tier === 'generic' || id === null) return { databaseType, tier: 'generic' }
  return tier === 'tenant' ? { databaseType, tier, tenantId: id } : { databaseType, tier, domain: id }
}

/** Throws `INVALID`, naming the field, unless the context has the fields of its tier and no others. */
export function parsePlace(given: unknown): Place {
  return place(ownFields(given), [])
}

export function parseContext(given: unknown): { readonly place: Place; readonly collection: string } {
  const fields = ownFields(given)
  return { place: place(fields, ['collection']), collection: checkName(fields.get('collection'), 'collection') }
}

function place(fields: ReadonlyMap<string, unknown>, more: readonly string[]): Place {
  const type = oneOf(fields, 'databaseType', databaseTypes)
  const flat = flatTypes.some((each) => each === type)
  const tier = flat && !fields.has('tier') ? 'generic' : oneOf(fields, 'tier', ['generic', 'domain', 'tenant'])
  const own = idField(tier)
  const allowed = ['databaseType', 'tier', ...(own === null ? [] : [own]), ...more]
  for (const name of fields.keys())
    if (!allowed.includes(name)) refuse(name, `has no place in a context of the ${tier} tier`)
  return placeOf(type, tier, own === null ? null : placeId(fields.get(own), own))
}

function idField(tier: Tier): 'tenantId' | 'domain' | null {
  return tier === 'generic' ? null : tier === 'tenant' ? 'tenantId' : 'domain'
}

/** Throws `INVALID` unless a text can be the id of a tenant or the name of a domain. */
export function placeId(value: unknown, field: string): string {
  if (value === undefined) return refuse(field, 'is missing')
  return isPlaceId(value)
    ? value
    : refuse(field, 'should be 1 to 96 of A-Z a-z 0-9 . _ : @ - and begin with a letter or a digit')
}

function oneOf<T extends string>(fields: ReadonlyMap<string, unknown>, name: string, words: readonly T[]): T {
  const value = fields.get(name)
  return words.find((word) => word === value) ?? refuse(name, `should be one of ${words.join(', ')}`)
}

function ownFields(given: unknown): ReadonlyMap<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new VarveError(
      'INVALID',
      'A context should be an object such as { databaseType, tier, tenantId, collection }',
    )
  return new Map<string, unknown>(Object.entries(given).filter(([, value]) => value !== undefined))
}

function refuse(field: string, problem: string): never {
  throw new VarveError('INVALID', `The context cannot be used: "${field}" ${problem}`, { details: { path: field } })
}
