/** The configuration file of `varve serve`: JSON, read strictly, with the names of the options. */

import { VarveError, type SinkOptions } from 'varve/engine'
import { readBlobs, readSink, type BlobsConfig } from './config-storage.ts'
import { fieldsOf, flag, invalid, listOf, oneOf, text, whole, type Fields, type Reader } from './decode.ts'
import { defaultLimits, type ServerLimits } from './limits.ts'

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevelName = (typeof logLevels)[number]

/** Who may bring a new tenant: anybody, or whoever has the token. */
export type Publish = 'open' | { readonly token: string }

/** The options of a server that a file can give; `docs/server.md` says what each means and its default. */
export interface ServerConfig {
  readonly dir?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** Paths of PEM files: the certificate with its chain, and its key. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Whose `X-Forwarded-For` counts: true for any direct peer, or addresses and networks (`10.0.0.0/8`). */
  readonly trustProxy?: boolean | readonly string[] | undefined
  readonly publish?: Publish | undefined
  /** Origins of web pages, such as `https://app.example.org`, that may use this server from a browser. */
  readonly origins?: readonly string[] | undefined
  /** Where chunks of attachments, and what sinks, are kept; the folder `blobs` in `dir` otherwise. */
  readonly blobs?: BlobsConfig | undefined
  /** Which payloads of tenants leave their stores for object storage by themselves; none when absent. */
  readonly sink?: SinkOptions | undefined
  readonly limits?: Partial<ServerLimits> | undefined
  readonly log?: { readonly level?: LogLevelName | undefined; readonly file?: string | undefined } | undefined
}

/** The configuration in `file`; throws `INVALID` that names the path of the first thing that is wrong. */
export function parseConfig(file: string): ServerConfig {
  let value: unknown
  try {
    value = JSON.parse(file)
  } catch {
    // The parser's own message quotes the file, which may hold the publish token.
    throw new VarveError('INVALID', 'The configuration file is not JSON: check quotes, commas and brackets')
  }
  return readConfig(value, '')
}

const readConfig: Reader<ServerConfig> = (value, path) => {
  const fields = fieldsOf(value, path, [
    'dir',
    'host',
    'port',
    'tls',
    'trustProxy',
    'publish',
    'origins',
    'blobs',
    'sink',
    'limits',
    'log',
  ])
  return {
    dir: fields.optional('dir', text),
    host: fields.optional('host', text),
    port: fields.optional('port', whole(0, 65_535)),
    tls: fields.optional('tls', readTls),
    trustProxy: fields.optional('trustProxy', (trust, at) =>
      typeof trust === 'boolean' ? flag(trust, at) : listOf(text)(trust, at),
    ),
    publish: fields.optional('publish', readPublish),
    origins: fields.optional('origins', listOf(readOrigin)),
    blobs: fields.optional('blobs', readBlobs),
    sink: fields.optional('sink', readSink),
    limits: fields.optional('limits', readLimits),
    log: fields.optional('log', readLog),
  }
}

const readTls: Reader<{ readonly cert: string; readonly key: string }> = (value, path) => {
  const fields = fieldsOf(value, path, ['cert', 'key'])
  return { cert: fields.required('cert', text), key: fields.required('key', text) }
}

export const readPublish: Reader<Publish> = (value, path) => {
  if (typeof value === 'string') return oneOf('open')(value, path)
  const fields = fieldsOf(value, path, ['token'])
  return { token: fields.required('token', readToken) }
}

/** An origin as browsers send it: scheme, host and port, and no path. */
export const readOrigin: Reader<string> = (value, path) => {
  const origin = text(value, path)
  if (/^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin) return origin
  return invalid(path, 'an origin such as "https://app.example.org"')
}

const readToken: Reader<string> = (value, path) => {
  const token = text(value, path)
  return /^[\x21-\x7e]{16,256}$/.test(token) ? token : invalid(path, '16 to 256 visible ASCII characters')
}

/** Every limit given, none below 1. */
export const readLimits: Reader<Partial<ServerLimits>> = (value, path) => {
  const names = Object.keys(defaultLimits)
  const fields: Fields = fieldsOf(value, path, names)
  const given: [string, number][] = []
  for (const name of names) {
    const limit = fields.optional(name, whole(1, 2 ** 31 - 1))
    if (limit !== undefined) given.push([name, limit])
  }
  return Object.fromEntries(given)
}

const readLog: Reader<NonNullable<ServerConfig['log']>> = (value, path) => {
  const fields = fieldsOf(value, path, ['level', 'file'])
  return { level: fields.optional('level', oneOf(...logLevels)), file: fields.optional('file', text) }
}
