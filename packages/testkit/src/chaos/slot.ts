/** The place of a node or a client in the world: its process, whichever that is by now. */

import { Child, Ended, type ChildOptions } from './child.ts'
import { forgetSkew } from './skew.ts'

export interface SlotParts {
  readonly name: string
  /** How the next process is started; `number` counts them. */
  readonly options: (number: number) => Pick<ChildOptions, 'args' | 'env'>
  /** Makes a process that has started do its work. */
  readonly open: (child: Child, number: number) => Promise<void>
  readonly program: string
  readonly output: string
  readonly problem: (what: string) => void
}

/** Milliseconds an orderly end may take; a node waits 10 s for requests under way. */
const endMs = 25_000

export class Slot {
  readonly #parts: SlotParts
  #child: Child | null = null
  #number = 0

  constructor(parts: SlotParts) {
    this.#parts = parts
  }

  get name(): string {
    return this.#parts.name
  }

  get isUp(): boolean {
    return this.#child?.isRunning ?? false
  }

  get child(): Child {
    if (this.#child === null) throw new Error(`"${this.name}" has never been started`)
    return this.#child
  }

  /** A process that is asked for nothing yet. */
  spawn(): Child {
    const { name, program, output, problem, options } = this.#parts
    this.#number++
    this.#child = new Child({ name, program, output, onLost: problem, ...options(this.#number) })
    return this.#child
  }

  /** Starts a process and lets it open; when it is ended meanwhile that is no problem, and everything else is. */
  async start(): Promise<void> {
    const child = this.spawn()
    try {
      await this.#parts.open(child, this.#number)
    } catch (error) {
      if (!(error instanceof Ended)) this.#parts.problem(error instanceof Error ? error.message : String(error))
    }
  }

  async kill(): Promise<void> {
    const { child } = this
    await child.kill()
    forgetSkew(child.pid)
  }

  /** Kills the process when there is one, and waits for nothing. */
  leave(): void {
    if (!this.isUp) return
    const { child } = this
    void child.kill()
    forgetSkew(child.pid)
  }

  /** Ends the process in order. */
  async end(): Promise<void> {
    const { child } = this
    if (!(await child.end(endMs))) this.#parts.problem(`${this.name} did not end within ${endMs} ms`)
    forgetSkew(child.pid)
  }
}
