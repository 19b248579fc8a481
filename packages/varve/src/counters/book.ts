/** The book of a replica's counters: its rules, how far each has counted, and what waits to be erased. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { listOf, textOf, wholeNumber } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { needsDocuments } from './count.ts'
import { digitsFor, rulePrefix } from './names.ts'
import { parseRules, type Rule } from './rule.ts'
import type { Waste } from './sheet.ts'

export interface BookedRule {
  /** Stands for the rule and this counting of it in the names of its rows; never given twice. */
  readonly no: number
  readonly rule: Rule
  /** The first record number that counts. */
  readonly since: number
  /** Records below it are counted. */
  readonly counted: number
  /** True when every record is, and every write keeps it so. */
  readonly ready: boolean
}

/** Rows to be erased page by page; of a whole rule when it has a number. */
export interface Garbage {
  readonly rule: number | null
  readonly prefix: string
  readonly digits: number
  readonly page: number
}

export interface Book {
  readonly next: number
  readonly rules: readonly BookedRule[]
  readonly garbage: readonly Garbage[]
}

export const bookName = 'counters'
export const emptyBook: Book = { next: 1, rules: [], garbage: [] }
const version = 1

/** The book with these rules and no others: those that are there already keep what they have counted. */
export function withRules(book: Book, rules: readonly Rule[], length: number): Book {
  let { next } = book
  const kept = rules.map((rule) => {
    const known = book.rules.find((booked) => booked.rule.text === rule.text)
    if (known !== undefined) return known
    const since = rule.fromNow ? length : 0
    return { no: next++, rule, since, counted: since, ready: since === length }
  })
  const gone = book.rules.filter((booked) => !kept.includes(booked))
  return { next, rules: kept, garbage: [...book.garbage, ...gone.map(garbageOf)] }
}

/** The book with these rules to be counted from the beginning; those that look at documents not from before `kept`. */
export function countedAnew(book: Book, wanted: (rule: Rule) => boolean, length: number, kept = 0): Book {
  let { next } = book
  const old: BookedRule[] = []
  const rules = book.rules.map((booked) => {
    if (!wanted(booked.rule)) return booked
    old.push(booked)
    const { rule } = booked
    const since = needsDocuments(rule) ? Math.max(booked.since, kept) : booked.since
    return { no: next++, rule, since, counted: since, ready: since >= length }
  })
  return { next, rules, garbage: [...book.garbage, ...old.map(garbageOf)] }
}

export function withWaste(book: Book, waste: readonly Waste[]): Book {
  const added = waste.flatMap(({ prefix, rows }) =>
    rows === 0 ? [] : [{ rule: null, prefix, digits: digitsFor(rows), page: 0 }],
  )
  return added.length === 0 ? book : { ...book, garbage: [...book.garbage, ...added] }
}

function garbageOf({ no }: BookedRule): Garbage {
  return { rule: no, prefix: rulePrefix(no), digits: 0, page: 0 }
}

export function encodeBook({ next, rules, garbage }: Book): Uint8Array {
  return encodeCbor([
    version,
    next,
    rules.map(({ no, rule, since, counted, ready }) => [no, rule.text, since, counted, ready]),
    garbage.map(({ rule, prefix, digits, page }) => [rule, prefix, digits, page]),
  ])
}

/** A book without rules for a replica whose book is lost; `numbers` are those of rules that left rows behind. */
export function bookAfter(numbers: readonly number[]): Book {
  const garbage = numbers.map((no) => ({ rule: null, prefix: rulePrefix(no), digits: 0, page: 0 }))
  return { next: Math.max(0, ...numbers) + 1, rules: [], garbage }
}

/** Throws `INVALID` for damaged bytes or rules, and `UNSUPPORTED_VERSION` for a book of a newer Varve. */
export function decodeBook(bytes: Uint8Array): Book {
  const what = 'The book of counters'
  const [format, next, rules, garbage] = listOf(decodeCbor(bytes, what), what)
  if (format !== version)
    throw new VarveError('UNSUPPORTED_VERSION', `${what} has format ${String(format)}: update Varve`)
  return {
    next: wholeNumber(next, what),
    rules: listOf(rules, what).map(decodeRule),
    garbage: listOf(garbage, what).map((item) => {
      const [rule, prefix, digits, page] = listOf(item, what)
      return {
        rule: rule === null ? null : wholeNumber(rule, what),
        prefix: textOf(prefix, what),
        digits: wholeNumber(digits, what),
        page: wholeNumber(page, what),
      }
    }),
  }
}

function decodeRule(value: unknown): BookedRule {
  const what = 'a rule in the book of counters'
  const [no, text, since, counted, ready] = listOf(value, what)
  const [rule] = parseRules([parseJson(textOf(text, what), what)])
  if (rule === undefined) throw new VarveError('INVALID', `Decoding failed: ${what} is missing`)
  return {
    no: wholeNumber(no, what),
    rule,
    since: wholeNumber(since, what),
    counted: wholeNumber(counted, what),
    ready: ready === true,
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new VarveError('INVALID', `Decoding failed: ${what} is no JSON`, { cause })
  }
}
