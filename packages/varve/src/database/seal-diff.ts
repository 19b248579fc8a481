/** Differences between two versions for somebody who may not see everything: what stays sealed is named without its values. */

import { differences, type Difference } from '../document/diff.ts'
import type { Head } from '../document/head.ts'
import { sealedValues, type Sealed } from '../document/sealed.ts'
import { joinPath } from '../encoding/path.ts'

/** `show` opens what this device can. Sealed again with the same value is no difference for who can open both. */
export function sealedDifferences(from: Head, to: Head, show: (head: Head) => Head): readonly Difference[] {
  const [before, after] = [show(from), show(to)]
  const hidden = new Set([...(before.hidden ?? []), ...(after.hidden ?? [])])
  const found = differences(before.state.data, after.state.data)
  if (hidden.size === 0) return found
  const [old, fresh] = [sealedByPath(from), sealedByPath(to)]
  const sealed = [...hidden].flatMap((path): readonly Difference[] => {
    const [a, b] = [old.get(path), fresh.get(path)]
    if (a?.$sealed === b?.$sealed) return []
    return [{ path, kind: a === undefined ? 'added' : b === undefined ? 'removed' : 'changed' }]
  })
  const named = new Set(sealed.map(({ path }) => path))
  return [...found.filter(({ path }) => !named.has(path)), ...sealed]
}

function sealedByPath({ state }: Head): ReadonlyMap<string, Sealed> {
  return new Map(sealedValues(state.data).map(({ path, value }) => [joinPath(path), value]))
}
