/** Texts in the state of a document: what an edit of one makes of it, and when one has ended. */

import type { JsonValue } from '../encoding/json.ts'
import { limits } from '../limits.ts'
import type { TextId } from '../text/doc.ts'
import { beginText, mergeText, type TextState } from '../text/state.ts'
import type { DocumentState } from './fold.ts'
import type { Operation, Path } from './operation.ts'
import { changeAt, valueAt, type Owned } from './tree.ts'

/** The document after an edit of a text; `state` itself when the edit changes nothing. */
export function foldText(
  state: DocumentState,
  { path, id, update }: Extract<Operation, { readonly op: 'text' }>,
  owned: Owned,
): DocumentState {
  const known = state.texts ?? []
  const before = textOf(state, path, id)
  const after = mergeText(before ?? beginText(path, id), update)
  if (after === null) return state
  const others = known.filter((text) => text !== before)
  if (after.waiting > 0 && before?.live !== true) {
    // What it builds on may never come: until it does, what stands there stays.
    const remembered = withinLimit([...others, { ...after, live: false, value: '' }])
    return remembered === null ? state : { ...state, texts: remembered }
  }
  const data = changeAt(state.data, path, owned, (value) => (value === after.value ? value : after.value))
  // An array on the way may have no such place.
  if (valueAt(data, path) !== after.value) return state
  const texts = withinLimit(settled([...others, after], data, after))
  return texts === null ? state : { ...state, status: 'live', data, texts }
}

/** The state after an operation that may have put something else where a text was. */
export function settleTexts(state: DocumentState): DocumentState {
  if (state.texts === undefined) return state
  const texts = settled(state.texts, state.data, null)
  return texts === state.texts ? state : { ...state, texts }
}

/** A text that is remembered, whether it stands at its path or not. */
export function textOf({ texts = [] }: DocumentState, path: Path, id: TextId): TextState | undefined {
  return texts.find((text) => text.id === id && isSame(text.path, path))
}

/** The text that stands at a path. */
export function textAt({ texts = [] }: DocumentState, path: Path): TextState | undefined {
  return texts.find((text) => text.live && isSame(text.path, path))
}

/** How many texts a document remembers at a path. */
export function textsAt({ texts = [] }: DocumentState, path: Path): number {
  return texts.filter((text) => isSame(text.path, path)).length
}

/** `latest` has just been written: another text of the same string at its path is not the one that stands there. */
function settled(
  texts: readonly TextState[],
  data: JsonValue | undefined,
  latest: TextState | null,
): readonly TextState[] {
  const ends = (text: TextState): boolean =>
    text.live &&
    text !== latest &&
    (valueAt(data, text.path) !== text.value || (latest !== null && isSame(latest.path, text.path)))
  return texts.some(ends) ? texts.map((text) => (ends(text) ? { ...text, live: false, value: '' } : text)) : texts
}

/** Without the text that was written longest ago of those that ended, when there are too many; null when none has. */
function withinLimit(texts: readonly TextState[]): readonly TextState[] | null {
  if (texts.length <= limits.documentTexts) return texts
  const oldest = texts.findIndex(({ live }) => !live)
  return oldest < 0 ? null : texts.filter((_, i) => i !== oldest)
}

function isSame(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((segment, i) => segment === b[i])
}
