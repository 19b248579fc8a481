/** The transport for networks that break WebSockets: frames come in one long response, and go out as requests. */

import type { Env } from '../../env/env.ts'
import { VarveError } from '../../errors.ts'
import type { ByteSource, FetchLike } from '../../platform/fetch.ts'
import { readFrames } from './byte-stream.ts'
import { chunksOf } from './chunks.ts'
import { encodeFrames } from './frame-decoder.ts'
import { offline, WireTransport, type Sink, type TransportOptions, type Wire } from './wire.ts'

/** Where streams are opened, below the URL of the sync endpoint. */
export const streamPath = '/stream'
/** Header of the answer that opens a stream: the session, which names it in every other request. */
export const sessionHeader = 'varve-session'
/** Header of every request of a session: 0, 1, 2, …, so that one that was lost or repeated is noticed. */
export const sequenceHeader = 'varve-sequence'

export interface HttpStreamOptions extends TransportOptions {
  readonly env: Pick<Env, 'timer'>
  readonly fetch: FetchLike
  /** Ends the attempt to connect. */
  readonly signal: AbortSignal
}

/**
 * Opens a stream at `url`, the sync endpoint by http or https. Rejects with `OFFLINE`, `RATE_LIMITED` when the server
 * has no place, or with the reason of `signal`.
 */
export async function openHttpStream(url: string, options: HttpStreamOptions): Promise<WireTransport> {
  const { fetch, signal } = options
  const life = new AbortController()
  const abort = (): void => {
    life.abort(signal.reason)
  }
  signal.throwIfAborted()
  signal.addEventListener('abort', abort, { once: true })
  try {
    const response = await fetch(url + streamPath, { method: 'POST', signal: life.signal })
    const session = response.headers.get(sessionHeader)
    if (response.status !== 200 || session === null || response.body === null) throw noStream(url, response.status)
    const source = await begun(response.body)
    const address = `${url}${streamPath}/${session}`
    return new WireTransport((sink) => new StreamWire({ fetch, address, source, life, sink }), options)
  } catch (error) {
    life.abort()
    signal.throwIfAborted()
    throw error instanceof VarveError ? error : offline(`No HTTP stream to ${url}`, error)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function noStream(url: string, status: number): VarveError {
  if (status !== 429 && status !== 503) return offline(`${url} has no HTTP stream, it answered with status ${status}`)
  return new VarveError('RATE_LIMITED', `${url} has no place for another stream: try again later`)
}

/** Waits for the first bytes, which every server sends at once: a network that holds answers back is of no use here. */
async function begun(body: ByteSource): Promise<AsyncIterable<Uint8Array>> {
  const chunks = chunksOf(body)
  const first = await chunks.next()
  if (first.done === true) throw offline('The HTTP stream ended before it began')
  return (async function* () {
    yield first.value
    yield* chunks
  })()
}

interface StreamParts {
  readonly fetch: FetchLike
  /** URL of the session. */
  readonly address: string
  readonly source: ByteSource
  /** Ends every request of the session. */
  readonly life: AbortController
  readonly sink: Sink
}

class StreamWire implements Wire {
  readonly #parts: StreamParts
  #sequence = 0

  constructor(parts: StreamParts) {
    this.#parts = parts
  }

  /** One request at a time: the server answers when the frames were taken. */
  async write(frames: readonly Uint8Array[]): Promise<void> {
    const status = await this.#request('POST', encodeFrames(frames))
    if (status !== 204) throw offline(`The HTTP stream was refused with status ${status}`)
  }

  end(): void {
    void this.#end()
  }

  cut(): void {
    this.#parts.life.abort()
  }

  resume(): void {
    void readFrames(this.#parts.source, this.#parts.sink)
  }

  async #end(): Promise<void> {
    try {
      // Whatever the answer is: all that was sent before has been taken.
      await this.#request('DELETE')
      this.#parts.sink.ended(null)
    } catch (cause) {
      this.#parts.sink.ended(offline('The HTTP stream broke while it was closed', cause))
    }
  }

  async #request(method: 'POST' | 'DELETE', body?: Uint8Array): Promise<number> {
    const { fetch, address, life } = this.#parts
    const response = await fetch(address, {
      method,
      headers: { 'content-type': 'application/octet-stream', [sequenceHeader]: `${this.#sequence++}` },
      ...(body === undefined ? {} : { body }),
      signal: life.signal,
    })
    // The connection is free for the next request when the answer was read to its end.
    if (response.status === 204 && response.body !== null) await chunksOf(response.body).next()
    return response.status
  }
}
