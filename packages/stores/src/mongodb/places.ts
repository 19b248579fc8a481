/** Where a word stands in a document, as few bytes: for each field how often, and the steps from place to place. */

import { VarveError } from 'varve/engine'

/** Numbers as groups of 7 bits, the lowest first; the high bit says that more follow. */
export function encodePlaces(fields: readonly (readonly number[])[]): Uint8Array {
  const bytes: number[] = []
  const push = (value: number): void => {
    let rest = value
    for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
    bytes.push(rest)
  }
  for (const positions of fields) {
    push(positions.length)
    let before = 0
    for (const position of positions) {
      push(position - before)
      before = position
    }
  }
  return Uint8Array.from(bytes)
}

export function decodePlaces(bytes: Uint8Array): readonly (readonly number[])[] {
  let at = 0
  const next = (): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) {
        throw new VarveError('TAMPERED', 'A search row of the store is cut short: build the search index again')
      }
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
  }
  const fields: (readonly number[])[] = []
  while (at < bytes.length) {
    let before = 0
    fields.push(Array.from({ length: next() }, () => (before += next())))
  }
  return fields
}
