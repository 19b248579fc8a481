/** Requests to a node over HTTP: within their time and size, and what goes wrong in the node's own words. */

import { loadFetch } from '#fetch'
import { concat, fromUtf8 } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { FetchedResponse, FetchLike } from '../platform/fetch.ts'
import { syncAddress } from '../sync/transports/address.ts'
import { chunksOf } from '../sync/transports/chunks.ts'
import { decodeProblem } from './decode-answer.ts'

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the address of the node. */
  readonly path: string
  /** Sent as a bearer token. */
  readonly token?: string
  readonly body?: { readonly type: string; readonly bytes: Uint8Array }
  /** Milliseconds that the node was asked to wait before it answers. */
  readonly waitMs?: number
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  /** The media type, without parameters. */
  readonly type: string
  readonly bytes: Uint8Array
}

export interface NodeHttpOptions {
  /** As people give it: `https://example.org`, `wss://example.org/varve`, … */
  readonly url: string
  readonly env: Pick<Env, 'timer'>
  /** In place of the platform's `fetch`. */
  readonly fetch?: FetchLike
}

/** Statuses of proxies and servers that may do better later. */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

export class NodeHttp {
  /** http or https, without a slash at its end. */
  readonly url: string
  readonly #options: NodeHttpOptions

  /** Throws `INVALID` for a URL that no node can have. */
  constructor(options: NodeHttpOptions) {
    this.#options = options
    this.url = nodeUrl(options.url)
  }

  /**
   * The answer to a call that succeeded. Throws what the node says, `OFFLINE` when nothing answers in time, `INVALID`
   * when what answers is no node, `TOO_LARGE`, or the reason of `signal`.
   */
  async call(call: Call): Promise<Answer> {
    const answer = await this.#answer(call)
    if (answer.status >= 200 && answer.status < 300) return answer
    throw this.#problem(answer)
  }

  async #answer({ method, path, token, body, waitMs = 0, signal }: Call): Promise<Answer> {
    const { env } = this.#options
    const fetch = this.#options.fetch ?? (await loadFetch())
    signal?.throwIfAborted()
    const life = new AbortController()
    const abort = (): void => {
      life.abort()
    }
    signal?.addEventListener('abort', abort, { once: true })
    const cancel = env.timer(abort, limits.requestMs + waitMs)
    const headers: Record<string, string> = { accept: 'application/json, application/problem+json, */*' }
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`
    if (body !== undefined) headers['content-type'] = body.type
    try {
      const init = { method, headers, signal: life.signal, ...(body === undefined ? {} : { body: body.bytes }) }
      return await read(await fetch(this.url + path, init))
    } catch (cause) {
      signal?.throwIfAborted()
      if (isVarveError(cause)) throw cause
      throw new VarveError('OFFLINE', `The node at ${this.url} did not answer: check the network and its address`, {
        cause,
      })
    } finally {
      cancel()
      signal?.removeEventListener('abort', abort)
    }
  }

  #problem({ status, type, bytes }: Answer): VarveError {
    const said = type === 'application/problem+json' ? decodeProblem(parsed(bytes)) : null
    if (said !== null) return said
    const code = passing.has(status) ? 'OFFLINE' : 'INVALID'
    const what = `${this.url} answered with status ${status}, and not as a node does`
    return new VarveError(code, `${what}: ${code === 'OFFLINE' ? 'try again later' : 'check the address'}`)
  }
}

/** The address of a node as its HTTP side has it; throws `INVALID`. */
export function nodeUrl(url: string): string {
  return syncAddress(url).http.replace(/\/v1\/sync$/, '')
}

/** The JSON of an answer; throws `INVALID` for anything else. */
export function jsonOf({ type, bytes }: Answer): unknown {
  const value = type === 'application/json' ? parsed(bytes) : undefined
  if (value !== undefined) return value
  throw new VarveError('INVALID', 'What answered is not a node of Varve: check the address')
}

function parsed(bytes: Uint8Array): unknown {
  try {
    const value: unknown = JSON.parse(fromUtf8(bytes))
    return value
  } catch {
    return undefined
  }
}

async function read({ status, headers, body }: FetchedResponse): Promise<Answer> {
  const type = (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const parts: Uint8Array[] = []
  let length = 0
  if (body !== null) {
    for await (const part of chunksOf(body)) {
      length += part.length
      assertLimit(length, limits.answerBytes, 'The answer of the node in bytes')
      parts.push(part)
    }
  }
  return { status, type, bytes: concat(...parts) }
}
