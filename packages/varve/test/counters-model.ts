/** A naive model of counters: every version of every document, from the public history, counted one by one. */

import type { CounterRule, Database, Version } from '../src/index.ts'
import { gather, type Data } from './engine-world.ts'

export const collections = ['a', 'b'] as const
const hourMs = 3_600_000

interface Modelled {
  readonly rule: CounterRule
  readonly matches: (doc: Data) => boolean
}

/** Rules with the same conditions said twice: in the filter language, and as a function. */
const modelled: readonly Modelled[] = [
  { rule: { name: 'everything' }, matches: () => true },
  {
    rule: {
      name: 'high',
      on: ['CREATE', 'UPDATE'],
      when: { n: { $gte: 3 }, tag: { $exists: true } },
      countUnique: ['n', 'tag'],
      measure: { path: 'n', stats: ['sum', 'min', 'max', 'median'] },
      buckets: { hour: 2 },
    },
    matches: ({ n, tag }) => typeof n === 'number' && n >= 3 && tag !== undefined,
  },
  {
    rule: { name: 'gone', on: ['DELETE'], when: { tag: 'x' }, countUnique: ['n'], collections: ['a'] },
    matches: ({ tag }) => tag === 'x',
  },
]

export const modelRules = modelled.map(({ rule }) => rule)

interface Counted {
  readonly version: Version<Data>
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly ms: number
}

/** Recorded versions of a collection in the order of the record. */
async function versionsOf(database: Database, collection: string, upTo: number): Promise<readonly Counted[]> {
  const docs = database.collection<Data>(collection)
  const all: Counted[] = []
  for (const { id } of await docs.find().includeDeleted().toArray()) {
    let created = false
    for (const version of await gather(docs.history(id))) {
      if (version.recordedAt === null) continue
      const put = version.kind === 'put' && !created
      created ||= version.kind === 'put'
      const operation = version.kind === 'delete' ? 'DELETE' : put ? 'CREATE' : 'UPDATE'
      all.push({ version, operation, ms: Date.parse(version.recordedAt) })
    }
  }
  return all.filter(({ ms }) => ms <= upTo).toSorted((a, b) => a.version.cv - b.version.cv)
}

function numbers(list: readonly Counted[]) {
  const values = list.flatMap(({ version }) => (typeof version.doc?.['n'] === 'number' ? [version.doc['n']] : []))
  const sorted = values.toSorted((a, b) => a - b)
  const [lower, upper] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return {
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    min: sorted[0] ?? null,
    max: sorted.at(-1) ?? null,
    median: lower === undefined || upper === undefined ? null : (lower + upper) / 2,
    medianOf: values.length,
  }
}

function figures({ on, countUnique, measure }: CounterRule, list: readonly Counted[]) {
  const wanted = on ?? ['CREATE', 'UPDATE', 'DELETE']
  const names = { CREATE: 'created', UPDATE: 'updated', DELETE: 'deleted' } as const
  const distinct = (path: string): number =>
    new Set(
      list.flatMap(({ version }) => {
        const value = version.doc?.[path]
        return value === undefined || value === null ? [] : [JSON.stringify(value)]
      }),
    ).size
  return {
    ...Object.fromEntries(
      wanted.map((operation) => [names[operation], list.filter((each) => each.operation === operation).length]),
    ),
    ...(countUnique !== undefined && { unique: Object.fromEntries(countUnique.map((path) => [path, distinct(path)])) }),
    ...(measure !== undefined && { measure: { n: numbers(list) } }),
  }
}

function asksNothing({ when, countUnique, measure }: CounterRule): boolean {
  return when === undefined && countUnique === undefined && measure === undefined
}

function ruleModel({ rule, matches }: Modelled, collection: string, all: readonly Counted[], now: number) {
  const wanted = rule.on ?? ['CREATE', 'UPDATE', 'DELETE']
  const named = rule.collections?.includes(collection) ?? true
  const list = all.filter(({ operation, version }) => {
    if (!named || !wanted.includes(operation)) return false
    // A rule that asks for nothing in the document counts versions without one: an enrichment recorded before its put.
    return asksNothing(rule) || (version.doc !== null && matches(version.doc))
  })
  const hourOf = ({ ms }: Counted): number => Math.floor(ms / hourMs)
  const hours = [...new Set(list.map(hourOf))].filter((hour) => hour > Math.floor(now / hourMs) - 2)
  return {
    ...figures(rule, list),
    ...(rule.buckets !== undefined && {
      buckets: {
        hour: hours.map((hour) => ({
          name: new Date(hour * hourMs).toISOString().slice(0, 13),
          start: new Date(hour * hourMs).toISOString(),
          ...figures(
            rule,
            list.filter((each) => hourOf(each) === hour),
          ),
        })),
      },
    }),
  }
}

/** What `totals` should say of each collection, without its key; up to a trusted time if one is given. */
export async function modelOf(database: Database, upTo = Infinity): Promise<unknown> {
  const times = await gather(database.commits())
  const recorded = times.flatMap(({ recordedAt }) => (recordedAt === null ? [] : [Date.parse(recordedAt)]))
  const now = Math.max(0, ...recorded.filter((ms) => ms <= upTo))
  const model: Record<string, unknown> = {}
  for (const name of collections) {
    const all = await versionsOf(database, name, upTo)
    const last = all.at(-1)
    model[name] = {
      created: all.filter(({ operation }) => operation === 'CREATE').length,
      updated: all.filter(({ operation }) => operation === 'UPDATE').length,
      deleted: all.filter(({ operation }) => operation === 'DELETE').length,
      lastAt: last === undefined ? null : new Date(last.ms).toISOString(),
      rules: Object.fromEntries(modelled.map((each) => [each.rule.name, ruleModel(each, name, all, now)])),
    }
  }
  return model
}

/** The same from the counters. */
export async function countedIn(database: Database, at?: string): Promise<unknown> {
  const counted: Record<string, unknown> = {}
  for (const collection of collections) {
    const { _id, ...totals } = await database.counters.totals({ collection, ...(at !== undefined && { at }) })
    counted[collection] = totals
  }
  return counted
}
