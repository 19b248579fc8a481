/** Rich text as plain text: the lines of its blocks, and blocks made of lines. */

import * as Y from 'yjs'
import { listOf } from '../encoding/decode.ts'
import { isObject } from '../encoding/json.ts'

/** The inline elements that stand for a new line. */
const lineBreaks: ReadonlySet<string> = new Set(['hardBreak', 'hard_break'])

/**
 * The text of a fragment: a line for each element that holds text, and for each that is empty beside other elements, in
 * the order of the document. Goes down without recursion, because depth is what others decide.
 */
export function richText(fragment: Y.XmlFragment): string {
  return linesOf(fragment.toArray()).join('\n')
}

type Node = Y.XmlElement | Y.XmlText | Y.XmlHook

function linesOf(nodes: readonly Node[]): readonly string[] {
  const lines: string[] = []
  let open: string | null = null
  const stack: (Node | 'end')[] = nodes.toReversed()
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node === 'end') {
      if (open !== null) lines.push(open)
      open = null
    } else if (node instanceof Y.XmlText) open = (open ?? '') + stringOf(node)
    else if (node instanceof Y.XmlElement && node.length > 0) {
      if (open !== null) lines.push(open)
      open = null
      stack.push('end')
      for (const child of node.toArray().toReversed()) stack.push(child)
    } else if (node instanceof Y.XmlElement && open !== null) open += lineBreaks.has(node.nodeName) ? '\n' : ''
    else if (node instanceof Y.XmlElement) lines.push('')
  }
  if (open !== null) lines.push(open)
  return lines
}

function stringOf(text: Y.XmlText): string {
  const steps = listOf(text.toDelta(), 'a text')
  return steps.map((step) => (isObject(step) && typeof step['insert'] === 'string' ? step['insert'] : '')).join('')
}

/** Replaces the blocks of a fragment whose lines are not as wanted by paragraphs, one for a line; others stay as they are. */
export function replaceRich(fragment: Y.XmlFragment, wanted: string): void {
  const blocks = fragment.toArray().map((block) => linesOf([block]).join('\n'))
  const before = blocks.map((text) => text.split('\n'))
  const after = wanted === '' ? [] : wanted.split('\n')
  const start = sameBlocks(before, after)
  const rest = after.slice(before.slice(0, start).flat().length)
  const left = before.slice(start)
  const end = sameBlocks(
    left.toReversed().map((lines) => lines.toReversed()),
    rest.toReversed(),
  )
  const kept = left.slice(left.length - end).flat().length
  fragment.doc?.transact(() => {
    fragment.delete(start, left.length - end)
    fragment.insert(start, rest.slice(0, rest.length - kept).map(paragraph))
  })
}

/** How many blocks the lines begin with. */
function sameBlocks(blocks: readonly (readonly string[])[], lines: readonly string[]): number {
  let at = 0
  const other = blocks.findIndex((block) => !block.every((line) => lines[at++] === line))
  return other < 0 ? blocks.length : other
}

function paragraph(line: string): Y.XmlElement {
  const element = new Y.XmlElement('paragraph')
  if (line !== '') element.insert(0, [new Y.XmlText(line)])
  return element
}

/** Makes a fragment what another one is, leaving alone the blocks that are the same at their begin and their end. */
export function restoreRich(fragment: Y.XmlFragment, past: Y.XmlFragment): void {
  const [before, after] = [fragment.toArray(), past.toArray()]
  const [old, wanted] = [before.map(markup), after.map(markup)]
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && old[start] === wanted[start]) start++
  let end = 0
  while (end < most - start && old.at(-1 - end) === wanted.at(-1 - end)) end++
  if (start + end === before.length && start + end === after.length) return
  fragment.doc?.transact(() => {
    fragment.delete(start, before.length - start - end)
    const copies = after
      .slice(start, after.length - end)
      .flatMap((node) => (node instanceof Y.XmlHook ? [] : node.clone()))
    fragment.insert(start, copies)
  })
}

function markup(node: Node): string {
  return node instanceof Y.XmlHook ? '' : node.toJSON()
}
