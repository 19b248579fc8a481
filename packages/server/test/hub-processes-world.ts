/** A process of a hub, in reach through a gate that can keep its answers, and kill it with them. */

import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'

/** What a call was answered that never arrived. */
export interface Kept {
  readonly answer: unknown
}

export class Gate {
  readonly url: string
  readonly #server: Server
  readonly #behind: string
  /** Answers that are kept instead of passed on; null while all pass. */
  #kept: { readonly answers: Kept[]; readonly full: () => void; readonly count: number } | null = null
  /** Of everything that went through. */
  readonly paths: string[] = []

  private constructor(server: Server, url: string, behind: string) {
    this.#server = server
    this.url = url
    this.#behind = behind
    const listener = getRequestListener((request) => this.#pass(request), { overrideGlobalObjects: false })
    server.on('request', (incoming, outgoing) => void listener(incoming, outgoing))
  }

  /** Passes what it gets on to a process that listens at `port`. */
  static async open(port: number): Promise<Gate> {
    const server = createServer()
    return new Gate(server, `http://127.0.0.1:${await listening(server)}`, `http://127.0.0.1:${port}`)
  }

  /** From now on answers are kept; settles when there are so many. */
  keep(count: number): Promise<readonly Kept[]> {
    return new Promise((resolve) => {
      const answers: Kept[] = []
      this.#kept = {
        answers,
        count,
        full: () => {
          resolve(answers)
        },
      }
    })
  }

  /** Cuts everybody off. */
  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  async #pass(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const body = await request.text()
    const authorization = request.headers.get('authorization') ?? ''
    const headers = { authorization, 'content-type': 'application/json', 'content-length': String(body.length) }
    const asked = request.method === 'GET' ? { headers: { authorization } } : { method: 'POST', headers, body }
    const response = await fetch(this.#behind + pathname, asked).catch(() => new Response('gone', { status: 502 }))
    const text = await response.text()
    if (request.method === 'GET') return new Response(text, response)
    this.paths.push(pathname)
    const kept = this.#kept
    if (kept === null) return new Response(text, response)
    kept.answers.push({ answer: JSON.parse(text) })
    if (kept.answers.length === kept.count) kept.full()
    return new Promise(() => undefined)
  }
}

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

/** Starts a process of the hub, and waits until it holds its placements. */
export async function startProcess(config: unknown, ...collections: readonly string[]): Promise<ChildProcess> {
  const program = join(import.meta.dirname, 'hub-processes-child.ts')
  const args = ['--conditions=source', '--import', 'tsx', program, JSON.stringify(config), ...collections]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', () => {
      resolve()
    })
    child.once('exit', (code) => {
      reject(new Error(`the process ended with ${code}`))
    })
  })
  return child
}
