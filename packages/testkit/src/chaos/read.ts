/** Reading what another process said: plain data whose shape is known, and checked. */

export type Fields = Readonly<Record<string, unknown>>

export function fieldsOf(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw unexpected('an object', value)
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw unexpected('a text', value)
}

export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  throw unexpected('a number', value)
}

export function flagOf(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw unexpected('true or false', value)
}

export function listOf<T>(value: unknown, read: (each: unknown) => T): readonly T[] {
  if (!Array.isArray(value)) throw unexpected('a list', value)
  const items: readonly unknown[] = value
  return items.map(read)
}

/** Null for null, else what `read` makes of it. */
export function maybe<T>(value: unknown, read: (each: unknown) => T): T | null {
  return value === null ? null : read(value)
}

/** Every whole line of a file of JSON lines; a last one that a kill cut off is left out. */
export function linesOf(text: string): readonly unknown[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => {
      if (line === '') return []
      const value: unknown = JSON.parse(line)
      return [value]
    })
}

function unexpected(wanted: string, value: unknown): TypeError {
  return new TypeError(`Another process should have said ${wanted} and said ${JSON.stringify(value)}`)
}
