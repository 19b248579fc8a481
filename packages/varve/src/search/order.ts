/** The orders in which stores answer searches: hits best first, postings by term and place. */

import { compareBytes, utf8 } from '../encoding/bytes.ts'
import type { Posting } from './types.ts'

/** A place in the ranking. */
interface Place {
  readonly score: number
  readonly id: string
  readonly document: number
}

/** Best first, ties by the UTF-8 bytes of their ids, then by document. */
export function comparePositions(one: Place, other: Place): number {
  return (
    other.score - one.score ||
    (one.id === other.id ? 0 : compareBytes(utf8(one.id), utf8(other.id))) ||
    one.document - other.document
  )
}

/** By (term, document, field, position); terms by their UTF-8 bytes. */
export function comparePostings(one: Posting, other: Posting): number {
  return (
    (one.term === other.term ? 0 : compareBytes(utf8(one.term), utf8(other.term))) ||
    one.document - other.document ||
    one.field - other.field ||
    one.position - other.position
  )
}
