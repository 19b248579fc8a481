/** What changed between two states of one text, character by character: who typed between others is not taken for them. */

import * as Y from 'yjs'
import { commonEnds, isRich } from './doc.ts'
import { docOfText, type TextState } from './state.ts'
import { plainRoot } from './update.ts'

/** A piece of a change: so many characters stay, these come, or these go. */
export type TextDifference = { readonly retain: number } | { readonly insert: string } | { readonly delete: string }

/** The steps from one state to another; of rich text and of different texts what lies between their common begin and end. */
export function textDelta(from: TextState, to: TextState): readonly TextDifference[] {
  if (from.id !== to.id || isRich(from.id)) return plainDelta(from.value, to.value)
  const [a, b] = [runsOf(docOfText(from)), runsOf(docOfText(to))]
  const steps = new Steps()
  const [inA, inB] = [new Places(a), new Places(b)]
  let i = 0
  let j = 0
  // Both states have their characters in one order, which every replica agrees on.
  while (i < a.length || j < b.length) {
    const [gone, come] = [a[i], b[j]]
    if (gone !== undefined && !inB.has(gone)) {
      steps.add('delete', gone.text)
      i++
    } else if (come !== undefined && !inA.has(come)) {
      steps.add('insert', come.text)
      j++
    } else {
      if (come !== undefined) steps.add('retain', come.text)
      i++
      j++
    }
  }
  return steps.list()
}

/** One character: what typed it, and where it stands there. */
interface Run {
  readonly client: number
  readonly clock: number
  readonly text: string
}

/** The visible characters of a text in order. */
function runsOf(doc: Y.Doc): readonly Run[] {
  const runs: Run[] = []
  for (let item = doc.getText(plainRoot)._start; item !== null; item = item.right) {
    const { content, deleted, id } = item
    if (deleted || !(content instanceof Y.ContentString)) continue
    for (let i = 0; i < content.str.length; i++)
      runs.push({ client: id.client, clock: id.clock + i, text: content.str.charAt(i) })
  }
  return runs
}

class Places {
  readonly #clocks = new Map<number, Set<number>>()

  constructor(runs: readonly Run[]) {
    for (const { client, clock } of runs) {
      const clocks = this.#clocks.get(client) ?? new Set()
      this.#clocks.set(client, clocks.add(clock))
    }
  }

  has({ client, clock }: Run): boolean {
    return this.#clocks.get(client)?.has(clock) === true
  }
}

/** Joins steps of one kind; between what stays, what goes stands before what comes. */
class Steps {
  readonly #steps: TextDifference[] = []
  #retained = 0
  #deleted = ''
  #inserted = ''

  add(kind: 'retain' | 'insert' | 'delete', text: string): void {
    if (kind === 'retain') {
      this.#endChange()
      this.#retained += text.length
      return
    }
    if (this.#retained > 0) this.#steps.push({ retain: this.#retained })
    this.#retained = 0
    if (kind === 'delete') this.#deleted += text
    else this.#inserted += text
  }

  /** What stays at the end says nothing. */
  list(): readonly TextDifference[] {
    this.#endChange()
    return this.#steps
  }

  #endChange(): void {
    if (this.#deleted !== '') this.#steps.push({ delete: this.#deleted })
    if (this.#inserted !== '') this.#steps.push({ insert: this.#inserted })
    this.#deleted = ''
    this.#inserted = ''
  }
}

/** The difference of two strings that have no characters in common but by their looks. */
export function plainDelta(from: string, to: string): readonly TextDifference[] {
  const { start, end } = commonEnds(from, to)
  const steps = new Steps()
  steps.add('retain', from.slice(0, start))
  steps.add('delete', from.slice(start, from.length - end))
  steps.add('insert', to.slice(start, to.length - end))
  return steps.list()
}
