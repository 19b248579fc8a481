/** One HTTP stream at the server: frames go down in its response, and come up in one request after the other. */

import {
  chunksOf,
  encodeFrames,
  endOfFrames,
  FrameDecoder,
  isVarveError,
  keepAlive,
  limits,
  offline,
  sequenceHeader,
  sessionHeader,
  VarveError,
  type Env,
  type Sink,
  type Wire,
} from 'varve/engine'
import { problem } from '../app/problem.ts'

/** Proxies must neither keep the response nor hold back its beginning. */
const headers = {
  'content-type': 'application/octet-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
}

export class StreamSession {
  readonly #env: Pick<Env, 'timer'>
  readonly #done: () => void
  readonly #down: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  #sink: Sink | null = null
  /** Called when the response has taken everything. */
  #pulled: () => void = () => undefined
  /** Resolves when frames are wanted, or when the session is over. */
  readonly #wanted: Promise<void>
  #want: () => void = () => undefined
  #next = 0
  #taking: Promise<Response> | null = null
  #quietMs = 0
  #cancelTimer: () => void = () => undefined

  /** `done` is called when the session is over. */
  constructor(env: Pick<Env, 'timer'>, done: () => void) {
    this.#env = env
    this.#done = done
    this.#wanted = new Promise((resolve) => {
      this.#want = resolve
    })
    this.#down = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
          // The other side waits for a first byte, so that a proxy that holds responses back is noticed.
          controller.enqueue(keepAlive)
        },
        pull: () => {
          this.#pulled()
        },
        cancel: (reason) => {
          this.#controller = null
          this.#cancelTimer()
          this.#sink?.ended(offline('The HTTP stream was cut', reason))
        },
      },
      // One byte: more is asked for when nothing waits any more.
      { highWaterMark: 1, size: (chunk) => chunk.length },
    )
  }

  /** The way down, which is the answer to the request that opened the session. */
  response(id: string): Response {
    return new Response(this.#down, { headers: { ...headers, [sessionHeader]: id } })
  }

  wire(sink: Sink): Wire {
    this.#sink = sink
    this.#keepAlive()
    return {
      write: (frames) => {
        this.#controller?.enqueue(encodeFrames(frames))
        return new Promise((resolve) => {
          this.#pulled = resolve
        })
      },
      end: () => {
        sink.ended(null)
      },
      cut: (error) => {
        this.#cut(error)
      },
      resume: () => {
        this.#want()
      },
    }
  }

  /** A request to the session: 204 once its frames were taken, or once it is over after DELETE. */
  async request(request: Request): Promise<Response> {
    const sequence = Number(request.headers.get(sequenceHeader) ?? Number.NaN)
    this.#quietMs = 0
    // A repeated one was taken already, or is being taken.
    if (sequence < this.#next) return (await this.#taking)?.clone() ?? taken()
    if (sequence !== this.#next || this.#taking !== null) return this.#lost()
    this.#next++
    this.#taking = request.method === 'DELETE' ? this.#end() : this.#take(request)
    try {
      return (await this.#taking).clone()
    } finally {
      this.#taking = null
    }
  }

  async #take({ body }: Request): Promise<Response> {
    await this.#wanted
    const sink = this.#sink
    if (sink === null) return problem(over())
    const decoder = new FrameDecoder(() => sink.allowed())
    let bytes = 0
    try {
      for await (const chunk of body === null ? [] : chunksOf(body)) {
        bytes += chunk.length
        if (bytes > limits.frameBytes + limits.transportBatchBytes) throw tooMuch(bytes)
        for (const frame of decoder.decode(chunk)) sink.frame(frame)
      }
      if (decoder.inside || decoder.over) throw notWhole()
    } catch (cause) {
      const error = isVarveError(cause) ? cause : offline('A request of the HTTP stream broke', cause)
      sink.ended(error)
      return problem(error)
    }
    return taken()
  }

  async #end(): Promise<Response> {
    this.#sink?.ended(null)
    return taken()
  }

  #lost(): Response {
    const error = new VarveError('CONFLICT', 'A request of the HTTP stream was lost: open another stream')
    this.#sink?.ended(error)
    return problem(error)
  }

  /** The response ends after its last bytes, or breaks when nobody reads them: a handler has no other way to cut. */
  #cut(error: VarveError | null): void {
    this.#cancelTimer()
    this.#want()
    this.#sink = null
    this.#done()
    const controller = this.#controller
    this.#controller = null
    if (controller === null) return
    this.#cancelTimer = this.#env.timer(() => {
      controller.error(error ?? offline('The end of an HTTP stream was not read'))
    }, limits.closeMs)
    this.#pulled = () => {
      this.#cancelTimer()
      this.#pulled = () => undefined
      controller.close()
    }
    controller.enqueue(error === null ? endOfFrames : keepAlive)
  }

  /** Bytes that mean nothing, for proxies that cut what is quiet; and the end of a client that is gone. */
  #keepAlive(): void {
    this.#cancelTimer = this.#env.timer(() => {
      this.#quietMs += limits.streamKeepAliveMs
      if (this.#quietMs >= limits.streamIdleMs) this.#sink?.ended(offline('Nothing came on an HTTP stream any more'))
      else {
        if ((this.#controller?.desiredSize ?? 0) > 0) this.#controller?.enqueue(keepAlive)
        this.#keepAlive()
      }
    }, limits.streamKeepAliveMs)
  }
}

function taken(): Response {
  return new Response(null, { status: 204 })
}

function over(): VarveError {
  return new VarveError('NOT_FOUND', 'The stream has ended: open another one')
}

function notWhole(): VarveError {
  return new VarveError('INVALID', 'A request of the HTTP stream does not end after a frame: send whole ones')
}

function tooMuch(actual: number): VarveError {
  return new VarveError('TOO_LARGE', 'A request of the HTTP stream is too long: send fewer frames at once', {
    details: { actual, limit: limits.frameBytes + limits.transportBatchBytes },
  })
}
