/** Everything a tenant of a hub holds: what the process says of it, and how its parent reads that. */

import type { Hub } from '@varve/server/hub'
import { fieldsOf, listOf, maybe, numberOf, textOf, type Fields } from '../read.ts'
import { placed } from '../names.ts'
import { runtime } from './names.ts'

interface HubVersion {
  readonly ov: number
  /** The token of the write; null where none was given. */
  readonly reason: string | null
  readonly kind: string
}

export interface HubDocument {
  /** As `collection/id`. */
  readonly name: string
  readonly data: Fields
  readonly versions: readonly HubVersion[]
}

export interface HubTotals {
  readonly created: number
  readonly updated: number
  readonly deleted: number
  /** What the rule of the world counted; null without it. */
  readonly ruled: number | null
  readonly unique: number | null
}

export interface TenantReport {
  readonly documents: readonly HubDocument[]
  /** What `verify` of the log and of the counters found, and duplicates. */
  readonly problems: readonly string[]
  readonly totals: ReadonlyMap<string, HubTotals>
}

export async function makeReport(hub: Hub, tenantId: string): Promise<unknown> {
  const place = runtime(tenantId)
  const { names, problems } = await hub.using(place, async (database) => {
    const [log, counters] = [await database.verify(), await database.counters.verify()]
    const found = log.problems.map(({ code, where }) => `verify: ${code} ${where}`)
    found.push(...counters.problems.map(({ where }) => `counters: ${where}`))
    return { names: database.collections(), problems: found }
  })
  const documents: unknown[] = []
  const totals: unknown[] = []
  for (const collection of names) {
    const handle = hub.with({ ...place, collection })
    for (const data of await handle.find().includeDeleted().toArray()) {
      const versions: unknown[] = []
      for await (const { ov, reason, kind } of handle.history(data.id)) versions.push({ ov, reason, kind })
      documents.push({ name: placed(collection, data.id), data, versions })
    }
    for (const { ids } of await handle.duplicates()) problems.push(`duplicates in ${collection}: ${ids.join()}`)
    totals.push({ collection, ...(await hub.counters.getTotals({ ...place, collection })) })
  }
  return { documents, problems, totals }
}

export function readTenantReport(value: unknown): TenantReport {
  const { documents, problems, totals } = fieldsOf(value)
  return {
    documents: listOf(documents, (each) => {
      const { name, data, versions } = fieldsOf(each)
      return { name: textOf(name), data: fieldsOf(data), versions: listOf(versions, readVersion) }
    }),
    problems: listOf(problems, textOf),
    totals: new Map(listOf(totals, readTotals)),
  }
}

function readVersion(value: unknown): HubVersion {
  const { ov, reason, kind } = fieldsOf(value)
  return { ov: numberOf(ov), reason: maybe(reason, textOf), kind: textOf(kind) }
}

function readTotals(value: unknown): readonly [string, HubTotals] {
  const { collection, created, updated, deleted, rules } = fieldsOf(value)
  const { made } = fieldsOf(rules)
  const rule = made === undefined ? null : fieldsOf(made)
  const unique = rule === null ? null : fieldsOf(rule['unique'])['kind']
  const figures = { created: numberOf(created), updated: numberOf(updated), deleted: numberOf(deleted) }
  const ruled = rule === null ? null : numberOf(rule['created'])
  return [textOf(collection), { ...figures, ruled, unique: unique === undefined ? null : maybe(unique, numberOf) }]
}
