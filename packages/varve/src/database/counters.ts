/** The counters of a database: rules defined, totals read, counts made again and compared with the log. */

import { withRules, type BookedRule } from '../counters/book.ts'
import { needsDocuments } from '../counters/count.ts'
import { ruleTotals } from '../counters/figures.ts'
import { parseRules, ruleGiven } from '../counters/rule.ts'
import type { CounterRule, CounterTotals } from '../counters/types.ts'
import { isoTime, parseTime } from '../document/head.ts'
import { checkName } from '../encoding/id.ts'
import { isObject } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import { isNamed, noVersions } from '../replica/counters.ts'
import { countAllAnew, countRest, countsAll, miscounts } from '../replica/recount.ts'
import type { Replica } from '../replica/replica.ts'
import { countsNow, countsOfPast, countsWithPending, type Counts } from './counters-at.ts'

export interface TotalsOptions {
  /** Name of one collection; all of them when neither is given. */
  readonly collection?: string
  readonly collections?: readonly string[]
  /** As they were at a time, or right after a record number; counts the log up to there. */
  readonly at?: string | Date | { readonly record: number }
  /** Also what has no receipt yet, as if it were recorded now, by its authored times. */
  readonly pending?: boolean
}

/** What the counters of a database differ in from its log. */
export interface CountersReport {
  readonly ok: boolean
  readonly problems: readonly { readonly where: string }[]
}

/** Collections of one database, whose totals are put together with those of others. */
export interface TotalsSource extends TotalsOptions {
  readonly database: { readonly counters: Counters }
}

const homes = new WeakMap<Counters, { readonly replica: Replica; readonly tenant: string }>()

/** Versions that are recorded and accepted, in the order of the record, as far as this device can read them. */
export class Counters {
  readonly #replica: Replica

  /** `tenant` is its id. */
  constructor(replica: Replica, tenant: string) {
    this.#replica = replica
    homes.set(this, { replica, tenant })
  }

  /**
   * Makes these the rules, and no others. A rule that is there already keeps its counts; one that is new or different
   * counts the log first, page by page: interrupted, it goes on when totals are next asked for. Rules belong to this
   * device. Throws `INVALID` and `TOO_LARGE` naming the place, and `PRUNED` for a new rule that looks at documents whose
   * past is gone.
   */
  async define(rules: readonly CounterRule[]): Promise<void> {
    const parsed = parseRules(rules)
    const { counters } = this.#replica
    await this.#replica.update((set) => {
      const book = withRules(counters.bookOf(set), parsed, set.state.record.length)
      assertCountable(this.#replica, book.rules)
      counters.write(set, book)
      return Promise.resolve()
    })
    await countRest(this.#replica)
  }

  /** Throws what `define` would throw for these rules, and changes nothing. */
  check(rules: readonly CounterRule[]): void {
    const { counters, state } = this.#replica
    assertCountable(this.#replica, withRules(counters.book, parseRules(rules), state.record.length).rules)
  }

  /** The rules as they were defined. */
  rules(): readonly CounterRule[] {
    return this.#replica.counters.book.rules.map(({ rule }) => ruleGiven(rule))
  }

  /** Throws `INVALID`, and `NOT_FOUND` for a record number that is not there. */
  totals(options: TotalsOptions = {}): Promise<CounterTotals> {
    return combineTotals([{ database: { counters: this }, ...options }])
  }

  /** Counts everything from the log again. Throws `PRUNED` when a rule looks at documents whose past is gone. */
  async recount(): Promise<void> {
    const { rules } = this.#replica.counters.book
    assertCountable(
      this.#replica,
      rules.map((booked) => ({ ...booked, counted: booked.since, ready: false })),
    )
    await countAllAnew(this.#replica)
    await countRest(this.#replica)
  }

  /** Counts everything from the log and compares; changes nothing. */
  async verify(): Promise<CountersReport> {
    const problems = await settled([this.#replica], () => miscounts(this.#replica))
    return { ok: problems.length === 0, problems }
  }
}

/**
 * Totals over collections, databases and tenants. Distinct values count once, wherever they are. Throws `INVALID` when
 * one name stands for different rules.
 */
export async function combineTotals(sources: readonly TotalsSource[]): Promise<CounterTotals> {
  const asked = sources.map((source) => ({ source, ...homeOf(source.database.counters), names: namesOf(source) }))
  return settled(
    asked.map(({ replica }) => replica),
    async () => {
      const parts: Part[] = []
      for (const { source, replica, tenant, names } of asked) {
        const counts = await countsOf(replica, source)
        const key = `tenant:${tenant}|db:${replica.context.name}`
        parts.push({ counts, collections: numbersOf(replica, names), keys: keysOf(key, names) })
      }
      return totalsOf(parts)
    },
  )
}

/** What has counted all there was may go on; what must look at documents of before pruning cannot begin. */
function assertCountable({ reader }: Replica, rules: readonly BookedRule[]): void {
  const { reach } = reader.pruned.state
  const rule = rules.find((booked) => !booked.ready && needsDocuments(booked.rule) && booked.counted < reach)?.rule
  if (rule === undefined) return
  throw new VarveError(
    'PRUNED',
    `The rule "${rule.name}" looks at documents, whose past up to record ${reach - 1} has been pruned: give it "from": "now"`,
    { details: { rule: rule.name, record: reach - 1 } },
  )
}

interface Part {
  readonly counts: Counts
  /** Local numbers. */
  readonly collections: readonly number[]
  readonly keys: readonly string[]
}

async function totalsOf(parts: readonly Part[]): Promise<CounterTotals> {
  const totals = parts.flatMap(({ counts, collections }) =>
    collections.map((no) => counts.totals.collections[no - 1] ?? noVersions),
  )
  const sum = (pick: (each: typeof noVersions) => number): number => totals.reduce((all, each) => all + pick(each), 0)
  const lastAt = Math.max(0, ...totals.map(({ at }) => at))
  return {
    _id: parts.flatMap(({ keys }) => keys).join(','),
    created: sum(({ created }) => created),
    updated: sum(({ updated }) => updated),
    deleted: sum(({ deleted }) => deleted),
    rules: await rulesOf(parts),
    lastAt: lastAt === 0 ? null : isoTime(lastAt),
  }
}

async function rulesOf(parts: readonly Part[]): Promise<CounterTotals['rules']> {
  const booked = parts.flatMap((part) => part.counts.rules.map(({ no, rule }) => ({ no, rule, part })))
  const names = new Set(booked.map(({ rule }) => rule.name))
  const now = Math.max(0, ...parts.map(({ counts }) => counts.now))
  const entries: (readonly [string, CounterTotals['rules'][string]])[] = []
  for (const name of names) {
    const same = booked.filter(({ rule }) => rule.name === name)
    const [first] = same
    if (first === undefined) continue
    if (same.some(({ rule }) => rule.text !== first.rule.text))
      throw new VarveError('INVALID', `The rule "${name}" is not the same everywhere: define it alike, or ask for each`)
    const sources = same.flatMap(({ no, part: { counts, collections } }) =>
      collections.map((collection) => ({ values: counts.values, rule: no, collection })),
    )
    entries.push([name, await ruleTotals(first.rule, sources, now)])
  }
  return Object.fromEntries(entries)
}

async function countsOf(replica: Replica, { at, pending = false }: TotalsOptions): Promise<Counts> {
  if (at === undefined) return pending ? countsWithPending(replica) : countsNow(replica)
  if (pending)
    throw new VarveError('INVALID', 'What is pending has no place in the past: ask for "at" or for "pending"')
  const past = isObject(at) && 'record' in at
  return countsOfPast(replica, past ? at.record : ((await replica.store.recordAt(parseTime(at))) ?? -1))
}

function homeOf(counters: Counters): { readonly replica: Replica; readonly tenant: string } {
  const home = homes.get(counters)
  if (home === undefined) throw new VarveError('INVALID', 'These are not the counters of a database of this Varve')
  return home
}

/** Null for all collections. */
function namesOf({ collection, collections }: TotalsOptions): readonly string[] | null {
  if (collection !== undefined && collections !== undefined)
    throw new VarveError('INVALID', 'Give "collection" or "collections", not both')
  const names = collection === undefined ? collections : [collection]
  if (names !== undefined && !Array.isArray(names)) throw new VarveError('INVALID', '"collections" must be an array')
  return names === undefined ? null : [...new Set(names.map((name) => checkName(name, 'collection')))]
}

function numbersOf({ context, state }: Replica, names: readonly string[] | null): readonly number[] {
  return state.collections.flatMap(({ no }) => (isNamed(context, state, names, no) ? [no] : []))
}

function keysOf(database: string, names: readonly string[] | null): readonly string[] {
  return names === null ? [database] : names.map((name) => `${database}|coll:${name}`)
}

/** Runs `work` while nothing is written to these replicas and everything is counted. */
async function settled<R>(asked: readonly Replica[], work: () => Promise<R>): Promise<R> {
  const list = [...new Set(asked)].toSorted((a, b) => (a.instance < b.instance ? -1 : 1))
  for (;;) {
    for (const replica of list) await countRest(replica)
    // A write in between may have brought keys, and with them more to count.
    const answer = await alone(list, async () => (list.every(countsAll) ? { value: await work() } : null))
    if (answer !== null) return answer.value
  }
}

/** In one order everywhere, so that two callers never wait for each other. */
function alone<R>([first, ...rest]: readonly Replica[], work: () => Promise<R>): Promise<R> {
  return first === undefined ? work() : first.exclusive(() => alone(rest, work))
}
