/** One process of a server that a test started: it is ended by its id, and with the test's own process at the latest. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, connect } from 'node:net'

export interface ServerChildOptions {
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Whom it runs as, when that is somebody else. */
  readonly user?: { readonly uid: number; readonly gid: number } | null
}

/** Characters kept of what a process said last. */
const saidCharacters = 4_000

export class ServerChild {
  readonly #options: ServerChildOptions
  #child: ChildProcess | null = null
  #said = ''

  constructor(options: ServerChildOptions) {
    this.#options = options
  }

  /** Of the process that runs; another one after it was started again. */
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get runs(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it said last. */
  get said(): string {
    return this.#said
  }

  /** Starts it; resolves when `isReady` says so, and rejects when it ends before or takes longer than a minute. */
  async start(isReady: () => Promise<boolean>): Promise<void> {
    const { program, args, cwd, env, user } = this.#options
    const child = spawn(program, args, {
      ...user,
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    let problem: string | null = null
    const hear = (text: string): void => {
      this.#said = (this.#said + text).slice(-saidCharacters)
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', hear)
    child.once('error', (error) => {
      problem = error.message
    })
    const end = (): void => void child.kill('SIGKILL')
    process.once('exit', end)
    child.once('exit', (code, signal) => {
      problem ??= `it ended with ${signal ?? code}`
      process.off('exit', end)
    })
    for (const until = Date.now() + 60_000; !(await isReady()); await moment()) {
      if (problem === null && Date.now() > until) problem = 'it is not ready after a minute'
      if (problem !== null) throw new Error(`${program} does not start: ${problem}. ${this.#said}`)
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Ends it, if it runs; one that is stopped ends too. */
  async end(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT' = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    await ended
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}

/** True when something takes connections there. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (answer: boolean) => (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', settle(true))
    socket.once('error', settle(false))
  })
}

export function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50))
}
