/** The sync protocol of one connection as a state machine without I/O (`spec/sync.md`): what its driver calls. */

import { isVarveError, VarveError, type ErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Position } from '../replica/position.ts'
import { decodeFrame } from './decode-frame.ts'
import { encodeFrame, errorFrame, knownCode, type FrameOf } from './frames.ts'
import { Handshake } from './handshake.ts'
import type { Access } from './host.ts'
import { Incoming } from './incoming.ts'
import { Outbox, type Output } from './outputs.ts'
import { Session, type SessionOptions } from './session.ts'

export interface SyncOptions extends Omit<SessionOptions, 'window' | 'appointments'> {
  /** Appointments of the tenant's recorders, oldest first. */
  readonly appointments: readonly Uint8Array[]
  /** Bytes of units this side takes before it has taken over earlier ones; `limits.syncWindowBytes` when left out. */
  readonly window?: number
}

/** Work that can fail for one channel. */
export type ChannelWork = 'open' | 'peer' | 'produce' | 'ingest'

/**
 * One side of one connection. The driver calls it with frames, answers and news, and takes the outputs after every
 * call. After `closed` every call does nothing. An answer to work that is not outstanding does nothing either.
 */
export class SyncMachine {
  readonly #out = new Outbox()
  readonly #handshake: Handshake
  readonly #session: Session
  readonly #incoming: Incoming
  #appointments: readonly Uint8Array[]
  #closed = false

  constructor(options: SyncOptions) {
    this.#appointments = options.appointments
    const window = options.window ?? limits.syncWindowBytes
    const shared = { ...options, window, appointments: () => this.#appointments }
    this.#handshake = new Handshake(shared, this.#out)
    this.#session = new Session(shared, this.#out)
    this.#incoming = new Incoming(shared, this.#session)
  }

  /** What is to be sent, done and told since the last call, in order. */
  take(): readonly Output[] {
    return this.#out.take()
  }

  /** The initiator says hello; the acceptor waits for it. */
  start(): void {
    this.#step(() => this.#handshake.start())
  }

  /** Takes one frame as it came. What is wrong with it ends the connection. */
  receive(bytes: Uint8Array): void {
    try {
      this.#step(() => this.#receive(bytes))
    } catch (error) {
      if (!isVarveError(error)) throw error
      this.#end(error)
    }
  }

  /** Answers `admit` and `check`: the peer may come in. */
  admitted(access: Access): void {
    this.#step(() => this.#handshake.admitted(access))
  }

  /** Answers `admit` and `check`: it may not. */
  refused(code: ErrorCode, message: string): void {
    this.stop(new VarveError(code, message))
  }

  /** Answers `adopt`. When the appointments cannot be taken over, `stop` with the error. */
  adopted(): void {
    this.#step(() => this.#session.adopted())
  }

  /**
   * Answers `open`: the database is here, with this position and the recorder's checkpoint. Throws `TOO_LARGE` when
   * they cannot be sent: answer `failed` instead.
   */
  opened(number: number, position: Position, checkpoint: string | null): void {
    this.#step(() => {
      const bytes = encodeFrame({ type: 'opened', channel: number, position, checkpoint })
      const channel = this.#session.opening.finish(number)
      if (channel === null) return
      this.#out.push({ do: 'send', bytes })
      this.#session.work(channel)
    })
  }

  /** Answers `peer`: the positions go together. */
  accepted(number: number): void {
    this.#step(() => {
      const channel = this.#session.opening.finish(number)
      if (channel !== null) this.#session.work(channel)
    })
  }

  /**
   * Answers `produce`. `last`: there is nothing more after this unit, and the peer has been given so many receipts;
   * null when that is not known. Throws `TOO_LARGE` or `INVALID` when the unit cannot be sent: answer `failed` instead.
   */
  produced(channel: number, unit: Uint8Array, last: number | null = null): void {
    this.#step(() => this.#session.sending.produced(channel, unit, last))
  }

  /** Answers `produce`: nothing more now. `record` is the number of receipts that the peer has been given. */
  dry(channel: number, record: number): void {
    this.#step(() => this.#session.sending.dry(channel, record))
  }

  /** Answers `ingest`. */
  ingested(number: number): void {
    this.#step(() => this.#session.takenOver(number))
  }

  /**
   * Answers work that came to nothing, and tells the peer. With a feed, which only `ingest` has, the channel goes on
   * without that feed; else it is closed.
   */
  failed(work: ChannelWork, number: number, error: VarveError, feed: Uint8Array | null = null): void {
    this.#step(() => {
      const channel = this.#session.channels.get(number)
      if (channel !== undefined && feed === null) this.#session.fail(channel, error)
      else if (channel !== undefined) this.#out.send(errorFrame(number, error, feed))
      if (work === 'ingest') this.#session.takenOver(number)
      else if (work === 'produce') this.#session.sending.failed(number)
      else this.#session.opening.finish(number)
    })
  }

  /** The replica was written to, by anybody but this peer; `urgent`: in a collection the channel names as urgent. */
  grown(number: number, urgent: boolean): void {
    this.#step(() => {
      const channel = this.#session.channels.get(number)
      if (channel !== undefined) this.#session.sending.grown(channel, urgent)
    })
  }

  /**
   * The initiator opens a database and gets its channel; databases other than the directory wait until that is
   * current. Throws `INVALID` when the database has a channel or the directory was not opened before, and `TOO_LARGE`
   * for the position or the number of channels. Gives -1 when the connection is closed.
   */
  open(database: Uint8Array, position: Position, urgent: readonly Uint8Array[]): number {
    let channel = -1
    this.#step(() => {
      channel = this.#session.opening.ask(database, position, urgent).number
    })
    return channel
  }

  /** Whether there is a channel of this number that is not closed. */
  has(number: number): boolean {
    return !this.#closed && this.#session.channels.get(number) !== undefined
  }

  /** The initiator closes a channel. */
  closeChannel(number: number): void {
    this.#step(() => {
      const channel = this.#session.channels.get(number)
      if (channel === undefined) return
      if (channel.state !== 'waiting') this.#out.send({ type: 'close', channel: number })
      this.#session.close(channel, 'CLOSED', 'The directory was closed: open it again first')
    })
  }

  /** The tenant has these appointments now: the peer is told, or will be by `ready`. */
  appointed(appointments: readonly Uint8Array[]): void {
    this.#step(() => {
      if (this.#handshake.told) this.#out.send({ type: 'appointed', appointments })
      this.#appointments = appointments
    })
  }

  /** Says on a channel that this node, or on the acceptor's side another device, is here; the body is sealed. */
  presence(number: number, device: Uint8Array, body: Uint8Array): void {
    this.#step(() => {
      const state = this.#session.channels.get(number)?.state
      if (state === 'open' || state === 'checking') this.#out.send({ type: 'presence', channel: number, device, body })
    })
  }

  /**
   * Asks the peer for a sign of life, once everything there is is sent. `pong` follows when the peer has taken over everything that was sent before and
   * has sent everything it had, and that is taken over here.
   */
  ping(): void {
    this.#step(() => {
      if (this.#session.peer !== null) this.#session.pings.send()
    })
  }

  /**
   * The acceptor's driver knows that the peer's device lost its standing. Call it after the directory has `grown`:
   * the peer gets what the directory has, and the connection ends with `FORBIDDEN`.
   */
  revoke(): void {
    this.#step(() => this.#session.revoke())
  }

  /** Ends the connection; the peer is told of the error, if there is one. */
  stop(error: VarveError | null): void {
    if (!this.#closed) this.#end(error)
  }

  /** One call: whatever it changed, what can begin afterwards begins. */
  #step(change: () => void): void {
    if (this.#closed) return
    change()
    if (this.#closed) return
    this.#session.advance()
    const { over } = this.#session
    if (over !== null) this.#end(over)
  }

  #receive(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes, this.#handshake.frameBytes)
    if (frame.type === 'error' && frame.channel === null) this.#ended(frame)
    else if (this.#session.peer !== null) this.#incoming.receive(frame)
    else {
      const peer = this.#handshake.receive(frame)
      if (peer !== null) this.#session.begin(peer)
    }
  }

  /** The peer ended the connection. */
  #ended({ code, message, feed }: FrameOf<'error'>): void {
    const known = knownCode(code)
    this.#closed = true
    this.#out.push({ event: 'error', channel: null, code: known, message, feed })
    this.#out.push({ event: 'closed', error: new VarveError(known, message) })
  }

  #end(error: VarveError | null): void {
    this.#closed = true
    if (error !== null) this.#out.send(errorFrame(null, error))
    this.#out.push({ event: 'closed', error })
  }
}
