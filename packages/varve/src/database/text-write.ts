/** Writing texts: an edit as a write of its own, and ordinary writes of strings where a text stands. */

import * as Y from 'yjs'
import type { DocumentState } from '../document/fold.ts'
import type { Operation, Path } from '../document/operation.ts'
import { textAt, textOf } from '../document/texts.ts'
import { joinPath } from '../encoding/path.ts'
import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { WriteTask } from '../replica/queue.ts'
import { beginningOf, type TextId } from '../text/doc.ts'
import type { TextState } from '../text/state.ts'
import { checkUpdate } from '../text/update.ts'
import { changeOf, livingHead, plannedWith, validated, written } from './change.ts'
import type { Space } from './space.ts'
import type { WriteOptions, Written } from './types.ts'

/** Which text, of which document. */
export interface TextTarget {
  readonly space: Space
  readonly id: string
  /** Row tag of the document. */
  readonly tag: Uint8Array
  readonly path: Path
  readonly text: TextId
  /** The string it begins with, where nothing of it is written yet. */
  readonly begin: string
}

/**
 * The write of an edit. `planned` is told the state that it will make, before it is stored. Edits of two devices merge, so
 * `conflict: 'reject'` does not concern them.
 */
export function textTask(
  target: TextTarget,
  update: Uint8Array,
  options: WriteOptions,
  planned: (text: TextState) => void,
): WriteTask<Written> {
  const { id, tag, path, text } = target
  const space = { ...target.space, rules: { ...target.space.rules, conflict: 'merge' as const } }
  return {
    tags: [tag],
    size: 1,
    alone: false,
    plan: (view) => {
      const head = livingHead(view.head(tag), id, true)
      const bytes = isBegun(head.state, target) ? update : withBeginning(target, update)
      checkUpdate(bytes)
      const operations: readonly Operation[] = [{ op: 'text', path, id: text, update: bytes }]
      const made = changeOf(space, head, { id, tag, kind: 'change', operations, always: true }, options)
      const after = made === null || made.after === head.state ? undefined : textOf(made.after, path, text)
      if (made === null || after === undefined) throw refused(path)
      if (after.value.length > before(head.state, path))
        assertLimit(after.value.length, limits.textWrittenCharacters, `The text at "${joinPath(path)}" in characters`)
      validated(space, made.after.data)
      planned(after)
      return plannedWith(options, [made.change], ([outcome]) => {
        if (outcome !== undefined) return written(space, id, outcome)
        throw new VarveError('STORE_FAILED', 'A write has no outcome: this is a defect, please report it')
      })
    },
  }
}

/** A text that is too long already may become shorter. */
function before(state: DocumentState, path: Path): number {
  return textAt(state, path)?.value.length ?? 0
}

function isBegun(state: DocumentState, { path, text }: TextTarget): boolean {
  return textOf(state, path, text) !== undefined
}

function withBeginning({ text, begin }: TextTarget, update: Uint8Array): Uint8Array {
  const beginning = beginningOf(text, begin)
  return beginning === null ? update : Y.mergeUpdates([beginning, update])
}

function refused(path: Path): VarveError {
  return new VarveError(
    'TOO_LARGE',
    `The text at "${joinPath(path)}" cannot take this edit: it becomes too long, or the document has ${limits.documentTexts} texts`,
    { details: { path: joinPath(path) } },
  )
}
