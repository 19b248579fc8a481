/** Ordinary writes of strings where a text stands, as edits of that text. */

import type * as Y from 'yjs'
import { foldEntry, type DocumentState } from '../document/fold.ts'
import type { Operation, Path } from '../document/operation.ts'
import { textAt } from '../document/texts.ts'
import { changeAt, valueAt } from '../document/tree.ts'
import { isJsonObject, type JsonValue } from '../encoding/json.ts'
import { joinPath } from '../encoding/path.ts'
import { assertLimit, limits } from '../limits.ts'
import { clientOf, isRich, replaceText } from '../text/doc.ts'
import { Edits } from '../text/edits.ts'
import { restoreRich } from '../text/rich.ts'
import { buildDoc, docOfText, type TextState } from '../text/state.ts'
import { checkUpdate, richRoot } from '../text/update.ts'
import { startsWith } from './seal.ts'
import type { Space } from './space.ts'

/**
 * The operations with every string that is set where a text stands as an edit of that text: so forms, restores and imports
 * merge with what others type, and those who have it open see it. `past` is the state that is being restored: a rich text
 * comes back as it was, not as its plain string.
 */
export function textOperations(
  { replica }: Space,
  state: DocumentState,
  id: string,
  operations: readonly Operation[],
  past?: DocumentState,
): readonly Operation[] {
  if (state.texts === undefined) return operations
  let now = state
  return operations.flatMap((operation) => {
    const edits = stringsOf(now, operation).map(({ text, wanted }) =>
      editTo(text, wanted, past, clientOf(replica.context.env.random(4))),
    )
    const all = edits.length === 0 ? [operation] : [...withoutStrings(now, operation), ...edits]
    now = foldEntry(now, { id, actor: null, operations: all })
    return all
  })
}

interface WrittenString {
  readonly text: TextState
  /** Where it stands inside what the operation gives. */
  readonly inside: Path
  readonly wanted: string
}

/** The strings that an operation puts exactly where texts stand. */
function stringsOf(state: DocumentState, operation: Operation): readonly WrittenString[] {
  const given = operation.op === 'merge' ? operation.part : operation.op === 'set' ? operation.value : undefined
  if (given === undefined) return []
  const at = operation.op === 'set' ? operation.path : []
  return (state.texts ?? []).flatMap((text) => {
    if (!text.live || !startsWith(text.path, at)) return []
    const inside = text.path.slice(at.length)
    const wanted = valueAt(given, inside)
    return typeof wanted === 'string' ? [{ text, inside, wanted }] : []
  })
}

/** The operation with the strings as they are now; nothing when it gives a string alone. */
function withoutStrings(state: DocumentState, operation: Operation): readonly Operation[] {
  if (operation.op !== 'set' && operation.op !== 'merge') return [operation]
  let value: JsonValue = operation.op === 'set' ? operation.value : operation.part
  for (const { text, inside } of stringsOf(state, operation))
    if (isJsonObject(value)) value = changeAt(value, inside, new WeakSet(), () => text.value)
  if (!isJsonObject(value)) return []
  return [operation.op === 'set' ? { ...operation, value } : { ...operation, part: value }]
}

function editTo(text: TextState, wanted: string, past: DocumentState | undefined, client: number): Operation {
  const { path, id } = text
  assertLimit(wanted.length, limits.textWrittenCharacters, `The text at "${joinPath(path)}" in characters`)
  const doc = buildDoc(text, client)
  const edits = new Edits()
  doc.on('afterTransaction', (transaction: Y.Transaction) => edits.note(transaction))
  const then = past === undefined || !isRich(id) ? undefined : textAt(past, path)
  if (then === undefined || !isRich(then.id) || !restored(doc, then)) replaceText(doc, id, wanted)
  const taken = edits.take(doc)
  if (taken === null) return { op: 'set', path, value: wanted }
  checkUpdate(taken.update)
  return { op: 'text', path, id, update: taken.update }
}

/** False for what is nested too deeply to be copied, which nobody makes but on purpose: its plain string comes back. */
function restored(doc: Y.Doc, then: TextState): boolean {
  try {
    restoreRich(doc.getXmlFragment(richRoot), docOfText(then).getXmlFragment(richRoot))
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** Sets of rich texts whose strings are as they were and whose looks may not be: `textOperations` makes edits of them. */
export function looksBack(now: DocumentState, then: DocumentState): readonly Operation[] {
  return (then.texts ?? []).flatMap((text): readonly Operation[] => {
    const { path, value, chain } = text
    const present = text.live && isRich(text.id) ? textAt(now, path) : undefined
    if (present?.value !== value || present.chain === chain || !isRich(present.id)) return []
    return [{ op: 'set', path, value }]
  })
}
