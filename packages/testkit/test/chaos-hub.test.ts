/** Real hubs over real servers under kills for a few seconds; `npm run chaos -- --world hub` runs as long as one likes. And what the checks find. */

import { describe, expect, test } from 'vitest'
import { checkTenant } from '../src/chaos/hub/checks.ts'
import { Ledger, type HubWrite } from '../src/chaos/hub/ledger.ts'
import { engineNames } from '../src/chaos/hub/names.ts'
import type { HubDocument, HubTotals, TenantReport } from '../src/chaos/hub/report.ts'
import { missingFor, runHubChaos } from '../src/chaos/hub/run.ts'

describe.runIf(missingFor(engineNames).length === 0 || process.env['CI'] === 'true')('hubs over real servers', () => {
  test('lose nothing when processes, databases and object storage are killed, and a standby is promoted', async () => {
    const { problems, kills, writes, objects } = await runHubChaos({ kills: 12, seed: 1, engines: engineNames })
    expect(problems).toEqual([])
    expect(kills).toBeGreaterThanOrEqual(12)
    expect(writes.get('done') ?? 0).toBeGreaterThan(100)
    expect(objects).toBeGreaterThan(0)
  }, 600_000)
})

const totals: HubTotals = { created: 1, updated: 0, deleted: 0, ruled: 1, unique: 0 }

/** A report with these versions of each document, each named by the token it was written with. */
function reportOf(
  documents: Readonly<Record<string, readonly string[]>>,
  data: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
): TenantReport {
  const all = Object.entries(documents).map(([name, tokens]): HubDocument => {
    const versions = tokens.map((reason, ov) => ({ ov, reason, kind: ov === 0 ? 'put' : 'change' }))
    return { name, data: data[name] ?? {}, versions }
  })
  return { documents: all, problems: [], totals: new Map() }
}

function write(token: string, more: Partial<HubWrite> = {}): HubWrite {
  const base = { tenant: 't', kind: 'create', collection: 'notes', documents: ['notes/a'], expectedOv: null } as const
  return { ...base, token, answer: 'done', versions: new Map([['notes/a', 0]]), ...more }
}

describe('of a tenant is told', () => {
  const found = (one: HubWrite | null, report: TenantReport): string =>
    checkTenant(one === null ? [] : [one], report).join('; ')

  test('what was acknowledged and is lost, doubled, or another version', () => {
    expect(found(write('t0'), reportOf({ 'notes/a': ['t0'] }))).toBe('')
    expect(found(write('t0'), reportOf({}))).toMatch(/is lost/)
    expect(found(write('t0'), reportOf({ 'notes/a': ['t0', 't0'] }))).toMatch(/is doubled/)
    expect(found(write('t0', { versions: new Map([['notes/a', 1]]) }), reportOf({ 'notes/a': ['t0'] }))).toMatch(
      /not 1/,
    )
  })

  test('what is elsewhere, torn, or written by nobody', () => {
    expect(found(write('t0'), reportOf({ 'notes/b': ['t0'] }))).toMatch(/does not belong/)
    const several = write('t0', { documents: ['notes/a', 'notes/b'] })
    expect(found(several, reportOf({ 'notes/a': ['t0'] }))).toMatch(/is torn/)
    expect(found(null, reportOf({ 'notes/a': ['t9'] }))).toMatch(/nobody wrote/)
  })

  test('not what was never answered, whether it is there or not', () => {
    for (const answer of ['unknown', 'STORE_FAILED', 'LOCKED']) {
      expect(found(write('t0', { answer, versions: new Map() }), reportOf({}))).toBe('')
      expect(found(write('t0', { answer, versions: new Map() }), reportOf({ 'notes/a': ['t0'] }))).toBe('')
    }
  })

  test('what was refused and is there, or was refused without cause', () => {
    const refused = write('t0', { answer: 'EXISTS', versions: new Map() })
    expect(found(refused, reportOf({}))).toBe('')
    expect(found(refused, reportOf({ 'notes/a': ['t0'] }))).toMatch(/was refused and is there/)
    expect(found({ ...refused, kind: 'patch' }, reportOf({}))).toMatch(/should not have been refused/)
  })

  test('two winners of one comparison', () => {
    const versions = new Map([['slots/a', 2]])
    const compared = write('t2', { kind: 'compare', documents: ['slots/a'], expectedOv: 0, versions })
    const others = ['t0', 't1'].map((token, ov) =>
      write(token, { documents: ['slots/a'], versions: new Map([['slots/a', ov]]) }),
    )
    const problems = checkTenant([...others, compared], reportOf({ 'slots/a': ['t0', 't1', 't2'] }))
    expect(problems.join()).toMatch(/came after another/)
  })

  test('an increment that does not count, and a key that two documents have', () => {
    const increment = write('t1', {
      kind: 'increment',
      documents: ['counters/a'],
      versions: new Map([['counters/a', 1]]),
    })
    const made = write('t0', { documents: ['counters/a'], versions: new Map([['counters/a', 0]]) })
    const counted = (n: number): string =>
      checkTenant([made, increment], reportOf({ 'counters/a': ['t0', 't1'] }, { 'counters/a': { n } })).join()
    expect(counted(1)).toBe('')
    expect(counted(0)).toMatch(/is 0 after 1 increments/)
    const twice = { 'people/a': { email: 'x' }, 'people/b': { email: 'x' } }
    expect(found(null, reportOf({ 'people/a': [], 'people/b': [] }, twice))).toMatch(
      /email x is in people\/a and people\/b/,
    )
  })

  test('counters that differ from a recount', () => {
    const report = { ...reportOf({ 'notes/a': ['t0'] }), totals: new Map([['notes', totals]]) }
    expect(found(write('t0'), report)).toBe('')
    const wrong = { ...report, totals: new Map([['notes', { ...totals, updated: 1 }]]) }
    expect(found(write('t0'), wrong)).toMatch(/is counted .* and recounted/)
  })

  test('a password in an error, without being shown again', () => {
    const problems: string[] = []
    const ledger = new Ledger(['hunter2'], (what) => problems.push(what))
    ledger.heard('an error', 'no connection to postgres://varve@host')
    expect(problems).toEqual([])
    ledger.heard('an error', 'no connection to postgres://varve:hunter2@host')
    expect(problems.join()).toMatch(/shows a password/)
    expect(problems.join()).not.toMatch(/hunter2/)
  })
})
