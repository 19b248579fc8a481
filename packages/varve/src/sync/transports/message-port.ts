/** A transport over a MessagePort, of browsers and of Node's worker threads. */

import { VarveError } from '../../errors.ts'
import { limits } from '../../limits.ts'
import { offline, WireTransport, type Sink, type TransportOptions, type Wire } from './wire.ts'

interface AnyPort {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  start(): void
  close(): void
}

interface BrowserPort extends AnyPort {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close' | 'messageerror', listener: () => void): void
}

interface NodePort extends AnyPort {
  on(type: 'message', listener: (data: unknown) => void): unknown
  on(type: 'close' | 'messageerror', listener: () => void): unknown
}

/** The `MessagePort` of browsers, and that of Node's worker threads. */
export type MessagePortLike = BrowserPort | NodePort

/**
 * What goes through the port: a `Uint8Array` is a frame, a number says how many bytes of frames were taken, 'end' is
 * the orderly end, 'cut' any other.
 */
type Message = Uint8Array | number | 'end' | 'cut'

/** A transport over one port of a channel; the other port needs the same around it. */
export function messagePortTransport(port: MessagePortLike, options: TransportOptions): WireTransport {
  return new WireTransport((sink) => new PortWire(port, sink), options)
}

class PortWire implements Wire {
  readonly #port: MessagePortLike
  readonly #sink: Sink
  /** Bytes sent that the other side has not taken. */
  #outstanding = 0
  #room: (() => void) | null = null
  /** Bytes received that were not reported as taken. */
  #unreported = 0
  #wanted = false

  constructor(port: MessagePortLike, sink: Sink) {
    this.#port = port
    this.#sink = sink
    hear(port, {
      message: (data) => {
        this.#received(data)
      },
      messageerror: () => {
        sink.ended(new VarveError('INVALID', 'A message cannot be read here: send frames as plain byte arrays'))
      },
      // Node says so, and newer browsers do.
      close: () => {
        sink.ended(offline('The other side of the message port is gone'))
      },
    })
    port.start()
  }

  async write(frames: readonly Uint8Array[]): Promise<void> {
    for (const frame of frames) {
      // A copy of its own, because what is transferred is lost here, with everything else in the same buffer.
      const copy = new Uint8Array(frame)
      this.#post(copy, [copy.buffer])
      this.#outstanding += frame.length
    }
    if (this.#outstanding < limits.transportBytes) return
    await new Promise<void>((resolve) => {
      this.#room = resolve
    })
  }

  end(): void {
    this.#post('end')
    this.#sink.ended(null)
  }

  cut(error: VarveError | null): void {
    if (error !== null) this.#post('cut')
    this.#room?.()
    this.#port.close()
  }

  resume(): void {
    this.#wanted = true
    this.#report()
  }

  #received(data: unknown): void {
    if (data instanceof Uint8Array) {
      this.#unreported += data.length
      this.#sink.frame(data)
      if (this.#wanted && this.#unreported >= limits.transportBytes / 4) this.#report()
    } else if (typeof data === 'number') this.#taken(data)
    else if (data === 'end') this.#sink.ended(null)
    else if (data === 'cut') this.#sink.ended(offline('The other side cut the connection'))
    else this.#sink.ended(new VarveError('INVALID', 'A message is none of this transport: give it a port of its own'))
  }

  #report(): void {
    if (this.#unreported === 0) return
    this.#post(this.#unreported)
    this.#unreported = 0
  }

  #taken(bytes: number): void {
    this.#outstanding -= bytes
    if (this.#outstanding >= limits.transportBytes) return
    this.#room?.()
    this.#room = null
  }

  #post(message: Message, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer)
  }
}

interface PortEvents {
  readonly message: (data: unknown) => void
  readonly messageerror: () => void
  readonly close: () => void
}

function hear(port: MessagePortLike, { message, messageerror, close }: PortEvents): void {
  if ('on' in port) {
    port.on('message', message)
    port.on('messageerror', messageerror)
    port.on('close', close)
  } else {
    port.addEventListener('message', ({ data }) => {
      message(data)
    })
    port.addEventListener('messageerror', messageerror)
    port.addEventListener('close', close)
  }
}
