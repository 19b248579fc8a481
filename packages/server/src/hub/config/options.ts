/** Reading the options of a hub: routing, retention, collection maps, counter rules, and how writes are carried out. */

import type { CounterRule, SinkOptions } from 'varve'
import { limits, parseRules, ruleGiven } from 'varve/engine'
import { flag, oneOf, text, whole, type Reader } from '../../decode.ts'
import { alwaysOn } from './databases.ts'
import { dbName } from './names.ts'
import { anything, fail, Gathered, list, named, object, optional, withDefault } from './object.ts'
import {
  routingFields,
  type Base64Prop,
  type CollectionMap,
  type DevShadow,
  type Fallback,
  type Retention,
  type Routing,
  type RoutingField,
  type WriteOptimization,
} from './types.ts'

const many = whole(1, 1_000_000)
const manyMs = whole(0, 86_400_000)

const chooseKey: Reader<readonly RoutingField[]> = (value, path) => {
  const names = text(value, path).split('|')
  const fields = names.flatMap((name) => routingFields.find((field) => field === name.trim()) ?? [])
  return fields.length === names.length
    ? fields
    : fail(path, `should be one or several of ${routingFields.join(', ')}, with | between`)
}

export const readRouting: Reader<Routing> = object<Routing>({
  hashAlgo: withDefault(oneOf('rendezvous', 'jump'), 'rendezvous'),
  chooseKey: (value, path) => (value === undefined ? null : chooseKey(value, path)),
})

export const readRetention: Reader<Retention> = object<Retention>({
  ver: withDefault(object<Retention['ver']>({ days: optional(many), maxPerItem: optional(many) }), {}),
  counters: withDefault(
    object<Retention['counters']>({
      days: optional(whole(1, 10_000)),
      weeks: optional(whole(1, 10_000)),
      months: optional(whole(1, 10_000)),
    }),
    {},
  ),
})

interface MapFields {
  readonly indexedProps: readonly string[]
  readonly base64Props: ReadonlyMap<string, Base64Prop>
  readonly validation: { readonly requiredIndexed: readonly string[] }
}

const readMap: Reader<CollectionMap> = (value, path) => {
  const { indexedProps, base64Props, validation } = object<MapFields>({
    indexedProps: list(attributePath),
    base64Props: withDefault(readBase64Props, new Map()),
    validation: withDefault(
      object<MapFields['validation']>({ requiredIndexed: withDefault(list(attributePath), []) }),
      { requiredIndexed: [] },
    ),
  })(value, path)
  if (new Set(indexedProps).size < indexedProps.length) return fail(`${path}.indexedProps`, 'names a path twice')
  const { requiredIndexed } = validation
  const stray = requiredIndexed.findIndex((name) => indexedProps.length > 0 && !indexedProps.includes(name))
  if (stray >= 0) return fail(`${path}.validation.requiredIndexed[${stray}]`, 'is not among indexedProps: add it there')
  return { indexedProps, requiredIndexed, base64Props }
}

const readBase64Props: Reader<ReadonlyMap<string, Base64Prop>> = (value, path) => {
  const shape = { contentType: text, preferredText: optional(flag), textCharset: optional(charset) }
  const props = named(object<Base64Prop>(shape))(value, path)
  for (const name of props.keys()) {
    const at = `${path}.${name}`
    attributePath(name, at)
    if (name === 'id' || name.startsWith('id.')) return fail(at, 'is the id of the document: choose another property')
    const outer = [...props.keys()].find((other) => name.startsWith(`${other}.`))
    if (outer !== undefined) return fail(at, `lies inside "${outer}": name one of them`)
  }
  return props
}

/** A name that `TextDecoder` knows. */
const charset: Reader<string> = (value, path) => {
  const name = text(value, path)
  try {
    return new TextDecoder(name).encoding === '' ? fail(path, 'names no charset') : name
  } catch {
    return fail(path, 'names no charset that is known here: use a name such as utf-8 or windows-1252')
  }
}

/** A path that an index can have. */
const attributePath: Reader<string> = (value, path) => {
  const name = text(value, path)
  return name.split('.').includes('') || /^[_$]/.test(name) || name.length > 128
    ? fail(path, 'should be a path such as address.city')
    : name
}

export const readMaps: Reader<ReadonlyMap<string, CollectionMap>> = named(readMap)

/** The rules are checked as the engine checks them. */
export const readCounterRules: Reader<readonly CounterRule[]> = (value, path) => {
  const { rules } = object<{ readonly rules: readonly unknown[] }>({ rules: withDefault(list(anything), []) })(
    value,
    path,
  )
  const gathered = new Gathered()
  for (const [i, rule] of rules.entries())
    gathered.attempt(
      () => parseRules([rule]),
      `${path}.rules[${i}]`,
      (at) => at.replace(/^rules\[0\]/, `${path}.rules[${i}]`),
    )
  gathered.end()
  // What is wrong with all of them together: two of one name, or too many.
  gathered.attempt(
    () => parseRules(rules),
    `${path}.rules`,
    (at) => `${path}.${at}`,
  )
  gathered.end()
  return parseRules(rules).map(ruleGiven)
}

export const readLogicalDelete = object<{ readonly enabled: boolean }>({
  enabled: withDefault(alwaysOn('a delete is a version, and can be undone'), true),
})

export const readVersioning = object<{ readonly enabled: boolean }>({
  enabled: withDefault(alwaysOn('every version is kept'), true),
})

/** Every write is one atomic step on every engine: both are read, and change nothing. */
export const readTransactions = object<{ readonly enabled: boolean; readonly autoDetect: boolean }>({
  enabled: withDefault(flag, true),
  autoDetect: withDefault(flag, true),
})

export const readWriteOptimization = object<WriteOptimization>({
  batchSize: optional(many),
  debounceMs: optional(manyMs),
  compressionEnabled: optional(flag),
})

export const readFallback = object<Fallback>({
  enabled: flag,
  maxRetries: optional(whole(0, 1_000)),
  retryDelayMs: optional(manyMs),
  maxDelayMs: optional(manyMs),
  deadLetterCollection: optional(text),
})

export const readDevShadow = object<DevShadow>({
  enabled: flag,
  ttlHours: optional(many),
  maxBytesPerDoc: optional(whole(1, 2 ** 31)),
})

export const readLocalStorage = object<{ readonly enabled: boolean; readonly basePath: string | undefined }>({
  enabled: flag,
  basePath: optional(text),
})

interface SinkFields extends SinkBounds {
  readonly enabled: boolean
}

interface SinkBounds {
  readonly afterDays: number | undefined
  readonly keepCommits: number | undefined
  readonly keepBytes: number | undefined
  readonly segmentBytes: number | undefined
}

const sinkFields = object<SinkFields>({
  enabled: withDefault(flag, true),
  afterDays: optional(whole(0, 36_500)),
  keepCommits: optional(whole(0, 2 ** 40)),
  keepBytes: optional(whole(0, 2 ** 50)),
  segmentBytes: optional(whole(1, limits.segmentAimBytes)),
})

export const readSink: Reader<SinkOptions | null> = (value, path) => {
  const { enabled, afterDays, keepCommits, keepBytes, segmentBytes } = sinkFields(value, path)
  if (!enabled) return null
  return {
    ...(afterDays === undefined ? {} : { afterDays }),
    ...(keepCommits === undefined ? {} : { keepCommits }),
    ...(keepBytes === undefined ? {} : { keepBytes }),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  }
}

export interface HubFields {
  readonly dbConnRef: string | undefined
  readonly dbName: string
  readonly openPlacements: number
  readonly idleSeconds: number
}

/** The hub's own section, given what reads the name of a connection. */
export function readHubFields(connection: Reader<string>): Reader<HubFields> {
  return object<HubFields>({
    dbConnRef: optional(connection),
    dbName: withDefault(dbName, 'varve_hub'),
    openPlacements: withDefault(whole(1, 100_000), 100),
    idleSeconds: withDefault(whole(1, 86_400), 60),
  })
}
