/** The numbers of the segment format, version 1, and the one error of objects that are not as they should be. */

import { concat, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'

/** Magic and version. */
export const segmentHead: Uint8Array = concat(utf8('VARVESEG'), Uint8Array.of(1))

export const hashBytes = 32
/** The size of the index and the hash of everything. */
export const footerBytes = 4 + hashBytes

export function wrongSegment(key: string, why: string, cause?: unknown): VarveError {
  return new VarveError(
    'TAMPERED',
    `The segment "${key}" is not what was put into object storage (${why}): restore it from a copy`,
    { details: { segment: key }, cause },
  )
}
