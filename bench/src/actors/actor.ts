/** A long-running process of a benchmark, seen from the one that started it: asked by name, ended by id. */

import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { asNumber, asText, isRecord } from '../json.ts'

/** Kinds of processes, each with code of its own in `main.ts`. */
export type ActorKind = 'bare' | 'crowd' | 'device' | 'hub' | 'node' | 'system'

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

const stopMs = 20_000

export class Actor implements AsyncDisposable {
  readonly #kind: ActorKind
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  private constructor(kind: ActorKind, process: ChildProcess) {
    this.#kind = kind
    this.#process = process
    process.on('message', (message) => {
      this.#answered(message)
    })
    process.once('exit', (code, signal) => {
      const error = new Error(`The process "${kind}" ended with ${String(code ?? signal)}`)
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    })
  }

  /** Starts a process of this kind; flags of this one, such as a profiler's, hold for it too. */
  static start(kind: ActorKind, nodeFlags: readonly string[] = []): Actor {
    const execArgv = [
      ...process.execArgv,
      ...nodeFlags,
      ...(process.execArgv.includes('--expose-gc') ? [] : ['--expose-gc']),
    ]
    const child = fork(join(import.meta.dirname, 'main.js'), [kind], {
      serialization: 'advanced',
      execArgv,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    return new Actor(kind, child)
  }

  /** What the process answers; rejects with what it throws, and when it ends instead. */
  ask(name: string, value: unknown = null): Promise<unknown> {
    const no = this.#asked++
    return new Promise((resolve, reject) => {
      this.#waiting.set(no, { resolve, reject })
      this.#process.send({ no, name, value }, (error) => {
        if (error !== null) reject(error)
      })
    })
  }

  async number(name: string, value: unknown = null): Promise<number> {
    return asNumber(await this.ask(name, value))
  }

  async text(name: string, value: unknown = null): Promise<string> {
    return asText(await this.ask(name, value))
  }

  /** Lets the process end in order, and ends it when it does not. */
  async stop(): Promise<void> {
    const child = this.#process
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve()
      })
    })
    const late = setTimeout(() => child.kill('SIGKILL'), stopMs)
    this.ask('stop').catch(() => undefined)
    await ended
    clearTimeout(late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #answered(message: unknown): void {
    if (!isRecord(message)) return
    const no = asNumber(message['no'])
    const waiting = this.#waiting.get(no)
    this.#waiting.delete(no)
    const error = message['error']
    if (error === undefined) waiting?.resolve(message['value'])
    else waiting?.reject(new Error(`"${this.#kind}": ${asText(error)}`))
  }
}
