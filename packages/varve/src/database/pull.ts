/** Which elements `$pull` removes: decided here, so that the log carries the values themselves. */

import { equalJson, isJsonObject, isObject, toJson, type JsonValue } from '../encoding/json.ts'
import { parseFilter } from '../query/filter.ts'
import { matches } from '../query/matcher.ts'

/** The elements equal to `condition`, or matching it when it is a filter (MongoDB's meaning of `$pull`). */
export function matchElements(array: readonly JsonValue[], condition: unknown, path: string): readonly JsonValue[] {
  if (!isObject(condition)) {
    const value = toJson(condition, path)
    return array.filter((element) => equalJson(element, value))
  }
  if (Object.keys(condition).some((name) => name.startsWith('$'))) {
    const predicate = parseFilter({ element: condition })
    return array.filter((element) => matches(predicate, { element }))
  }
  const predicate = parseFilter(condition)
  return array.filter((element) => isJsonObject(element) && matches(predicate, element))
}
