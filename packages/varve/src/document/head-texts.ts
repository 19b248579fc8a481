/** The texts of a document inside its stored head. */

import { toHex, fromHex } from '../encoding/bytes.ts'
import { isJsonArray, type JsonObject, type JsonValue } from '../encoding/json.ts'
import { VarveError } from '../errors.ts'
import type { TextState } from '../text/state.ts'
import { valueAt } from './tree.ts'

/** The string of a text stands in the data already. */
export function encodeTexts(texts: readonly TextState[]): readonly JsonValue[] {
  return texts.map(({ path, id, live, chain, waiting, base, tail }) => [path, id, live, chain, waiting, base, ...tail])
}

/** What is equal for equal states, and tells all about them. */
export function markTexts(texts: readonly TextState[]): readonly JsonValue[] {
  return texts.map(({ path, id, live, chain, waiting }) => [path, id, live, chain, waiting])
}

/** Throws `INVALID` for what this Varve did not write. */
export function decodeTexts(fields: JsonValue | undefined, data: JsonObject): readonly TextState[] {
  if (!isJsonArray(fields)) throw damaged()
  return fields.map((field) => {
    if (!isJsonArray(field)) throw damaged()
    const [segments, id, live, chain, waiting, base, ...tail] = field
    if (!isJsonArray(segments) || typeof live !== 'boolean' || typeof waiting !== 'number') throw damaged()
    const path = segments.map(text)
    return {
      path,
      id: hex(id),
      live,
      value: live ? text(valueAt(data, path)) : '',
      chain: hex(chain),
      waiting,
      base: text(base),
      tail: tail.map(text),
    }
  })
}

/** Sixteen bytes. */
function hex(value: JsonValue | undefined): string {
  const bytes = fromHex(text(value))
  if (bytes.length !== 16) throw damaged()
  return toHex(bytes)
}

function text(value: JsonValue | undefined): string {
  if (typeof value !== 'string') throw damaged()
  return value
}

function damaged(): VarveError {
  return new VarveError('INVALID', 'A head has texts that cannot be read')
}
