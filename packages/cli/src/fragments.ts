/** The place in a text where a search found something, in a line that fits the terminal. */

import type { Highlight } from 'varve'
import { oneLine } from './table.ts'

const bold = ['\u001b[1m', '\u001b[22m'] as const

/** The text around the first place found, at most `width` characters; what was found is bold where that is understood. */
export function fragment({ text, ranges }: Highlight, width: number, isBold: boolean): string {
  const [from, to] = windowOf(text, ranges[0]?.[0] ?? 0, width)
  const line = oneLine(text)
  const [begin, end] = isBold ? bold : ['', '']
  let shown = from > 0 ? '…' : ''
  let last = from
  for (const [start, stop] of ranges) {
    if (start >= to) break
    const until = Math.min(stop, to)
    shown += `${line.slice(last, start)}${begin}${line.slice(start, until)}${end}`
    last = until
  }
  return `${shown}${line.slice(last, to)}${to < text.length ? '…' : ''}`
}

/** With room for an ellipsis at both ends. */
function windowOf(text: string, first: number, width: number): readonly [from: number, to: number] {
  if (text.length <= width) return [0, text.length]
  const size = Math.max(0, width - 2)
  const from = Math.min(first, Math.max(0, Math.min(first - Math.floor(size / 4), text.length - size)))
  return [whole(text, from), whole(text, from + size)]
}

/** The place itself, or the one before when it would split a character. */
function whole(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at
}
