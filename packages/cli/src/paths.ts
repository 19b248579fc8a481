/** Dotted paths of the command line, and the values that documents have under them. */

import type { Row } from './options.ts'

/** A dot inside a name is written `\.`, and a backslash before a dot or a backslash `\\`. */
function segmentsOf(path: string): readonly string[] {
  const parts = path.match(/(?:\\[.\\]|[^.])+/g) ?? []
  return parts.map((part) => part.replaceAll(/\\([.\\])/g, '$1'))
}

/** The value at a path; behind a list, the values in its objects as a list. */
export function valueAt(doc: Row, path: string): unknown {
  return below(doc, segmentsOf(path))
}

function below(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return value
  if (Array.isArray(value)) {
    const found = value.map((element: unknown) =>
      Array.isArray(element) ? undefined : below(element, [name, ...rest]),
    )
    return found.filter((each) => each !== undefined)
  }
  return isRow(value) && Object.hasOwn(value, name) ? below(value[name], rest) : undefined
}

export function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
