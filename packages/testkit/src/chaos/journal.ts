/** What a client asked and what it was answered, a line each in a file that outlives the process. */

import { closeSync, openSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { linesOf, listOf, numberOf, textOf } from './read.ts'

export type WriteKind = 'create' | 'createMany' | 'increment' | 'patch' | 'delete' | 'compare' | 'transact'

const kinds: readonly WriteKind[] = ['create', 'createMany', 'increment', 'patch', 'delete', 'compare', 'transact']

/** Written in one call, so that a kill leaves whole lines: what the system took is there after the process. */
export class Journal {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  /** Before the call: these documents will have a version with this token, each or none. */
  asked(token: string, kind: WriteKind, documents: readonly string[]): void {
    this.#add(['asked', token, kind, documents])
  }

  /** The call answered: `done`, `unchanged`, or the code of its error. */
  answered(token: string, answer: string): void {
    this.#add(['answered', token, answer])
  }

  recorded(token: string, document: string, record: number, ov: number): void {
    this.#add(['recorded', token, document, record, ov])
  }

  refused(token: string, document: string, code: string): void {
    this.#add(['refused', token, document, code])
  }

  /** The connection met a problem. */
  problem(code: string, message: string): void {
    this.#add(['problem', code, message])
  }

  close(): void {
    closeSync(this.#file)
  }

  #add(line: readonly unknown[]): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`)
  }
}

/** The recorder's word on one document of a write. */
export type Told = { readonly record: number; readonly ov: number } | { readonly code: string }

export interface JournaledWrite {
  readonly token: string
  readonly client: string
  readonly kind: WriteKind
  /** As `collection/id`. */
  readonly documents: readonly string[]
  /** Null: the process ended before it was answered. */
  answer: string | null
  readonly told: Map<string, Told>
}

export interface JournaledProblem {
  readonly client: string
  readonly code: string
  readonly message: string
}

export class Journals {
  readonly writes = new Map<string, JournaledWrite>()
  readonly problems: JournaledProblem[] = []

  async add(client: string, path: string): Promise<void> {
    for (const line of linesOf(await readFile(path, 'utf8'))) {
      const [what, ...rest] = listOf(line, (each) => each)
      this.#read(client, textOf(what), rest)
    }
  }

  #read(client: string, what: string, [token, second, third, fourth]: readonly unknown[]): void {
    if (what === 'problem') {
      this.problems.push({ client, code: textOf(token), message: textOf(second) })
      return
    }
    if (what === 'asked') {
      const kind = kinds.find((each) => each === second)
      if (kind === undefined) throw new TypeError(`There is no write of the kind ${String(second)}`)
      const documents = listOf(third, textOf)
      this.writes.set(textOf(token), { token: textOf(token), client, kind, documents, answer: null, told: new Map() })
      return
    }
    const write = this.writes.get(textOf(token))
    if (write === undefined) throw new TypeError(`The journal of ${client} answers ${String(token)} before it asks it`)
    if (what === 'answered') write.answer = textOf(second)
    else if (what === 'recorded') write.told.set(textOf(second), { record: numberOf(third), ov: numberOf(fourth) })
    else if (what === 'refused') write.told.set(textOf(second), { code: textOf(third) })
  }
}
