/** A process as the one that started it sees it: asked by name, stopped, continued and ended by its id. */

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { fieldsOf, numberOf, textOf } from './read.ts'

export interface ChildOptions {
  readonly name: string
  /** Path of what it runs. */
  readonly program: string
  readonly args: readonly string[]
  /** Added to the environment of this process. */
  readonly env: Readonly<Record<string, string>>
  /** Path of the file that its output is added to. */
  readonly output: string
  /** It ended although nobody asked it to. */
  readonly onLost: (what: string) => void
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** The process was ended on purpose before it answered. */
export class Ended extends Error {}

const shownCharacters = 2_000

export class Child {
  readonly #options: ChildOptions
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #gone: Promise<void>
  #asked = 0
  #isMeantToEnd = false

  constructor(options: ChildOptions) {
    this.#options = options
    const output = openSync(options.output, 'a')
    this.#process = spawn(process.execPath, [options.program, ...options.args], {
      stdio: ['ignore', output, output, 'ipc'],
      env: { ...process.env, ...options.env },
    })
    closeSync(output)
    this.#process.on('message', (message) => {
      this.#answered(fieldsOf(message))
    })
    // A message to a process that has just been killed cannot be written; its end is told by `exit`.
    this.#process.on('error', () => undefined)
    this.#gone = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        this.#left(String(code ?? signal))
        resolve()
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null && !this.#isMeantToEnd
  }

  /** What the process answers. Rejects with what it throws, and with `Ended` when it was ended instead. */
  ask(name: string, value: unknown = null): Promise<unknown> {
    const no = this.#asked++
    return new Promise((resolve, reject) => {
      if (!this.isRunning) {
        reject(new Ended(`"${this.#options.name}" has ended`))
        return
      }
      this.#waiting.set(no, { resolve, reject })
      this.#process.send({ no, name, value }, () => undefined)
    })
  }

  freeze(): void {
    if (this.isRunning) this.#process.kill('SIGSTOP')
  }

  thaw(): void {
    if (this.isRunning) this.#process.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    this.#isMeantToEnd = true
    this.#process.kill('SIGKILL')
    await this.#gone
  }

  /** Lets the process end in order; false when it had to be killed after `ms`. */
  async end(ms: number): Promise<boolean> {
    this.#isMeantToEnd = true
    this.#process.kill('SIGTERM')
    this.#process.kill('SIGCONT')
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#process.kill('SIGKILL')
    }, ms)
    await this.#gone
    clearTimeout(timer)
    return !late
  }

  #answered({ no, value, error }: Readonly<Record<string, unknown>>): void {
    const waiting = this.#waiting.get(numberOf(no))
    this.#waiting.delete(numberOf(no))
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(`"${this.#options.name}": ${textOf(error)}`))
  }

  #left(how: string): void {
    const { name, output, onLost } = this.#options
    const error = new Ended(`"${name}" ended with ${how}`)
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    if (this.#isMeantToEnd && ['SIGKILL', 'SIGTERM', '0'].includes(how)) return
    onLost(`${name} ended with ${how}: ${readFileSync(output, 'utf8').slice(-shownCharacters)}`)
  }
}
