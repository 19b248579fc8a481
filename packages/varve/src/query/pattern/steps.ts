/** The steps of an automaton, made from a pattern's tree. */

import type { Edge, Node } from './syntax.ts'

/** `next` and `other` are steps by number. */
type Step =
  | { readonly op: 'atom'; readonly atom: number; readonly next: number }
  | { readonly op: 'edge'; readonly edge: Edge; readonly next: number }
  | { readonly op: 'split'; readonly next: number; readonly other: number }
  | { readonly op: 'match' }

export interface Program {
  readonly steps: readonly Step[]
  readonly start: number
  /** Sources of the single characters, by number. */
  readonly atoms: readonly string[]
}

/** How many steps a tree makes, counted without making them: counted repeats are written out. */
export function sizeOf(node: Node): number {
  switch (node.kind) {
    case 'atom':
    case 'edge':
      return 1
    case 'sequence':
      return node.of.reduce((sum, part) => sum + sizeOf(part), 0)
    case 'choice':
      return node.of.reduce((sum, part) => sum + sizeOf(part) + 1, 0)
    case 'repeat':
      return node.max === Infinity ? sizeOf(node.of) * (node.min + 1) + 1 : (sizeOf(node.of) + 1) * node.max
  }
}

/** Steps are made from the end, so that each knows where it goes on. */
export function programOf(tree: Node): Program {
  const steps: Step[] = [{ op: 'match' }]
  const atoms = new Map<string, number>()
  const add = (step: Step): number => steps.push(step) - 1
  const build = (node: Node, next: number): number => {
    switch (node.kind) {
      case 'atom': {
        const atom = atoms.get(node.source) ?? atoms.size
        atoms.set(node.source, atom)
        return add({ op: 'atom', atom, next })
      }
      case 'edge':
        return add({ op: 'edge', edge: node.edge, next })
      case 'sequence':
        return node.of.reduceRight((after, part) => build(part, after), next)
      case 'choice':
        return node.of
          .map((part) => build(part, next))
          .reduceRight((other, first) => add({ op: 'split', next: first, other }))
      case 'repeat':
        return repeat(node, next)
    }
  }
  const repeat = ({ of, min, max }: Node & { readonly kind: 'repeat' }, next: number): number => {
    let start = next
    if (max === Infinity) {
      // The loop goes through a split whose number is known before what it leads to is made.
      const split = add({ op: 'split', next, other: next })
      steps[split] = { op: 'split', next: build(of, split), other: next }
      start = split
    } else for (let i = min; i < max; i++) start = add({ op: 'split', next: build(of, start), other: next })
    for (let i = 0; i < min; i++) start = build(of, start)
    return start
  }
  const start = build(tree, 0)
  return { steps, start, atoms: [...atoms.keys()] }
}
