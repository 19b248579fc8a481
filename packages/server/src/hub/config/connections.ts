/** Reading the connections of a hub: databases and object storage, each named once. */

import { isAbsolute, relative, resolve } from 'node:path'
import { flag, oneOf, text, whole, type Reader } from '../../decode.ts'
import { fail, Gathered, list, named, object, optional, pathOf, withDefault } from './object.ts'
import type { DbConnection, SpacesConnection } from './types.ts'

interface ConnectionFields {
  readonly url: string | undefined
  readonly mongoUri: string | undefined
  readonly standbys: readonly string[]
  readonly maxConnections: number | undefined
  readonly heads: boolean | undefined
}

const readFields = object<ConnectionFields>({
  url: optional(text),
  mongoUri: optional(text),
  standbys: withDefault(list(text), []),
  maxConnections: optional(whole(1, 10_000)),
  heads: optional(flag),
})

const readConnection: Reader<DbConnection> = (value, path) => {
  const fields = readFields(value, path)
  const { url, mongoUri } = fields
  if (url !== undefined && mongoUri !== undefined) return fail(path, 'has "url" and "mongoUri": give one of them')
  const [name, given] = url === undefined ? ['mongoUri', mongoUri] : ['url', url]
  if (given === undefined) return fail(`${path}.url`, 'is missing')
  const connection = readUrl(given, `${path}.${name}`)
  if (mongoUri !== undefined && connection.kind !== 'mongodb')
    return fail(`${path}.mongoUri`, 'should begin with mongodb:')
  return withPool(connection, fields, path)
}

/** What only connections with a pool have. */
function withPool(
  connection: DbConnection,
  { standbys, maxConnections, heads }: ConnectionFields,
  path: string,
): DbConnection {
  if (heads !== undefined && connection.kind !== 'mongodb')
    return fail(`${path}.heads`, 'is for MongoDB: other engines have no collections that their own tools could read')
  if (standbys.length > 0 && connection.kind !== 'postgres')
    return fail(`${path}.standbys`, 'is for PostgreSQL: name all members of a replica set in the URL')
  for (const [i, standby] of standbys.entries())
    if (readUrl(standby, `${path}.standbys[${i}]`).kind !== 'postgres')
      return fail(`${path}.standbys[${i}]`, 'should begin with postgres:')
  if (connection.kind === 'postgres') return { ...connection, standbys, maxConnections: maxConnections ?? null }
  if (connection.kind === 'mongodb')
    return { ...connection, maxConnections: maxConnections ?? null, heads: heads === true }
  return maxConnections === undefined ? connection : fail(`${path}.maxConnections`, 'is for PostgreSQL and MongoDB')
}

/** The message never quotes the text: it may hold a password. */
function readUrl(url: string, path: string): DbConnection {
  if (/^memory:[A-Za-z0-9_-]*$/.test(url)) return { kind: 'memory', url }
  if (url.startsWith('sqlite:')) {
    const dir = url.slice('sqlite:'.length)
    return dir === '' || dir.includes('\0')
      ? fail(path, 'names no folder: write sqlite:./data')
      : { kind: 'sqlite', url, dir: resolve(dir) }
  }
  if (/^postgres(?:ql)?:\/\/./.test(url)) return { kind: 'postgres', url, standbys: [], maxConnections: null }
  if (/^mongodb(?:\+srv)?:\/\/./.test(url)) return { kind: 'mongodb', url, maxConnections: null, heads: false }
  if (/\$\{|^\$|^process\.env|^%.*%$/.test(url))
    return fail(
      path,
      'looks like a variable: nothing is filled in, so write the URL itself, or make the file from a template',
    )
  return fail(path, 'should be sqlite:DIR, memory:, postgres://…, mongodb://… or mongodb+srv://…')
}

/** The connections to databases; two to one place are refused. */
export const readDbConnections: Reader<ReadonlyMap<string, DbConnection>> = (value, path) => {
  const connections = named(readConnection)(value, path)
  const gathered = new Gathered()
  const before: [string, DbConnection][] = []
  for (const [name, connection] of connections) {
    const same = before.find(([, other]) => overlap(other, connection))
    if (same !== undefined)
      gathered.add(pathOf(path, name), `leads to the same place as "${same[0]}": name one, and refer to it twice`)
    before.push([name, connection])
  }
  if (connections.size === 0) gathered.add(path, 'names no connection: name at least one')
  gathered.end()
  return connections
}

function overlap(a: DbConnection, b: DbConnection): boolean {
  if (a.url === 'memory:') return false
  if (a.kind === 'sqlite' && b.kind === 'sqlite') return within(a.dir, b.dir) || within(b.dir, a.dir)
  const others = serversOf(b)
  return serversOf(a).some((url) => others.includes(url))
}

function serversOf(connection: DbConnection): readonly string[] {
  return connection.kind === 'postgres' ? [connection.url, ...connection.standbys] : [connection.url]
}

/** Removing a database removes its folder, so none may lie in another's. */
function within(outer: string, inner: string): boolean {
  const way = relative(outer, inner)
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way))
}

const endpoint: Reader<string> = (value, path) => {
  const given = text(value, path)
  if (/^https?:/.test(given) && URL.canParse(given) && new URL(given).username === '') return given
  return fail(path, 'should be a URL with https:// or http:// and without a password, such as https://s3.amazonaws.com')
}

interface SpacesFields extends Omit<SpacesConnection, 'kind'> {
  readonly kind: 's3' | 'azure' | undefined
}

const readSpaces: Reader<SpacesConnection> = (value, path) => {
  const fields = object<SpacesFields>({
    kind: optional(oneOf('s3', 'azure')),
    endpoint,
    region: optional(text),
    accessKey: optional(text),
    secretKey: optional(text),
    forcePathStyle: optional(flag),
  })(value, path)
  if ((fields.accessKey === undefined) !== (fields.secretKey === undefined))
    return fail(path, 'has "accessKey" or "secretKey": give both or neither')
  return { ...fields, kind: fields.kind ?? kindOf(fields.endpoint) }
}

function kindOf(url: string): 's3' | 'azure' {
  return new URL(url).hostname.endsWith('.blob.core.windows.net') ? 'azure' : 's3'
}

export const readSpacesConnections: Reader<ReadonlyMap<string, SpacesConnection>> = named(readSpaces)

/** A URL for people: without user, password and options. */
export function shownUrl(url: string): string {
  if (!url.includes('://')) return url
  const [scheme = '', rest = ''] = url.split('://', 2)
  const authority = rest.split('/', 1)[0] ?? ''
  const hosts = authority.slice(authority.lastIndexOf('@') + 1)
  return `${scheme}://${hosts.split('?', 1)[0] ?? ''}`
}
