/** A pattern as an automaton: every text is read once, whatever the pattern; states are made as texts lead to them. */

import type { Program } from './steps.ts'
import type { Edge } from './syntax.ts'

/** What stands before or behind a place in a text. */
type Neighbour = 'nothing' | 'line' | 'word' | 'other'

/** Characters that no part of the pattern tells apart. */
interface Class {
  readonly no: number
  readonly neighbour: Neighbour
  /** By number of the atom, whether it takes these characters. */
  readonly takes: readonly boolean[]
}

/** The steps that are reached by what was read, and what was read last. */
interface State {
  readonly steps: readonly number[]
  readonly before: Neighbour
  /** By number of the class of the next character; null where there was no room for the state. */
  readonly next: (State | undefined)[] | null
}

/** When there are more states, or characters, they are forgotten. Texts that lead to ever new states go on without. */
const mostStates = 1_000
const mostCharacters = 10_000
const lines = new Set(['\n', '\r', '\u2028', '\u2029'])

export class Automaton {
  readonly #program: Program
  readonly #multiline: boolean
  readonly #unicode: boolean
  readonly #atoms: readonly RegExp[]
  readonly #word: RegExp
  readonly #classes = new Map<string, Class>()
  readonly #characters = new Map<number, Class>()
  readonly #states = new Map<string, State>()
  /** By number of the step, the last walk that came there. */
  readonly #seen: Uint32Array
  #walk = 0
  #first: State
  /** Stands for having matched, whatever comes. */
  readonly #found: State = { steps: [], before: 'other', next: null }

  constructor(program: Program, flags: string) {
    this.#program = program
    this.#multiline = flags.includes('m')
    this.#unicode = flags.includes('u')
    const own = flags.replace('m', '')
    this.#atoms = program.atoms.map((source) => new RegExp(`^(?:${source})$`, own))
    this.#word = new RegExp('^\\w$', own)
    this.#seen = new Uint32Array(program.steps.length)
    this.#first = this.#state([], 'nothing')
  }

  /** Whether the pattern is found anywhere in the text. */
  test(text: string): boolean {
    // Numbers of walks must fit their memory.
    if (this.#states.size >= mostStates || this.#walk > 0x4000_0000) this.#forget()
    let state = this.#first
    for (let i = 0; i < text.length; i++) {
      const code = this.#unicode ? (text.codePointAt(i) ?? 0) : text.charCodeAt(i)
      if (code > 0xffff) i++
      const of = this.#characters.get(code) ?? this.#classOf(code)
      state = state.next?.[of.no] ?? this.#step(state, of)
      if (state === this.#found) return true
    }
    return this.#closure(state, 'nothing') === null
  }

  #classOf(code: number): Class {
    const character = this.#unicode ? String.fromCodePoint(code) : String.fromCharCode(code)
    const takes = this.#atoms.map((atom) => atom.test(character))
    const neighbour = lines.has(character) ? 'line' : this.#word.test(character) ? 'word' : 'other'
    const name = `${neighbour} ${takes.map(Number).join('')}`
    const known = this.#classes.get(name) ?? { no: this.#classes.size, neighbour, takes }
    this.#classes.set(name, known)
    if (this.#characters.size >= mostCharacters) this.#characters.clear()
    this.#characters.set(code, known)
    return known
  }

  /** The state of these steps, made where there is room. */
  #state(steps: readonly number[], before: Neighbour): State {
    if (this.#states.size >= mostStates) return { steps, before, next: null }
    const sorted = steps.toSorted((a, b) => a - b)
    const name = `${before} ${sorted.join()}`
    const known = this.#states.get(name)
    if (known !== undefined) return known
    const made: State = { steps: sorted, before, next: [] }
    this.#states.set(name, made)
    return made
  }

  #forget(): void {
    this.#states.clear()
    this.#seen.fill(0)
    this.#walk = 0
    this.#first = this.#state([], 'nothing')
  }

  #step(state: State, of: Class): State {
    const reached = this.#closure(state, of.neighbour)
    const next = reached === null ? this.#found : this.#state(this.#taken(reached, of), of.neighbour)
    if (state.next !== null && (next.next !== null || next === this.#found)) state.next[of.no] = next
    return next
  }

  #taken(reached: readonly number[], of: Class): readonly number[] {
    const next: number[] = []
    const walk = ++this.#walk
    for (const no of reached) {
      const step = this.#program.steps[no]
      if (step?.op !== 'atom' || of.takes[step.atom] !== true || this.#seen[step.next] === walk) continue
      this.#seen[step.next] = walk
      next.push(step.next)
    }
    return next
  }

  /** Everything reached without a further character, from here and from a fresh start; null when that is a match. */
  #closure({ steps, before }: State, behind: Neighbour): readonly number[] | null {
    const reached: number[] = []
    const walk = ++this.#walk
    const open = [...steps, this.#program.start]
    for (let no = open.pop(); no !== undefined; no = open.pop()) {
      if (this.#seen[no] === walk) continue
      this.#seen[no] = walk
      const step = this.#program.steps[no]
      if (step?.op === 'match') return null
      if (step?.op === 'atom') reached.push(no)
      else if (step?.op === 'split') open.push(step.next, step.other)
      else if (step?.op === 'edge' && this.#holds(step.edge, before, behind)) open.push(step.next)
    }
    return reached
  }

  #holds(edge: Edge, before: Neighbour, behind: Neighbour): boolean {
    switch (edge) {
      case 'start':
        return before === 'nothing' || (this.#multiline && before === 'line')
      case 'end':
        return behind === 'nothing' || (this.#multiline && behind === 'line')
      case 'word':
        return (before === 'word') !== (behind === 'word')
      case 'not word':
        return (before === 'word') === (behind === 'word')
    }
  }
}
