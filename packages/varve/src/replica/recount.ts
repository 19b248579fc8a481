/** Counting from the log: what no write has counted yet, page by page, and everything again to compare or to look back. */

import { bookName, countedAnew, encodeBook, withWaste, type Book, type BookedRule } from '../counters/book.ts'
import { needsDocuments } from '../counters/count.ts'
import { rulePrefix } from '../counters/names.ts'
import { noValues, Sheet } from '../counters/sheet.ts'
import { equalBytes, toHex } from '../encoding/bytes.ts'
import { takingTurns } from '../env/pause.ts'
import { countInto, noVersions, withVersions } from './counters.ts'
import { recordedPage } from './recorded.ts'
import type { Replica } from './replica.ts'
import { noTotals, type CollectionTotals, type TotalsState } from './state.ts'
import type { WorkingSet } from './working.ts'

const counting = new WeakMap<Replica, Promise<void>>()

/** True when every record is counted and nothing waits to be erased. */
export function countsAll({ state, counters }: Replica): boolean {
  return state.totals.counted === state.record.length && counters.book.rules.every(({ ready }) => ready)
}

/**
 * Counts what is not counted yet, each page in one write together with how far it went: interrupted, it goes on there.
 * Callers at the same time share the work.
 */
export function countRest(replica: Replica): Promise<void> {
  const known = counting.get(replica)
  if (known !== undefined) return known
  const started = countPages(replica).finally(() => counting.delete(replica))
  counting.set(replica, started)
  return started
}

async function countPages(replica: Replica): Promise<void> {
  // An older Varve wrote here, and did not count: what rules have counted may lack that.
  if (replica.state.totals.counted === 0 && replica.state.record.length > 0 && replica.counters.book.rules.length > 0)
    await countAllAnew(replica)
  const turn = takingTurns(replica.context.env)
  while (!countsAll(replica) || replica.counters.book.garbage.length > 0) {
    await replica.update(async (set) => {
      await countPage(replica, set)
      await replica.counters.eraseSome(set)
    })
    await turn()
  }
}

/** Erases what is not counted any more, now: it may hold what a removed key protected. */
export async function eraseGarbage(replica: Replica): Promise<void> {
  const turn = takingTurns(replica.context.env)
  while (replica.counters.book.garbage.length > 0) {
    await replica.update((set) => replica.counters.eraseSome(set))
    await turn()
  }
}

/** Forgets all counts, so that they are made again from the log. */
export function countAllAnew(replica: Replica): Promise<void> {
  return replica.update((set) => {
    const { length } = set.state.record
    set.state = { ...set.state, totals: noTotals }
    replica.counters.write(
      set,
      countedAnew(replica.counters.bookOf(set), () => true, length, replica.reader.pruned.state.reach),
    )
    return Promise.resolve()
  })
}

async function countPage(replica: Replica, set: WorkingSet): Promise<void> {
  const { totals, record } = set.state
  const book = replica.counters.bookOf(set)
  const waiting = book.rules.filter(({ ready }) => !ready)
  const from = Math.min(totals.counted, ...waiting.map(({ counted }) => counted))
  if (from >= record.length) return
  const withDocuments = waiting.some(({ rule, counted }) => counted <= from && needsDocuments(rule))
  const { versions, next } = await recordedPage(replica, from, record.length, withDocuments)
  const upTo = nextBegin(book, totals, from, next)
  const page = versions.filter((version) => version.record < upTo)
  if (totals.counted === from) set.state = { ...set.state, totals: withVersions(totals, page, upTo) }
  const here = waiting.filter(({ counted }) => counted === from)
  const sheet = replica.counters.sheetOf(set)
  await countInto(sheet, replica, set.state, here, page)
  replica.counters.write(set, withWaste(advanced(book, here, upTo, record.length), sheet.waste))
}

/** A page ends where a further rule begins, so that each takes part from its own beginning. */
function nextBegin(book: Book, { counted }: TotalsState, from: number, next: number): number {
  const begins = [counted, ...book.rules.flatMap((rule) => (rule.ready ? [] : rule.counted))]
  return Math.min(next, ...begins.filter((begin) => begin > from))
}

function advanced(book: Book, rules: readonly BookedRule[], counted: number, length: number): Book {
  return {
    ...book,
    rules: book.rules.map((rule) => (rules.includes(rule) ? { ...rule, counted, ready: counted >= length } : rule)),
  }
}

/** All counts as the log gives them. */
export interface Recount {
  readonly totals: TotalsState
  readonly sheet: Sheet
}

/** Counts records below `to` in memory, under these rules. Only inside the queue, or where nothing is written. */
export async function recountUpTo(replica: Replica, to: number, rules: readonly BookedRule[]): Promise<Recount> {
  const sheet = new Sheet(noValues)
  let totals = noTotals
  // Documents from before any rule looks at them may have been pruned.
  const begin = Math.min(...rules.flatMap(({ rule, since }) => (needsDocuments(rule) ? since : [])))
  const turn = takingTurns(replica.context.env)
  for (let from = 0; from < to; from = totals.counted) {
    const withDocuments = from >= begin
    const { versions, next } = await recordedPage(
      replica,
      from,
      withDocuments ? to : Math.min(to, begin),
      withDocuments,
    )
    totals = withVersions(totals, versions, next)
    await countInto(sheet, replica, replica.state, rules, versions)
    await turn()
  }
  return { totals, sheet }
}

/** A count that is not what the log gives. */
export interface Miscount {
  readonly where: string
}

/** Compares what is counted with the log. Only inside the queue; what is not counted yet is left out. */
export async function miscounts(replica: Replica): Promise<readonly Miscount[]> {
  const { state, counters } = replica
  const { reach } = replica.reader.pruned.state
  const rules = counters.book.rules.filter(
    ({ ready, rule, since }) => ready && (!needsDocuments(rule) || since >= reach),
  )
  if (rules.length === 0 && state.totals.counted !== state.record.length) return []
  const { totals, sheet } = await recountUpTo(replica, state.record.length, rules)
  const found: Miscount[] = []
  if (state.totals.counted === state.record.length) {
    for (const { no, name, tag } of state.collections) {
      if (!sameTotals(state.totals.collections[no - 1], totals.collections[no - 1]))
        found.push({ where: `collection ${name ?? toHex(tag)}: its totals are not what the log gives` })
    }
  }
  for (const { no, rule } of rules) {
    const stored = await storedRows(replica, no)
    const counted = new Map(
      [...sheet.changes()].filter(([name, value]) => value !== null && name.startsWith(rulePrefix(no))),
    )
    for (const { prefix } of sheet.waste) removeBelow(counted, prefix)
    if (!sameRows(stored, counted)) found.push({ where: `rule "${rule.name}": its counts are not what the log gives` })
  }
  if (!equalBytes(encodeBook(counters.book), (await replica.store.value(bookName)) ?? encodeBook(counters.book)))
    found.push({ where: 'the book of counters: what is stored is not what is used' })
  return found
}

async function storedRows({ store, counters }: Replica, rule: number): Promise<Map<string, Uint8Array | null>> {
  const rows = new Map<string, Uint8Array | null>(await store.values(rulePrefix(rule)))
  for (const { prefix } of counters.book.garbage) removeBelow(rows, prefix)
  return rows
}

function removeBelow(rows: Map<string, unknown>, prefix: string): void {
  for (const name of rows.keys()) if (name.startsWith(prefix)) rows.delete(name)
}

function sameRows(a: ReadonlyMap<string, Uint8Array | null>, b: ReadonlyMap<string, Uint8Array | null>): boolean {
  if (a.size !== b.size) return false
  for (const [name, value] of a) {
    const other = b.get(name) ?? null
    if (value === null || other === null || !equalBytes(value, other)) return false
  }
  return true
}

function sameTotals(a: CollectionTotals = noVersions, b: CollectionTotals = noVersions): boolean {
  return a.created === b.created && a.updated === b.updated && a.deleted === b.deleted && a.at === b.at
}
