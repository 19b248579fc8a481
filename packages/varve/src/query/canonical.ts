/** A text for each JSON value: the same for equal values, whatever the order of their attributes. */

import { isJsonArray, isJsonObject, type JsonValue } from '../encoding/json.ts'
import { sortedNames } from './compare.ts'

export function canonicalText(value: JsonValue): string {
  if (isJsonArray(value)) return `[${value.map(canonicalText).join()}]`
  if (!isJsonObject(value)) return JSON.stringify(value)
  return `{${sortedNames(value)
    .map((name) => `${JSON.stringify(name)}:${canonicalText(value[name] ?? null)}`)
    .join()}}`
}
