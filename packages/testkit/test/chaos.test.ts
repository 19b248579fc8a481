/** Real processes under faults for a few seconds; `npm run chaos` runs as long as one likes. And what the checks find. */

import { describe, expect, test } from 'vitest'
import { checkNotes } from '../src/chaos/checks/notes.ts'
import { checkRecord, checkRefused } from '../src/chaos/checks/record.ts'
import { checkSame } from '../src/chaos/checks/same.ts'
import { checkSums } from '../src/chaos/checks/sums.ts'
import { checkWrites } from '../src/chaos/checks/writes.ts'
import type { JournaledWrite, Told } from '../src/chaos/journal.ts'
import { accountIds, counterIds, counters, notes, placed, transfers } from '../src/chaos/names.ts'
import type { Report, ReportedCommit } from '../src/chaos/report.ts'
import { runChaos } from '../src/chaos/run.ts'

test('a node and three clients that are killed, stopped and cut off agree on everything in the end', async () => {
  const { problems, faults, writes, record } = await runChaos({ seconds: 6, seed: 1, clients: 3 })
  expect(problems).toEqual([])
  expect(faults.get('kill -9') ?? 0).toBeGreaterThan(0)
  expect(writes.get('acknowledged') ?? 0).toBeGreaterThan(50)
  expect(record).toBeGreaterThan(50)
}, 600_000)

/** A report with these versions of each document, each named by the token it was written with. */
function reportOf(
  documents: Readonly<Record<string, readonly string[]>>,
  data: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
  commits: readonly ReportedCommit[] = [],
): Report {
  const all = Object.entries(documents).map(([name, tokens]) => ({
    name,
    data: { _system: { deleted: false }, ...data[name] },
    versions: tokens.map((reason, ov) => ({ ov, reason, recordedAt: null })),
  }))
  return { lines: [], documents: new Map(all.map((each) => [each.name, each])), commits }
}

function write(token: string, more: Partial<JournaledWrite> = {}): readonly [string, JournaledWrite] {
  const documents = [placed(notes, 'a')]
  return [token, { token, client: 'client0', kind: 'patch', documents, answer: 'done', told: new Map(), ...more }]
}

function told(word: Told): Map<string, Told> {
  return new Map([[placed(notes, 'a'), word]])
}

const note = placed(notes, 'a')

describe('of writes is told', () => {
  const found = (one: readonly [string, JournaledWrite], report: Report, ahead: readonly string[] = []): string =>
    checkWrites(new Map([one]), report, new Set(ahead)).join()

  test('what was acknowledged and is not there, and not what was cut off', () => {
    expect(found(write('t'), reportOf({}))).toMatch(/is lost/)
    expect(found(write('t', { answer: null }), reportOf({}))).toBe('')
    expect(found(write('t'), reportOf({ [note]: ['t'] }))).toBe('')
  })

  test('what is there twice, elsewhere, in part, or written by nobody', () => {
    expect(found(write('t'), reportOf({ [note]: ['t', 't'] }))).toMatch(/is doubled/)
    expect(found(write('t'), reportOf({ [placed(notes, 'b')]: ['t'] }))).toMatch(/does not belong/)
    const documents = [placed(counters, 'x'), placed(transfers, 'y')]
    const transfer = write('t', { kind: 'transact', documents })
    expect(found(transfer, reportOf({ [placed(counters, 'x')]: ['t'] }))).toMatch(/is torn/)
    expect(found(write('t'), reportOf({ [note]: ['t', 'other'] }))).toMatch(/nobody wrote/)
  })

  test('what was refused and is there, or was refused without cause', () => {
    const conflict = { code: 'CONFLICT' }
    const compared = write('t', { kind: 'compare', told: told(conflict) })
    expect(found(compared, reportOf({ [note]: ['t'] }))).toMatch(/is there/)
    expect(found(compared, reportOf({}))).toBe('')
    expect(found(write('t', { told: told(conflict) }), reportOf({}))).toMatch(/without cause/)
    expect(found(write('t', { answer: 'NOT_FOUND' }), reportOf({}))).toMatch(/should not have failed/)
    expect(found(write('t', { answer: 'NOT_FOUND' }), reportOf({}), ['client0'])).toBe('')
    expect(found(write('t', { told: told({ code: 'CLOCK_AHEAD' }) }), reportOf({}))).toMatch(/without cause/)
  })

  test('a receipt that names another version', () => {
    const recorded = write('t', { told: told({ record: 7, ov: 3 }) })
    expect(found(recorded, reportOf({ [note]: ['t'] }))).toMatch(/not where its receipt says/)
  })
})

test('a counter is told that does not count what was acknowledged, and accounts that do not balance', () => {
  const [id = '', account = ''] = [counterIds[0], accountIds[0]]
  const names = [...counterIds, ...accountIds].map((each) => placed(counters, each))
  const counted = (n: number, moved = 0): Report => {
    const data = Object.fromEntries(names.map((name) => [name, { n: 0 }]))
    const own = { [placed(counters, id)]: { n }, [placed(counters, account)]: { n: moved } }
    return reportOf(Object.fromEntries(names.map((name) => [name, []])), { ...data, ...own })
  }
  const documents = [placed(counters, id)]
  const writes = new Map([
    write('t1', { kind: 'increment', documents }),
    write('t2', { kind: 'increment', documents, answer: null }),
  ])
  expect([1, 2].flatMap((n) => checkSums(writes, counted(n)))).toEqual([])
  for (const n of [0, 3]) expect(checkSums(writes, counted(n))).toHaveLength(1)
  expect(checkSums(writes, counted(1, 5)).join()).toMatch(/accounts hold 5/)
})

test('a note is told that is not what its author wrote last', () => {
  const writes = new Map([write('t0', { kind: 'create' }), write('t1'), write('t2')])
  const holding = (text: string): Report => reportOf({ [note]: [] }, { [note]: { text } })
  expect(checkNotes(writes, holding('t2'))).toEqual([])
  expect(checkNotes(writes, holding('t1')).join()).toMatch(/wrote t2 last/)
  const cutOff = new Map([write('t1'), write('t2', { answer: null })])
  expect([...checkNotes(cutOff, holding('t1')), ...checkNotes(cutOff, holding('t2'))]).toEqual([])
})

describe('of the record is told', () => {
  const commit = (record: number | null, refused: string | null = null): ReportedCommit => ({
    record,
    refused,
    device: 'd',
  })
  const client = { device: 'd', status: 'live', pending: 0, problems: [] }

  test('a gap and what is pending', () => {
    expect(checkRecord(reportOf({}, {}, [commit(0), commit(1)]))).toEqual([])
    expect(checkRecord(reportOf({}, {}, [commit(0), commit(2)])).join()).toMatch(/record 1 is missing/)
    expect(checkRecord(reportOf({}, {}, [commit(0), commit(null)])).join()).toMatch(/pending/)
  })

  test('a refusal that is not listed, listed without being one, or not issued again', () => {
    const report = reportOf({}, {}, [commit(0), commit(1, 'CONFLICT'), commit(2, 'CLOCK_AHEAD')])
    const listing = (...refused: { code: string; record: number }[]): string =>
      checkRefused('c', { ...client, refused }, report).join()
    const conflict = { code: 'CONFLICT', record: 1 }
    expect(listing(conflict)).toBe('')
    expect(listing()).toMatch(/does not list/)
    expect(listing(conflict, { code: 'CONFLICT', record: 0 })).toMatch(/it was not/)
    expect(listing(conflict, { code: 'CLOCK_AHEAD', record: 2 })).toMatch(/not issued record 2 again/)
  })
})

test('two clients that differ are told apart where they differ', () => {
  const [one, other] = [
    { ...reportOf({}), lines: ['same', 'abc1'] },
    { ...reportOf({}), lines: ['same', 'abc2'] },
  ]
  expect(checkSame('a', one, 'b', one)).toEqual([])
  expect(checkSame('a', one, 'b', other).join()).toMatch(/a and b differ in 1 lines.*abc1.*abc2/s)
})
