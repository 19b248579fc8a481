/** Regular expressions as trees: structure is read here, single characters are left to the platform's own engine. */

import { VarveError } from '../../errors.ts'

/** What a pattern asks for at one place; everything but `atom` is about several characters, or none. */
export type Node =
  | { readonly kind: 'atom'; readonly source: string }
  | { readonly kind: 'edge'; readonly edge: Edge }
  | { readonly kind: 'sequence' | 'choice'; readonly of: readonly Node[] }
  | { readonly kind: 'repeat'; readonly of: Node; readonly min: number; readonly max: number }

export type Edge = 'start' | 'end' | 'word' | 'not word'

const groupDepth = 100
const quantifier = /\{(\d+)(?:(,)(\d*))?\}/y
const hex4 = /[0-9a-f]{4}/iy
const hex2 = /[0-9a-f]{2}/iy
const octal = /[0-3][0-7]{0,2}|[4-7][0-7]?/y
const codePoint = /\{[0-9a-f]+\}/iy
const surrogates = /\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}/iy

/** The tree of a source that `new RegExp(source, flags)` takes; throws `INVALID` for what no automaton can run. */
export function parsePatternSource(source: string, unicode: boolean): Node {
  return new Parser(source, unicode).parse()
}

function refuse(problem: string): never {
  throw new VarveError('INVALID', problem)
}

class Parser {
  readonly #source: string
  readonly #unicode: boolean
  readonly #groups: number
  readonly #named: boolean
  #at = 0

  constructor(source: string, unicode: boolean) {
    this.#source = source
    this.#unicode = unicode
    const { groups, named } = countGroups(source)
    this.#groups = groups
    this.#named = named
  }

  parse(): Node {
    return this.#choice(0)
  }

  #choice(depth: number): Node {
    if (depth > groupDepth) return refuse(`is nested deeper than ${groupDepth} groups: simplify it`)
    const parts = [this.#sequence(depth)]
    while (this.#source[this.#at] === '|') {
      this.#at++
      parts.push(this.#sequence(depth))
    }
    const [only] = parts
    return only !== undefined && parts.length === 1 ? only : { kind: 'choice', of: parts }
  }

  #sequence(depth: number): Node {
    const parts: Node[] = []
    for (;;) {
      const next = this.#source[this.#at]
      if (next === undefined || next === '|' || next === ')') break
      parts.push(this.#repeated(this.#term(depth)))
    }
    return { kind: 'sequence', of: parts }
  }

  #repeated(node: Node): Node {
    const next = this.#source[this.#at]
    const counted = next === '{' ? this.#match(quantifier) : null
    let min = 0
    let max = Infinity
    if (counted !== null) {
      min = Number(counted[1])
      max = counted[2] === undefined ? min : counted[3] === '' ? Infinity : Number(counted[3])
      this.#at += counted[0].length
    } else if (next === '*' || next === '+' || next === '?') {
      min = next === '+' ? 1 : 0
      max = next === '?' ? 1 : Infinity
      this.#at++
    } else return node
    // Whether few or many are tried first changes what matches, not whether.
    if (this.#source[this.#at] === '?') this.#at++
    return { kind: 'repeat', of: node, min, max }
  }

  #term(depth: number): Node {
    const next = this.#source[this.#at] ?? ''
    switch (next) {
      case '^':
      case '$':
        this.#at++
        return { kind: 'edge', edge: next === '^' ? 'start' : 'end' }
      case '(':
        return this.#group(depth)
      case '[':
        return this.#take(classLength(this.#source, this.#at))
      case '\\':
        return this.#escape()
      default:
        return this.#literal()
    }
  }

  #group(depth: number): Node {
    const head = /\((?:\?(?:<[=!]|[^<]|<[^>]*>))?/y
    const [opening] = this.#match(head, true) ?? ['(']
    if (/^\(\?<?[=!]/.test(opening))
      return refuse('looks ahead or behind, which takes more than one pass: write it without (?= (?! (?<= and (?<!')
    if (opening !== '(' && opening !== '(?:' && !opening.startsWith('(?<'))
      return refuse('changes flags inside a group: use $options')
    const inner = this.#choice(depth + 1)
    this.#at++
    return inner
  }

  #escape(): Node {
    const next = this.#source[this.#at + 1] ?? ''
    if (next === 'b' || next === 'B') {
      this.#at += 2
      return { kind: 'edge', edge: next === 'b' ? 'word' : 'not word' }
    }
    if (/[1-9]/.test(next)) return this.#number()
    if (next === 'k' && (this.#named || this.#unicode)) return refuseReference()
    return this.#take(this.#escapeLength(next))
  }

  /** Without so many groups it is an octal number, or the digit itself. */
  #number(): Node {
    const digits = /\\(\d+)/y
    if (this.#unicode || Number(this.#match(digits)?.[1]) <= this.#groups) return refuseReference()
    return this.#take(1 + (this.#lengthOf(octal, 1) || 1))
  }

  #escapeLength(next: string): number {
    switch (next) {
      case 'u':
        if (this.#unicode) return this.#lengthOf(surrogates, 0) || 2 + (this.#lengthOf(codePoint, 2) || 4)
        return 2 + this.#lengthOf(hex4, 2)
      case 'x':
        return 2 + this.#lengthOf(hex2, 2)
      case '0':
        return 1 + (this.#unicode ? 1 : this.#lengthOf(octal, 1))
      case 'p':
      case 'P':
        return this.#unicode ? this.#source.indexOf('}', this.#at) - this.#at + 1 : 2
      case 'c':
        // Without a letter the backslash stands for itself.
        return /[a-z]/i.test(this.#source[this.#at + 2] ?? '') ? 3 : 1
      default:
        return 1 + this.#characterLength(1)
    }
  }

  #literal(): Node {
    return this.#take(this.#characterLength(0))
  }

  #characterLength(ahead: number): number {
    const point = this.#unicode ? this.#source.codePointAt(this.#at + ahead) : undefined
    return point !== undefined && point > 0xffff ? 2 : 1
  }

  #take(length: number): Node {
    const text = this.#source.slice(this.#at, this.#at + length)
    this.#at += length
    return { kind: 'atom', source: text === '\\' ? '\\\\' : text }
  }

  #lengthOf(pattern: RegExp, ahead: number): number {
    pattern.lastIndex = this.#at + ahead
    return pattern.exec(this.#source)?.[0].length ?? 0
  }

  #match(pattern: RegExp, take = false): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#source)
    if (take && found !== null) this.#at += found[0].length
    return found
  }
}

function refuseReference(): never {
  refuse('refers back to a group, which cannot be bounded: write what the group matches again')
}

/** Length of the class that begins here; a bracket right behind the opening one closes it. */
function classLength(source: string, start: number): number {
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === ']') return i - start + 1
  }
  return source.length - start
}

function countGroups(source: string): { readonly groups: number; readonly named: boolean } {
  let groups = 0
  let named = false
  for (let i = 0; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === '[') i += classLength(source, i) - 1
    else if (source[i] === '(') {
      const isNamed = /^\(\?<[^=!]/.test(source.slice(i, i + 4))
      if (isNamed) named = true
      if (isNamed || source[i + 1] !== '?') groups++
    }
  }
  return { groups, named }
}
