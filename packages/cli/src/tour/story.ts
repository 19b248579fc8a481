/** The voice of the tour: headings, aligned facts, tables and checks, and the figures behind them. */

import type { Context } from '../context.ts'
import { pad, table } from '../table.ts'

const labelWidth = 16
const indent = '   '
const width = 100

export class Story {
  /** Every figure of the tour, for `--json`. */
  readonly figures: Record<string, unknown> = {}
  readonly #context: Context
  readonly #quiet: boolean
  #chapter = 0
  #failed: string[] = []
  /** The last line printed was empty. */
  #open = false

  constructor(context: Context, quiet: boolean) {
    this.#context = context
    this.#quiet = quiet
  }

  /** What did not come out as it should. */
  get failures(): readonly string[] {
    return this.#failed
  }

  title(text: string): Promise<void> {
    return this.#print(`\n${this.#bold(text)}\n`)
  }

  chapter(text: string): Promise<void> {
    this.#chapter++
    return this.#print(`${this.#open ? '' : '\n'}${this.#bold(`${this.#chapter}  ${text}`)}\n\n`)
  }

  fact(label: string, text: string): Promise<void> {
    return this.#print(`${indent}${pad(label, labelWidth)}${text}\n`)
  }

  table(heading: readonly string[], rows: readonly (readonly string[])[]): Promise<void> {
    const text = table(heading, rows, width - indent.length)
    return this.#print(`${this.#open ? '' : '\n'}${text.replaceAll(/^(?=.)/gm, indent)}\n`)
  }

  lines(...texts: readonly string[]): Promise<void> {
    return this.#print(texts.map((text) => (text === '' ? '\n' : `${indent}${text}\n`)).join(''))
  }

  /** A statement the tour proves; a false one makes it fail. */
  check(ok: boolean, text: string): Promise<void> {
    if (!ok) this.#failed.push(text)
    return this.#print(`${indent}${this.#bold(ok ? '✓' : '✗ FAILED')} ${text}\n`)
  }

  #bold(text: string): string {
    return this.#context.terminal.bold ? `\u001b[1m${text}\u001b[22m` : text
  }

  #print(text: string): Promise<void> {
    this.#open = text.endsWith('\n\n') || (text === '\n' && this.#open)
    return this.#quiet ? Promise.resolve() : this.#context.terminal.out(text)
  }
}

/** The time `work` takes, in milliseconds. */
export async function timed<R>(work: () => Promise<R>): Promise<readonly [R, number]> {
  const start = performance.now()
  const result = await work()
  return [result, performance.now() - start]
}
