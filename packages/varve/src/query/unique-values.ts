/** What a document has under the paths of a unique index, told apart beyond what index keys can hold. */

import { concat } from '../encoding/bytes.ts'
import type { JsonObject, JsonValue } from '../encoding/json.ts'
import { canonicalText } from './canonical.ts'
import { segmentsOf } from './index-keys.ts'
import { orderKey } from './order-key.ts'
import { keyValues } from './sort-key.ts'

export interface UniqueValue {
  /** The same exactly for the same values. */
  readonly name: string
  /** Key of its row. */
  readonly key: Uint8Array
  /** One for each path; missing is null, an empty array is itself. */
  readonly values: readonly JsonValue[]
}

/**
 * The values that no other document may have: one, or one for each element where a path leads to an array. A document
 * with arrays under two paths has none: its rows do not say which elements belong together.
 */
export function uniqueValues(paths: readonly string[], doc: JsonObject): readonly UniqueValue[] {
  const parts = segmentsOf(paths).map((segments) => distinctValues(doc, segments))
  if (parts.filter((part) => part.length > 1).length > 1) return []
  const most = Math.max(...parts.map((part) => part.length))
  return Array.from({ length: most }, (_, i) => {
    const chosen = parts.flatMap((part) => part[part.length > 1 ? i : 0] ?? [])
    return {
      name: chosen.map(({ name }) => name).join('\n'),
      key: concat(...chosen.map(({ key }) => key)),
      values: chosen.map(({ value }) => value),
    }
  })
}

interface PathValue {
  readonly name: string
  readonly key: Uint8Array
  readonly value: JsonValue
}

function distinctValues(doc: JsonObject, segments: readonly string[]): readonly PathValue[] {
  const found = new Map<string, PathValue>()
  for (const value of keyValues(doc, segments)) {
    const name = value === undefined ? '' : canonicalText(value)
    if (!found.has(name)) found.set(name, { name, key: orderKey(value).bytes, value: value ?? [] })
  }
  return [...found.values()]
}
