/** What every transport does in the same way; the kinds differ in their `Wire` only. */

import type { Env } from '../../env/env.ts'
import { VarveError } from '../../errors.ts'
import { assertLimit, limits } from '../../limits.ts'
import { Inbox } from './inbox.ts'
import { Outbox } from './outbox.ts'
import type { Transport, TransportHandler } from './transport.ts'

/** How one kind of connection moves frames. */
export interface Wire {
  /** Hands frames over in order; resolves when it would take more, rejects when the connection is gone. */
  write(frames: readonly Uint8Array[]): Promise<void>
  /** Called after everything was written: tells the other side that this was all. `Sink.ended` answers. */
  end(): void
  /** Lets go of everything now. After null the connection has ended; otherwise this is what ends it. */
  cut(error: VarveError | null): void
  /** Called once, when frames are wanted: a wire that can hold the sender back does so until then. */
  resume?(): void
}

/** Where a wire brings what it receives; never called while the wire is being made. */
export interface Sink {
  frame(bytes: Uint8Array): void
  /** Null when the other side ended in an orderly way, or answered `end`. Later calls count for nothing. */
  ended(error: VarveError | null): void
  /** Bytes of the longest frame taken at present. */
  allowed(): number
}

export interface TransportOptions {
  readonly env: Pick<Env, 'timer'>
  /** Bytes of the longest frame taken at first; `limits.frameBytes` when absent. */
  readonly frameBytes?: number
  /** Milliseconds until the first frame has to be here; no bound when absent. */
  readonly helloMs?: number
}

/** A connection that is gone, or never came about. */
export function offline(what: string, cause?: unknown): VarveError {
  return new VarveError('OFFLINE', `${what}: connect again when the other side can be reached`, {
    cause: cause ?? undefined,
  })
}

export class WireTransport implements Transport {
  readonly #env: Pick<Env, 'timer'>
  readonly #wire: Wire
  readonly #inbox = new Inbox()
  readonly #outbox: Outbox
  #state: 'open' | 'closing' | 'closed' = 'open'
  #allowed: number
  #resumed = false
  #cancelHello: (() => void) | undefined
  #cancelFlush: (() => void) | undefined

  constructor(makeWire: (sink: Sink) => Wire, options: TransportOptions) {
    this.#env = options.env
    this.#allowed = options.frameBytes ?? limits.frameBytes
    this.#wire = makeWire({
      frame: (bytes) => {
        this.#received(bytes)
      },
      ended: (error) => {
        this.#finish(error)
      },
      allowed: () => this.#allowed,
    })
    this.#outbox = new Outbox({
      env: options.env,
      write: (frames) => this.#wire.write(frames),
      idle: () => {
        if (this.#state === 'closing') this.#wire.end()
      },
      failed: (cause) => {
        this.#finish(cause instanceof VarveError ? cause : offline('The connection broke while sending', cause))
      },
    })
    if (options.helloMs !== undefined) this.#cancelHello = this.#env.timer(() => this.#noHello(), options.helloMs)
  }

  send(frame: Uint8Array): Promise<void> {
    const room = this.#send(frame)
    // A caller may leave the answer alone: `closed` tells the same, and nothing else can go wrong.
    room.catch(() => undefined)
    return room
  }

  listen(handler: TransportHandler): void {
    this.#inbox.listen(handler)
    this.#resume()
  }

  /** Bytes of the longest frame taken at present. */
  get allowed(): number {
    return this.#allowed
  }

  allow(frameBytes: number): void {
    this.#allowed = frameBytes
  }

  close(error: VarveError | null = null): void {
    if (this.#state === 'closed') return
    this.#inbox.mute()
    if (error !== null) {
      this.#finish(error)
      return
    }
    if (this.#state === 'closing') return
    this.#state = 'closing'
    this.#cancelFlush = this.#env.timer(() => {
      this.#finish(offline('The other side did not take everything before the connection was closed'))
    }, limits.closeMs)
    // The end of the other side is seen only by those who read.
    this.#resume()
    if (this.#outbox.idle) this.#wire.end()
  }

  async #send(frame: Uint8Array): Promise<void> {
    if (this.#state !== 'open') throw offline('The connection is closed')
    if (frame.length === 0) throw emptyFrame()
    assertLimit(frame.length, limits.frameBytes, 'The frame in bytes')
    await this.#outbox.add(frame)
  }

  #received(bytes: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#cancelHello?.()
    if (bytes.length === 0) this.#finish(emptyFrame())
    else if (bytes.length > this.#allowed) this.#finish(tooLarge(bytes.length, this.#allowed))
    else if (this.#inbox.heldBytes > limits.transportHeldBytes) this.#finish(noListener())
    else this.#inbox.push(bytes)
  }

  #finish(error: VarveError | null): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#cancelHello?.()
    this.#cancelFlush?.()
    this.#outbox.fail(offline('The connection was closed', error))
    this.#wire.cut(error)
    this.#inbox.end(error)
  }

  #resume(): void {
    if (this.#resumed || this.#state === 'closed') return
    this.#resumed = true
    this.#wire.resume?.()
  }

  #noHello(): void {
    this.#finish(new VarveError('INVALID', 'Nothing was said on a new connection: it was closed'))
  }
}

/** Refuses a frame above what is allowed at present. */
export function tooLarge(length: number, allowed: number): VarveError {
  return new VarveError('TOO_LARGE', `A frame of ${length} bytes came, where ${allowed} are taken: make it smaller`, {
    details: { actual: length, limit: allowed },
  })
}

function emptyFrame(): VarveError {
  return new VarveError('INVALID', 'A frame without a byte: every frame has at least its type, send that')
}

function noListener(): VarveError {
  return new VarveError('TOO_LARGE', 'More frames came than are kept for a transport that nobody listens to: listen')
}
