/** Text laid out for people: aligned tables, numbers with separators, sizes and durations. */

/** Rows under a heading, columns two spaces apart, those of numbers (`right`) to the right; lines are cut to the width. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
  right: ReadonlySet<number> = noColumns,
): string {
  const all = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map((row) => lengthOf(row[column] ?? ''))))
  const lines = all.map((row) =>
    row
      .map((text, column) => {
        if (right.has(column)) return padStart(text, widths[column] ?? 0)
        return column === row.length - 1 ? text : pad(text, widths[column] ?? 0)
      })
      .join('  ')
      .trimEnd(),
  )
  return lines.map((line) => `${cut(line, width)}\n`).join('')
}

const noColumns: ReadonlySet<number> = new Set()

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)))
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - lengthOf(text))) + text
}

export function cut(text: string, width: number): string {
  const characters = Array.from(text)
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`
}

function lengthOf(text: string): number {
  return Array.from(text).length
}

/** 20,000 */
export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US')
}

/** 1,234,567 and 195.3 and 0.0123: no more digits than say something. */
export function figure(n: number): string {
  if (Number.isInteger(n) && Math.abs(n) < 1e15) return n.toLocaleString('en-US')
  if (Math.abs(n) >= 1e12 || !Number.isFinite(n)) return String(n)
  const digits = Math.abs(n) < 1 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 2 }
  return n.toLocaleString('en-US', digits)
}

/** "1 document", "20,000 documents". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

export function bytes(n: number): string {
  if (n < 10_000) return `${count(n)} B`
  return n < 1_000_000 ? `${(n / 1000).toFixed(0)} kB` : `${(n / 1_000_000).toFixed(1)} MB`
}

export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** A value in a cell for people: text as it is, what is null or missing as "(none)". */
export function cell(value: unknown): string {
  if (value === undefined || value === null) return '(none)'
  return oneLine(typeof value === 'string' ? value : JSON.stringify(value))
}

/** The same text, as long as it was, without what a terminal would act upon. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, ' ')
}

/** A value inside a line of text. */
export function show(value: unknown): string {
  return value === undefined ? '(none)' : JSON.stringify(value)
}
