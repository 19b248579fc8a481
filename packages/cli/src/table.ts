/** Text laid out for people: aligned tables, numbers with separators, sizes and durations. */

/** Rows under a heading, columns two spaces apart; the last column is cut to the width. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const all = [heading, ...rows]
  const widths = heading.map((_, column) => Math.max(...all.map((row) => lengthOf(row[column] ?? ''))))
  const lines = all.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : pad(cell, widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
  return lines.map((line) => `${cut(line, width)}\n`).join('')
}

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

/** A value inside a line of text. */
export function show(value: unknown): string {
  return value === undefined ? '(none)' : JSON.stringify(value)
}
