/** A process of `mongodb-child.ts`, and what it said. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface ChildOptions {
  readonly url: string
  readonly database: string
  readonly store: string
  readonly count: number
  readonly crashAt?: string
  readonly crashRound?: number
  readonly leaseMs?: number
}

const program = fileURLToPath(new URL('mongodb-child.ts', import.meta.url))

export class StoreProcess {
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  readonly #ended: Promise<unknown>
  #news: () => void = () => undefined

  constructor({ url, database, store, count, crashAt = '-', crashRound = 1, leaseMs = 15_000 }: ChildOptions) {
    const args = [url, database, store, String(count), crashAt, String(crashRound), String(leaseMs)]
    this.#child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#ended = once(this.#child, 'close')
    let rest = ''
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      this.#lines.push(...lines)
      this.#news()
    })
    this.#child.once('close', () => {
      this.#news()
    })
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  /** How many writes were answered. */
  get written(): number {
    return this.#lines.filter((line) => line.startsWith('written')).length
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves once it has said so many lines. */
  async said(count: number): Promise<void> {
    while (this.#lines.length < count) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the process ended after ${this.#lines.length} lines: ${this.#lines.join(', ')}`)
      await new Promise<void>((resolve) => {
        this.#news = resolve
      })
    }
  }

  async ended(): Promise<void> {
    await this.#ended
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
