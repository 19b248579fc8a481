/** Differences of documents with what changed inside their shared texts. */

import type { Difference } from '../document/diff.ts'
import type { Head } from '../document/head.ts'
import { joinPath } from '../encoding/path.ts'
import { plainDelta, textDelta } from '../text/delta.ts'
import { textsAt } from '../document/texts.ts'
import { begunText, type TextState } from '../text/state.ts'

export function withTexts(from: Head, to: Head, differences: readonly Difference[]): readonly Difference[] {
  const [old, fresh] = [textsOf(from), textsOf(to)]
  if (old.size === 0 && fresh.size === 0) return differences
  return differences.map((difference) => {
    const { path, before, after } = difference
    const [a, b] = [old.get(path), fresh.get(path)]
    if (typeof before !== 'string' || typeof after !== 'string' || (a === undefined && b === undefined))
      return difference
    const begun = (text: TextState | undefined, string: string): TextState | null =>
      text === undefined
        ? null
        : begunText(text.path, text.id, string, Math.max(textsIn(from, text), textsIn(to, text)))
    const [one, two] = [a ?? begun(b, before), b ?? begun(a, after)]
    return { ...difference, text: one === null || two === null ? plainDelta(before, after) : textDelta(one, two) }
  })
}

function textsIn({ state }: Head, { path }: TextState): number {
  return textsAt(state, path)
}

function textsOf({ state }: Head): ReadonlyMap<string, TextState> {
  return new Map((state.texts ?? []).filter(({ live }) => live).map((text) => [joinPath(text.path), text]))
}
