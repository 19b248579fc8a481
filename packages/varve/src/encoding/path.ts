/** Attribute paths: dotted text for people, segments for programs; `\.` is a dot inside an attribute name. */

import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'

/**
 * The segments of a dotted path. `\.` stands for a dot and `\\` for a backslash inside a name; any other
 * backslash is itself. Throws `INVALID` for empty segments and for paths deeper than a document can be.
 */
export function splitPath(path: string): string[] {
  const segments = path.includes('\\') ? splitEscaped(path) : path.split('.')
  if (segments.includes('')) {
    throw new VarveError('INVALID', `The path "${path}" has an empty segment: write names with single dots between`, {
      details: { path },
    })
  }
  if (segments.length > limits.documentDepth) {
    throw new VarveError(
      'INVALID',
      `The path "${path}" has more than ${limits.documentDepth} segments: no document is so deep`,
      {
        details: { path, limit: limits.documentDepth },
      },
    )
  }
  return segments
}

function splitEscaped(path: string): string[] {
  const segments: string[] = []
  let segment = ''
  for (let i = 0; i < path.length; i++) {
    const next = path[i + 1]
    if (path[i] === '\\' && (next === '.' || next === '\\')) {
      segment += next
      i++
    } else if (path[i] === '.') {
      segments.push(segment)
      segment = ''
    } else segment += path[i] ?? ''
  }
  segments.push(segment)
  return segments
}

/** The path text of segments, escaped so that `splitPath` gives the same segments again. */
export function joinPath(segments: readonly string[]): string {
  return segments.map(escapeSegment).join('.')
}

function escapeSegment(segment: string): string {
  // Nearly no name has one: patterns would cost more than the rest of planning a query.
  if (!segment.includes('.') && !segment.includes('\\')) return segment
  return segment.replace(/[\\.]/g, '\\$&')
}
