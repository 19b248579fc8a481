/** Differences between two states: for people (`diff`), and as the operations an update is stored as. */

import { joinPath } from '../encoding/path.ts'
import type { TextDifference } from '../text/delta.ts'
import { equalJson, type JsonObject, type JsonValue } from '../encoding/json.ts'
import type { Operation, Path } from './operation.ts'
import { hasAttributes } from './sealed.ts'

/** One attribute that differs. `before` or `after` is absent when the attribute is, both when it is sealed for the reader. */
export interface Difference {
  /** Dotted path; a dot inside a name is written `\.`. */
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed'
  readonly before?: JsonValue
  readonly after?: JsonValue
  /** Of a shared text on both sides: which characters stayed, came and went, whoever typed them. */
  readonly text?: readonly TextDifference[]
}

interface RawDifference {
  readonly path: Path
  readonly before: JsonValue | undefined
  readonly after: JsonValue | undefined
}

/** Differences attribute by attribute, objects compared inside, arrays as wholes; by path. */
function compareObjects(
  before: JsonObject,
  after: JsonObject,
  path: Path,
  found: RawDifference[],
): readonly RawDifference[] {
  const names = [...Object.keys(before), ...Object.keys(after).filter((name) => !Object.hasOwn(before, name))]
  for (const name of names) {
    const a = Object.hasOwn(before, name) ? before[name] : undefined
    const b = Object.hasOwn(after, name) ? after[name] : undefined
    if (a === b || equalJson(a, b)) continue
    if (hasAttributes(a) && hasAttributes(b)) compareObjects(a, b, [...path, name], found)
    else found.push({ path: [...path, name], before: a, after: b })
  }
  return found
}

export function differences(before: JsonObject, after: JsonObject): readonly Difference[] {
  return compareObjects(before, after, [], []).map(({ path, before: a, after: b }) => ({
    path: joinPath(path),
    kind: a === undefined ? 'added' : b === undefined ? 'removed' : 'changed',
    ...(a === undefined ? {} : { before: a }),
    ...(b === undefined ? {} : { after: b }),
  }))
}

/** The `set` and `unset` operations that turn `before` into `after`. */
export function operationsBetween(before: JsonObject, after: JsonObject): readonly Operation[] {
  return compareObjects(before, after, [], []).map(({ path, after: value }) =>
    value === undefined ? { op: 'unset', path } : { op: 'set', path, value },
  )
}
