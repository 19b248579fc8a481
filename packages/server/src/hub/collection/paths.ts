/** Dotted paths into what a caller gave, which may be anything. */

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What stands at a path through objects; undefined for nothing. */
export function valueAt(value: unknown, path: string): unknown {
  let at = value
  for (const name of path.split('.')) at = isRecord(at) && Object.hasOwn(at, name) ? at[name] : undefined
  return at
}
