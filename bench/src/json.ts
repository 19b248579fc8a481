/** What comes out of JSON files and rows, as the types it must have. */

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

export function asText(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`Text expected, not ${typeof value}`)
  return value
}

export function asNumber(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError(`A number expected, not ${typeof value}`)
  return value
}

export function asBytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`Bytes expected, not ${typeof value}`)
  return value
}

export function asList(value: unknown): readonly unknown[] {
  if (!isList(value)) throw new TypeError(`A list expected, not ${typeof value}`)
  return value
}

/** What stands under a name; undefined when there is nothing, or the value has no names. */
export function fieldOf(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined
}
