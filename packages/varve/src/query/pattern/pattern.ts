/** Patterns whose cost is bounded: the platform's own engine where it cannot go astray, an automaton elsewhere. */

import { VarveError } from '../../errors.ts'
import { Automaton } from './automaton.ts'
import { programOf, sizeOf } from './steps.ts'
import { parsePatternSource, type Node } from './syntax.ts'

/** What the matcher asks, and what indexes read the beginning of; a `RegExp` is one. */
export interface Pattern {
  readonly source: string
  readonly flags: string
  test(text: string): boolean
}

/** Steps of one automaton: counted repeats inside each other grow quickly. */
const mostSteps = 500
/** Steps that the platform's engine may take at one place of a text. */
const mostTries = 500

/** A pattern that takes time in proportion to the text. Throws what `RegExp` throws, and `INVALID` where there is none. */
export function boundedPattern(source: string, flags: string): Pattern {
  const native = new RegExp(source, flags)
  const tree = parsePatternSource(native.source, flags.includes('u'))
  if (isTame(tree, flags.includes('m'))) return native
  if (sizeOf(tree) > mostSteps)
    throw new VarveError('INVALID', `repeats more than ${mostSteps} parts in all: write smaller counts`)
  let automaton: Automaton | null = null
  return {
    source: native.source,
    flags: native.flags,
    test: (text) => (automaton ??= new Automaton(programOf(tree), flags)).test(text),
  }
}

/**
 * Whether trying one way after the other, at every place of a text, is bounded by the length of the text: no unbounded
 * repeat but one that ends the pattern, or one behind a fixed beginning.
 */
function isTame(tree: Node, multiline: boolean): boolean {
  const parts = tree.kind === 'sequence' ? tree.of : [tree]
  const [first] = parts
  const anchored = first?.kind === 'edge' && first.edge === 'start' && !multiline
  let endless = 0
  let tries = 1
  for (const [i, part] of parts.entries()) {
    const isLast = i + 1 === parts.length
    const single = part.kind === 'repeat' && part.of.kind === 'atom' && part.max === Infinity
    // At the end of the pattern the first match is enough, however much more there is.
    if (single && !isLast) endless++
    tries *= single ? 1 + part.min : triesOf(part)
  }
  return tries * (1 + sizeOf(tree)) <= mostTries && endless <= (anchored ? 1 : 0)
}

/** Ways to go through a part, all in all. */
function triesOf(node: Node): number {
  switch (node.kind) {
    case 'atom':
    case 'edge':
      return 1
    case 'sequence':
      return node.of.reduce((product, part) => product * triesOf(part), 1)
    case 'choice':
      return node.of.reduce((sum, part) => sum + triesOf(part), 0)
    case 'repeat': {
      if (node.max === Infinity) return Infinity
      let sum = 0
      for (let i = node.min; i <= node.max && sum < mostTries; i++) sum += triesOf(node.of) ** i
      return sum
    }
  }
}
