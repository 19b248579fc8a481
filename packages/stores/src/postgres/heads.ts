/** How the text of heads is kept: as text where PostgreSQL can hold it and read it as JSON, else byte for byte. */

import { headFields, isVarveError } from 'varve/engine'
import { bytesAt } from './cells.ts'
import type { Row } from './pipeline.ts'

/** Signs of U+0000 and of surrogates, which `jsonb` refuses; that some of them would be accepted costs little. */
const refused = /\0|\\u(?:0000|[dD][89a-fA-F])/

/** One of them is set, or none when there is no text. */
export interface KeptText {
  readonly text: string | null
  readonly bytes: Uint8Array | null
}

const none: KeptText = { text: null, bytes: null }
const asUtf8 = 0
const asUtf16 = 1

export function keptText(text: string | null): KeptText {
  if (text === null) return none
  if (text.isWellFormed()) {
    if (!refused.test(text)) return { text, bytes: null }
    return { text: null, bytes: Buffer.concat([Buffer.of(asUtf8), Buffer.from(text, 'utf8')]) }
  }
  return { text: null, bytes: Buffer.concat([Buffer.of(asUtf16), Buffer.from(text, 'utf16le')]) }
}

/** The text of two neighbouring cells. */
export function textOfCells(row: Row, column: number): string | null {
  const text = row[column] ?? null
  if (text !== null || (row[column + 1] ?? null) === null) return text
  const bytes = bytesAt(row, column + 1)
  const buffer = Buffer.from(bytes.buffer, 1)
  return buffer.toString(bytes[0] === asUtf16 ? 'utf16le' : 'utf8')
}

const idInFront = /^\[[0-9]+,("(?:[^"\\]|\\.)*")/

/** The id in a head, which breaks ties of searches; null where there is none. */
export function idOf(state: string | null): string | null {
  if (state === null || !state.startsWith('[')) return null
  const [, found] = idInFront.exec(state) ?? []
  try {
    const id = headFields(found === undefined ? state : `[0,${found}]`)[1]
    return typeof id === 'string' && id.isWellFormed() ? id : null
  } catch (error) {
    // A head that is damaged has no id; reading it will tell.
    if (isVarveError(error, 'TAMPERED')) return null
    throw error
  }
}
