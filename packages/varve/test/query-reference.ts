/** The slow, obvious matcher: MongoDB's rules written down once more, straight over raw filters, to check the fast one. */

import { equalJson, isJsonArray, isJsonObject, isObject, toJson, type JsonValue } from '../src/encoding/json.ts'
import { compareValues, typeRank } from '../src/query/compare.ts'

/** Values a path leads to, `undefined` for missing; `whole` leaves the array at its end unexpanded. */
function reach(root: JsonValue, segments: readonly string[], whole: boolean): (JsonValue | undefined)[] {
  const [name, ...rest] = segments
  if (name === undefined) return [root]
  const names = isJsonArray(root) ? Object.fromEntries(root.entries()) : root
  if (!isJsonObject(names)) return [undefined]
  const value = Object.entries(names).find(([key]) => key === name)?.[1]
  if (isJsonArray(value)) return inArray(value, rest, whole)
  return rest.length === 0 ? [value] : reach(value ?? null, rest, whole)
}

function inArray(array: readonly JsonValue[], rest: readonly string[], whole: boolean): (JsonValue | undefined)[] {
  const [name, ...after] = rest
  if (name === undefined) return whole ? [array] : [...array, array]
  return array.flatMap((element, i) => {
    const walked = isJsonObject(element) ? reach(element, rest, whole) : []
    if (String(i) !== name) return walked
    if (after.length === 0) return [...walked, element]
    if (isJsonArray(element)) return [...walked, ...inArray(element, after, whole)]
    return isJsonObject(element) ? [...walked, ...reach(element, after, whole)] : walked
  })
}

type Raw = Readonly<Record<string, unknown>>

function raw(value: unknown): Raw {
  if (!isObject(value)) throw new Error('a filter was expected')
  return value
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('an array was expected')
  return value
}

function json(value: unknown): JsonValue {
  return toJson(value, 'operand', 'refuse', 1)
}

function isOperators(value: unknown): boolean {
  return isObject(value) && Object.keys(value).some((name) => name.startsWith('$'))
}

/** Whether the raw, valid filter is true of the root. */
export function referenceMatches(filter: unknown, root: JsonValue): boolean {
  return Object.entries(raw(filter)).every(([name, condition]) => {
    if (name === '$and') return list(condition).every((part) => referenceMatches(part, root))
    if (name === '$or') return list(condition).some((part) => referenceMatches(part, root))
    if (name === '$nor') return !list(condition).some((part) => referenceMatches(part, root))
    return conditionHolds(root, name.split('.'), isOperators(condition) ? raw(condition) : { $eq: condition })
  })
}

function conditionHolds(root: JsonValue, segments: readonly string[], operators: Raw): boolean {
  const any = (test: (value: JsonValue | undefined) => boolean): boolean => reach(root, segments, false).some(test)
  const anyArray = (test: (value: readonly JsonValue[]) => boolean): boolean =>
    reach(root, segments, true).some((value) => isJsonArray(value) && test(value))
  return Object.entries(operators).every(([name, operand]): boolean => {
    switch (name) {
      case '$eq':
        return any((value) => equals(value, json(operand)))
      case '$ne':
        return !any((value) => equals(value, json(operand)))
      case '$in':
        return any((value) => list(operand).some((item) => equals(value, json(item))))
      case '$nin':
        return !any((value) => list(operand).some((item) => equals(value, json(item))))
      case '$exists':
        return any((value) => value !== undefined) === operand
      case '$regex':
        return any(
          (value) =>
            typeof value === 'string' && new RegExp(String(operand), String(operators['$options'])).test(value),
        )
      case '$options':
        return true
      case '$size':
        return anyArray((value) => value.length === operand)
      case '$all':
        return list(operand).length > 0 && list(operand).every((item) => any((value) => equals(value, json(item))))
      case '$not':
        return !conditionHolds(root, segments, raw(operand))
      case '$elemMatch':
        return anyArray((array) => array.some((element) => elementHolds(element, raw(operand))))
      default:
        return any((value) => compares(name, value, json(operand)))
    }
  })
}

function elementHolds(element: JsonValue, operand: Raw): boolean {
  const first = Object.keys(operand)[0] ?? ''
  if (first.startsWith('$') && !['$and', '$or', '$nor'].includes(first)) return conditionHolds(element, [], operand)
  return typeof element === 'object' && element !== null && referenceMatches(operand, element)
}

function equals(value: JsonValue | undefined, operand: JsonValue): boolean {
  return equalJson(value ?? null, operand)
}

function compares(name: string, value: JsonValue | undefined, operand: JsonValue): boolean {
  if (typeRank(value) !== typeRank(operand)) return false
  const order = compareValues(value, operand)
  if (name === '$gt') return order > 0
  if (name === '$gte') return order >= 0
  return name === '$lt' ? order < 0 : order <= 0
}
