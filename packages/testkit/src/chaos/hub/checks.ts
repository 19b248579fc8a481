/** What must be true of a tenant when nobody writes: nothing acknowledged is lost, nothing is there twice, all counts agree. */

import { failures, type HubWrite } from './ledger.ts'
import { counters } from './names.ts'
import type { HubDocument, HubTotals, TenantReport } from './report.ts'

interface Found {
  readonly document: string
  readonly ov: number
}

export function checkTenant(writes: readonly HubWrite[], report: TenantReport): readonly string[] {
  return [
    ...report.problems,
    ...checkWrites(writes, report),
    ...report.documents.flatMap(checkVersions),
    ...checkIncrements(report),
    ...checkOnePerKey(report),
    ...[...report.totals].flatMap(([name, totals]) => checkTotals(name, totals, report)),
  ]
}

function checkWrites(writes: readonly HubWrite[], report: TenantReport): readonly string[] {
  const problems: string[] = []
  const found = grouped(versionsIn(report), ({ token }) => token)
  for (const write of writes) {
    const what = wrongWith(write, found.get(write.token) ?? [])
    const { token, kind, answer, documents, expectedOv } = write
    if (what !== null)
      problems.push(`${token} (${kind} of ${documents.join()}, answered ${answer}, expected ${expectedOv}) ${what}`)
    found.delete(token)
  }
  for (const [token, at] of found) problems.push(`${at[0]?.document ?? ''} has a version nobody wrote: "${token}"`)
  return problems
}

function versionsIn({ documents }: TenantReport): (Found & { readonly token: string })[] {
  return documents.flatMap(({ name, versions }) =>
    versions.map(({ ov, reason }) => ({ document: name, ov, token: reason ?? '' })),
  )
}

function wrongWith(write: HubWrite, found: readonly Found[]): string | null {
  const { documents, answer, kind, expectedOv, versions } = write
  const there = found.map(({ document, ov }) => `${document} ${ov}`).join()
  if (new Set(found.map(({ document }) => document)).size < found.length) return `is doubled: ${there}`
  if (found.some(({ document }) => !documents.some((each) => fits(document, each))))
    return `is where it does not belong: ${there}`
  if (found.length > 0 && found.length < documents.length) return `is torn: only ${there}`
  if (answer === 'done') {
    if (found.length === 0) return 'is lost'
    for (const [document, ov] of versions)
      if (!found.some((each) => each.document === document && each.ov === ov)) return `is there as ${there}, not ${ov}`
  } else if (answer !== 'unknown' && !failures.includes(answer)) {
    if (found.length > 0) return `was refused and is there: ${there}`
    if (!(mayBeRefused[kind] ?? []).includes(answer)) return 'should not have been refused'
  }
  if (expectedOv !== null && found.some(({ ov }) => ov !== expectedOv + 1)) return `came after another: ${there}`
  return null
}

/** Several writers make, change and compare the same documents. */
const mayBeRefused: Readonly<Partial<Record<HubWrite['kind'], readonly string[]>>> = {
  create: ['EXISTS'],
  increment: ['NOT_FOUND'],
  compare: ['CONFLICT', 'NOT_FOUND'],
}

function fits(document: string, pattern: string): boolean {
  return pattern.endsWith('/*') ? document.startsWith(pattern.slice(0, -1)) : document === pattern
}

function checkVersions({ name, versions }: HubDocument): readonly string[] {
  return versions.every(({ ov }, index) => ov === index)
    ? []
    : [`${name} has the versions ${versions.map(({ ov }) => ov).join()}`]
}

function checkIncrements({ documents }: TenantReport): readonly string[] {
  return documents
    .filter(({ name }) => name.startsWith(`${counters}/`))
    .filter(({ data, versions }) => data['n'] !== versions.length - 1)
    .map(({ name, data, versions }) => `${name} is ${String(data['n'])} after ${versions.length - 1} increments`)
}

/** Upserts of one key, and entities with one, make one document. */
function checkOnePerKey({ documents }: TenantReport): readonly string[] {
  const keys = documents.flatMap(({ name, data }) =>
    ['email', 'code'].flatMap((key) => {
      const value = data[key]
      return typeof value === 'string' ? [{ key: `${key} ${value}`, name }] : []
    }),
  )
  return [...grouped(keys, ({ key }) => key)]
    .filter(([, names]) => names.length > 1)
    .map(([key, names]) => `${key} is in ${names.map(({ name }) => name).join(' and ')}`)
}

function checkTotals(collection: string, totals: HubTotals, { documents }: TenantReport): readonly string[] {
  const own = documents.filter(({ name }) => name.startsWith(`${collection}/`))
  const versions = own.flatMap((document) => document.versions)
  const deleted = versions.filter(({ kind }) => kind === 'delete').length
  const kinds = new Set(own.flatMap(({ data }) => (typeof data['kind'] === 'string' ? [data['kind']] : [])))
  const recounted: HubTotals = {
    created: own.length,
    updated: versions.length - own.length - deleted,
    deleted,
    ruled: own.length === 0 ? null : own.length,
    unique: own.length === 0 ? null : kinds.size,
  }
  const [counted, again] = [totals, recounted].map((each) => JSON.stringify(each))
  return counted === again ? [] : [`${collection} is counted ${counted}, and recounted ${again}`]
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}
