/** The one place where stored JSON takes the type its application declared: a decoder by declaration. */

import type { Doc } from '../document/head.ts'
import type { JsonObject } from '../encoding/json.ts'

/** The document as the collection's type says; a schema on the collection is what makes it true. */
export function typed<T>(doc: Doc): Doc<T>
export function typed(doc: unknown): unknown {
  return doc
}

export function typedOrNull<T>(doc: Doc | null): Doc<T> | null {
  return doc === null ? null : typed<T>(doc)
}

/** The same for the JSON that queries hand out. */
export function typedJson<T>(doc: JsonObject): Doc<T>
export function typedJson(doc: unknown): unknown {
  return doc
}
