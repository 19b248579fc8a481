/** The last step of a write that is not a local change: which documents changed for their readers. */

import { utf8 } from '../encoding/bytes.ts'
import { equalJson } from '../encoding/json.ts'
import type { WorkingDocument, WorkingSet } from './working.ts'

/** Decides which documents changed visibly, and where in the order of changes they stand. */
export function finishDocuments(set: WorkingSet): void {
  for (const document of set.documents) {
    if (!document.touched) continue
    const { before, head } = document
    // Its delete may be the last that followers will hear of it, so a deleted document counts as shown.
    if (head.state.status === 'absent' && before.state.status !== 'absent')
      set.values.set(goneName(document.no), utf8(before.state.id))
    if (!visiblyChanged(document)) continue
    if (document.lastCommit > 0) document.changed = document.lastCommit
    else {
      document.changed = set.nextPosition()
      set.touches.push({ position: document.changed, document: document.no })
    }
  }
}

/** Under which the id of a document is kept that was shown and is not there any more, for those who follow changes. */
export function goneName(document: number): string {
  return `gone/${document}`
}

/** A document that was never shown and is not shown now has no event, whatever arrived in between. */
function visiblyChanged({ before, head, revealed }: WorkingDocument): boolean {
  const [was, is] = [before.state, head.state]
  if (was.status !== 'live' && is.status !== 'live') return false
  return (
    revealed === true ||
    was.status !== is.status ||
    !equalJson(was.data, is.data) ||
    before.recorded + before.pending !== head.recorded + head.pending
  )
}
