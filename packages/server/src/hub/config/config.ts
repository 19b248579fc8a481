/** The configuration of a hub: JSON, read strictly, every problem told with its path. */

import { VarveError } from 'varve/engine'
import type { Reader } from '../../decode.ts'
import { readCluster } from './cluster.ts'
import { readDbConnections, readSpacesConnections } from './connections.ts'
import { DatabaseReader, KnownNames } from './databases.ts'
import { entriesOf, fail, Gathered, object, withDefault } from './object.ts'
import {
  readCounterRules,
  readDevShadow,
  readFallback,
  readHubFields,
  readLocalStorage,
  readLogicalDelete,
  readMaps,
  readRetention,
  readRouting,
  readSink,
  readTransactions,
  readVersioning,
  readWriteOptimization,
  type HubFields,
} from './options.ts'
import type { DatabaseConfig, DatabaseType, DbConnection, HubConfig, OwnPlace, SpacesConnection } from './types.ts'

interface Sections extends Omit<HubConfig, 'own' | 'openPlacements' | 'idleMs'> {
  readonly hub: HubFields
  readonly logicalDelete: { readonly enabled: boolean }
  readonly versioning: { readonly enabled: boolean }
  readonly transactions: { readonly enabled: boolean; readonly autoDetect: boolean }
}

/** The configuration in a JSON text; throws `INVALID` with every problem in `details.problems`. */
export function parseHubConfig(json: string): HubConfig {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    // The parser's own message quotes the text, which may hold passwords.
    throw new VarveError('INVALID', 'The configuration is not JSON: check quotes, commas and brackets')
  }
  return readHubConfig(value)
}

/** The same, of a value that was parsed already. */
export function readHubConfig(value: unknown): HubConfig {
  const all = entriesOf(value, '')
  const names = new KnownNames(keysOf(all.get('dbConnections')), keysOf(all.get('spacesConnections')))
  const {
    hub,
    logicalDelete: _,
    versioning: __,
    transactions: ___,
    ...rest
  } = object<Sections>(sections(names))(value, '')
  const gathered = new Gathered()
  let own: OwnPlace | null = null
  gathered.attempt(() => {
    own = ownPlace(rest, hub, names)
  }, 'hub')
  gathered.end()
  return { ...rest, own, openPlacements: hub.openPlacements, idleMs: hub.idleSeconds * 1_000 }
}

function sections(names: KnownNames): { readonly [Name in keyof Sections]-?: Reader<Sections[Name]> } {
  const noSpaces: ReadonlyMap<string, SpacesConnection> = new Map()
  return {
    dbConnections: readDbConnections,
    spacesConnections: withDefault(readSpacesConnections, noSpaces),
    localStorage: localStorageOf,
    databases: new DatabaseReader(names).read,
    routing: given(readRouting),
    retention: given(readRetention),
    collectionMaps: given(readMaps),
    counterRules: given(readCounterRules),
    logicalDelete: given(readLogicalDelete),
    versioning: given(readVersioning),
    transactions: given(readTransactions),
    writeOptimization: given(readWriteOptimization),
    sink: given(readSink),
    fallback: (value, path) => (value === undefined ? { enabled: false } : readFallback(value, path)),
    devShadow: (value, path) => (value === undefined ? { enabled: false } : readDevShadow(value, path)),
    hub: given(readHubFields(names.connection)),
    cluster: readCluster,
  }
}

/** A section that is absent has the defaults of all its keys. */
function given<T>(read: Reader<T>): Reader<T> {
  return (value, path) => read(value === undefined ? {} : value, path)
}

const localStorageOf: Reader<string | null> = (value, path) => {
  if (value === undefined) return null
  const { enabled, basePath } = readLocalStorage(value, path)
  if (!enabled) return null
  return basePath ?? fail(`${path}.basePath`, 'is missing: name the folder')
}

/** Names that sections refer to, whatever else is wrong with what they name. */
function keysOf(section: unknown): readonly string[] {
  return typeof section === 'object' && section !== null && !Array.isArray(section) ? Object.keys(section) : []
}

interface Placed {
  readonly dbConnections: ReadonlyMap<string, DbConnection>
  readonly databases: ReadonlyMap<DatabaseType, DatabaseConfig>
}

function ownPlace({ dbConnections, databases }: Placed, hub: HubFields, names: KnownNames): OwnPlace | null {
  const [first] = databases.get('metadata')?.generic?.dbConnRefs ?? []
  const [only, ...others] = dbConnections.keys()
  const dbConnRef = hub.dbConnRef ?? first ?? (others.length === 0 ? only : undefined)
  if (dbConnRef !== undefined) {
    names.take([dbConnRef], hub.dbName, 'hub.dbName')
    return { dbConnRef, dbName: hub.dbName }
  }
  for (const [type, database] of databases) assertSettled(type, database)
  return null
}

/** What a hub without a database of its own could not remember. */
function assertSettled(type: DatabaseType, { generic, domains, tenants, defaults }: DatabaseConfig): void {
  const all = [...(generic === null ? [] : [generic]), ...domains.values(), ...tenants.values()]
  if (defaults !== null || all.some(({ dbConnRefs }) => dbConnRefs.length > 1))
    fail(
      'hub.dbConnRef',
      `is missing: with several connections, and databases.${type} as it is, the hub must remember where data lies; name the connection for that`,
    )
}
