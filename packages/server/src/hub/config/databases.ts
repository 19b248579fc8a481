/** Reading the databases of a hub: which placement has which name on which connection, each of them once. */

import { flag, text, type Reader } from '../../decode.ts'
import { hint } from './hint.ts'
import { dbName, folded, placeId } from './names.ts'
import { entriesOf, fail, Gathered, list, object, optional, withDefault } from './object.ts'
import {
  databaseTypes,
  flatTypes,
  type DatabaseConfig,
  type DatabaseType,
  type PlacementConfig,
  type SpacePlace,
  type TenantDefaults,
} from './types.ts'

/** What placements may refer to, and the names that are taken already, with the path that took them. */
export class KnownNames {
  readonly #connections: ReadonlySet<string>
  readonly #spaces: ReadonlySet<string>
  readonly #taken = new Map<string, string>()

  constructor(connections: Iterable<string>, spaces: Iterable<string>) {
    this.#connections = new Set(connections)
    this.#spaces = new Set(spaces)
  }

  connection: Reader<string> = (value, path) => {
    const name = text(value, path)
    return this.#connections.has(name) ? name : unknown(path, name, 'dbConnections', this.#connections)
  }

  space: Reader<string> = (value, path) => {
    const name = text(value, path)
    return this.#spaces.has(name) ? name : unknown(path, name, 'spacesConnections', this.#spaces)
  }

  /** Throws `INVALID` when a name is taken on one of these connections. */
  take(connections: readonly string[], name: string, path: string): void {
    for (const connection of connections) {
      const key = `${connection}\0${folded(name)}`
      const before = this.#taken.get(key)
      if (before !== undefined)
        fail(path, `is "${name}" on "${connection}", which "${before}" has already: give each a name of its own`)
      this.#taken.set(key, path)
    }
  }
}

interface PlaceFields {
  readonly dbConnRef: readonly string[]
  readonly spaceConnRef: string | undefined
  readonly bucket: string | undefined
}

interface PlacementFields extends PlaceFields {
  readonly dbName: string
  readonly analyticsDbName: string | undefined
}

const bucket: Reader<string> = (value, path) => {
  const name = text(value, path)
  return /^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/.test(name)
    ? name
    : fail(path, 'should be the name of a bucket or container: 2 to 63 of A-Z a-z 0-9 . _ -')
}

export class DatabaseReader {
  readonly #names: KnownNames

  constructor(names: KnownNames) {
    this.#names = names
  }

  /** The section `databases`. */
  readonly read: Reader<ReadonlyMap<DatabaseType, DatabaseConfig>> = (value, path) => {
    const gathered = new Gathered()
    const made = new Map<DatabaseType, DatabaseConfig>()
    for (const [name, given] of entriesOf(value, path)) {
      const at = `${path}.${name}`
      const type = databaseTypes.find((each) => each === name)
      if (type === undefined) gathered.add(at, `is not known here: use ${databaseTypes.join(', ')}`)
      else gathered.attempt(() => made.set(type, this.#database(type, given, at)), at)
    }
    if (made.size === 0 && gathered.problems.length === 0) gathered.add(path, 'names no database: name at least one')
    gathered.end()
    return made
  }

  #database(type: DatabaseType, value: unknown, path: string): DatabaseConfig {
    const fields = entriesOf(value, path)
    const mayBeFlat = flatTypes.some((each) => each === type)
    const tier = ['genericDatabase', 'domainsDatabases', 'tenantDatabases'].find((name) => fields.has(name))
    const isPlacement = fields.has('dbName') || fields.has('dbConnRef')
    if (mayBeFlat && isPlacement && tier !== undefined)
      return fail(path, `has "${tier}" beside "dbName" or "dbConnRef": give one placement, or the tiers`)
    if (mayBeFlat && isPlacement)
      return { generic: this.#placement(value, path), domains: none, tenants: none, defaults: null, flat: true }
    const made = object<TierFields>({
      genericDatabase: optional((given, at) => this.#placement(given, at)),
      domainsDatabases: withDefault(this.#keyed('domain'), none),
      tenantDatabases: withDefault(this.#keyed('tenantId'), none),
      tenantDefaults: optional((given, at) => this.#defaults(given, at)),
    })(value, path)
    return {
      generic: made.genericDatabase ?? null,
      domains: made.domainsDatabases,
      tenants: made.tenantDatabases,
      defaults: made.tenantDefaults ?? null,
      flat: false,
    }
  }

  #keyed(field: 'domain' | 'tenantId'): Reader<ReadonlyMap<string, PlacementConfig>> {
    return (value, path) => {
      const seen = new Map<string, string>()
      const made = list<readonly [string, PlacementConfig]>((given, at) => {
        const { [field]: id, ...rest } = Object.fromEntries(entriesOf(given, at))
        const wrong = field === 'domain' ? 'tenantId' : 'domain'
        const gathered = new Gathered()
        let placement: PlacementConfig | null = null
        let key = ''
        if (Object.hasOwn(rest, wrong))
          gathered.add(`${at}.${wrong}`, `does not belong here: placements of this list have a "${field}"`)
        delete rest[wrong]
        gathered.attempt(() => {
          if (id === undefined) fail(`${at}.${field}`, `is missing: it says whose placement this is`)
          key = placeId(id, `${at}.${field}`)
          const before = seen.get(folded(key))
          if (before !== undefined)
            fail(`${at}.${field}`, `is "${key}", which "${before}" has already: upper and lower case are the same`)
          seen.set(folded(key), at)
        }, at)
        gathered.attempt(() => {
          placement = this.#placement(rest, at)
        }, at)
        gathered.end()
        return placement === null ? fail(at, 'is no placement') : [key, placement]
      })(value, path)
      return new Map(made)
    }
  }

  #placement(value: unknown, path: string): PlacementConfig {
    const fields = object<PlacementFields>({
      ...this.#placeShape,
      dbName,
      analyticsDbName: optional(dbName),
    })(value, path)
    this.#names.take(fields.dbConnRef, fields.dbName, `${path}.dbName`)
    return { dbConnRefs: fields.dbConnRef, dbName: fields.dbName, space: spaceOf(fields, path) }
  }

  #defaults(value: unknown, path: string): TenantDefaults {
    const fields = object<PlaceFields & { readonly dbNamePrefix: string }>({
      ...this.#placeShape,
      dbNamePrefix: (given, at) => {
        const prefix = dbName(given, at)
        return prefix.length <= 23 ? prefix : fail(at, 'should be at most 23 characters')
      },
    })(value, path)
    return { dbConnRefs: fields.dbConnRef, dbNamePrefix: fields.dbNamePrefix, space: spaceOf(fields, path) }
  }

  get #placeShape(): { readonly [Name in keyof PlaceFields]-?: Reader<PlaceFields[Name]> } {
    return {
      dbConnRef: (value, path) => this.#connections(value, path),
      spaceConnRef: optional(this.#names.space),
      bucket: optional(bucket),
    }
  }

  #connections(value: unknown, path: string): readonly string[] {
    if (!Array.isArray(value)) return [this.#names.connection(value, path)]
    const names = list(this.#names.connection)(value, path)
    if (names.length === 0) return fail(path, 'names no connection')
    return new Set(names).size === names.length ? names : fail(path, 'names a connection twice')
  }
}

interface TierFields {
  readonly genericDatabase: PlacementConfig | undefined
  readonly domainsDatabases: ReadonlyMap<string, PlacementConfig>
  readonly tenantDatabases: ReadonlyMap<string, PlacementConfig>
  readonly tenantDefaults: TenantDefaults | undefined
}

const none: ReadonlyMap<string, PlacementConfig> = new Map()

function spaceOf({ spaceConnRef, bucket: name }: PlaceFields, path: string): SpacePlace | null {
  if (spaceConnRef === undefined && name === undefined) return null
  if (spaceConnRef === undefined) return fail(`${path}.spaceConnRef`, 'is missing: a bucket needs it')
  return name === undefined ? fail(`${path}.bucket`, 'is missing') : { spaceConnRef, bucket: name }
}

function unknown(path: string, name: string, section: string, names: Iterable<string>): never {
  const all = [...names]
  const more = all.length === 0 ? 'name it there' : hint(name, all)
  return fail(path, `is "${name}", which ${section} does not name: ${more}`)
}

/** `enabled` of a section that may only be on; says why. */
export function alwaysOn(reason: string): Reader<boolean> {
  return (value, path) => (flag(value, path) ? true : fail(path, `cannot be false: ${reason}`))
}
