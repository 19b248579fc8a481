/** Names of stored counters: cells, the rows beneath them, and prefixes small enough to be read at once. */

/** Begins the names of all rows. */
export const counterRows = 'counter/'
/** Rows that are read, or removed, together. */
const pageRows = 4096
const digits = '0123456789abcdef'

/** Where figures are counted: a rule, by its number, in a collection, over all time or one part of it. */
export interface Place {
  readonly rule: number
  /** Local number. */
  readonly collection: number
  /** `all`, or the unit's first letter and the part's number. */
  readonly part: string
}

/** Numbers of the rules that have rows with these names. */
export function rulesOfRows(names: Iterable<string>): readonly number[] {
  const found = new Set<number>()
  for (const name of names) found.add(Number(name.slice(counterRows.length).split('/')[0]))
  return [...found].filter((no) => Number.isSafeInteger(no))
}

/** Everything of a rule. */
export function rulePrefix(rule: number): string {
  return `${counterRows}${rule}/`
}

/** The cells of a rule: few, beside the rows beneath them. */
export function cellsPrefix(rule: number): string {
  return `${counterRows}${rule}/c/`
}

export function cellName({ rule, collection, part }: Place): string {
  return `${counterRows}${rule}/c/${collection}/${part}`
}

/** The place that a cell's name tells. */
export function placeOfCell(rule: number, name: string): Place {
  const [collection = '', part = ''] = name.slice(cellsPrefix(rule).length).split('/')
  return { rule, collection: Number(collection), part }
}

/** Rows beneath a cell: `u` distinct values and `m` kept numbers, each followed by hexadecimal digits, and `s` a sketch. */
export function rowsPrefix(place: Place, kind: 'u' | 'm' | 's', path: number): string {
  return `${rowsBelow(place)}${kind}${path}/`
}

/** All rows beneath a cell. */
export function rowsBelow({ rule, collection, part }: Place): string {
  return `${counterRows}${rule}/d/${collection}/${part}/`
}

/** How many further digits divide so many rows into pages. */
export function digitsFor(rows: number): number {
  let count = 0
  for (let left = rows; left > pageRows; left /= digits.length) count++
  return count
}

/** The page of this number below a prefix, when so many digits divide it. */
export function pagePrefix(prefix: string, count: number, page: number): string {
  return count === 0 ? prefix : prefix + page.toString(16).padStart(count, '0')
}

export function pagesOf(count: number): number {
  return digits.length ** count
}
