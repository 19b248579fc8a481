/** Progress on standard error: one line written over in a terminal, a line now and then elsewhere. */

import type { Context } from './context.ts'
import { count } from './table.ts'

const liveMs = 100
const plainMs = 5000

export class Progress {
  readonly #context: Context
  readonly #what: string
  readonly #start: number
  #shown: number
  #dirty = false

  constructor(context: Context, what: string) {
    this.#context = context
    this.#what = what
    this.#start = context.env.now()
    this.#shown = this.#start
  }

  update(done: number): void {
    const { terminal, env } = this.#context
    const now = env.now()
    if (now - this.#shown < (terminal.live ? liveMs : plainMs)) return
    this.#shown = now
    const line = `${count(done)} ${this.#what}, ${count(done / (Math.max(now - this.#start, 1) / 1000))} a second`
    terminal.err(terminal.live ? `\r\u001b[K${line}` : `${line}\n`)
    this.#dirty = terminal.live
  }

  clear(): void {
    if (this.#dirty) this.#context.terminal.err('\r\u001b[K')
    this.#dirty = false
  }

  elapsed(): number {
    return this.#context.env.now() - this.#start
  }
}
