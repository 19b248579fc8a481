/** Verifying texts: their bytes are not compared, because one state has many forms, but what they say is. */

import { decodeHead, encodeHead, markOfHead, type Head } from '../document/head.ts'
import { joinPath } from '../encoding/path.ts'
import { isVarveError } from '../errors.ts'
import { textProblem } from '../text/state.ts'

/** What is wrong with the stored texts of a head. */
export function textProblems({ state }: Head): readonly string[] {
  return (state.texts ?? []).flatMap((text) => {
    const problem = textProblem(text)
    return problem === null ? [] : [`text at "${joinPath(text.path)}": ${problem}`]
  })
}

/** Whether a stored snapshot says the same as the head it should be. */
export function isSnapshotOf(snapshot: string, head: Head): boolean {
  if (snapshot === encodeHead(head)) return true
  if (head.state.texts === undefined) return false
  try {
    const stored = decodeHead(snapshot)
    return markOfHead(stored) === markOfHead(head) && textProblems(stored).length === 0
  } catch (error) {
    if (isVarveError(error, 'TAMPERED')) return false
    throw error
  }
}
