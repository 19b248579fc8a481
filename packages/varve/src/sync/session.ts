/** A connection on which both sides are authenticated: its channels, what begins when, and when it is time to leave. */

import { VarveError, type ErrorCode } from '../errors.ts'
import { Channels, type Channel } from './channels.ts'
import { errorFrame } from './frames.ts'
import type { HandshakeOptions, Peer } from './handshake.ts'
import { Opening } from './opening.ts'
import type { Outbox } from './outputs.ts'
import { Pings } from './pings.ts'
import { Receiving } from './receiving.ts'
import { Sending } from './sending.ts'

export interface SessionOptions extends HandshakeOptions {
  /** Id of the tenant's directory, 16 bytes: it is opened before other databases. Null when there is none. */
  readonly directory: Uint8Array | null
}

export class Session {
  readonly out: Outbox
  readonly channels: Channels
  readonly opening: Opening
  readonly receiving: Receiving
  readonly sending: Sending
  readonly pings: Pings
  #peer: Peer | null = null
  #revoked = false
  /** The ping whose answer says that a revoked device has all units of the directory it was sent before, so many. */
  #farewell: { readonly ping: number; readonly units: number } | null = null
  /** The peer's appointments that the driver has not seen; a newer list takes the place of an older one. */
  #appointments: readonly Uint8Array[] = []
  #adopting = false
  /** Everything the peer had of the directory is taken over. */
  #current = false

  constructor(options: SessionOptions, out: Outbox) {
    this.out = out
    this.channels = new Channels(options.directory)
    this.opening = new Opening(out, this.channels, options.directory === null)
    this.receiving = new Receiving(out, options.window)
    this.sending = new Sending(out)
    this.pings = new Pings(out)
  }

  /** The authenticated peer; null before. */
  get peer(): Peer | null {
    return this.#peer
  }

  /** The peer's device may only learn that it was revoked. */
  get revoked(): boolean {
    return this.#revoked
  }

  begin(peer: Peer): void {
    this.#peer = peer
    if (peer.access === 'directory') this.#revoked = true
    this.appointed(peer.appointments)
    this.sending.begin(peer.window)
  }

  /** The peer knows these appointments. */
  appointed(appointments: readonly Uint8Array[]): void {
    if (appointments.length > 0) this.#appointments = appointments
  }

  adopted(): void {
    this.#adopting = false
  }

  /** Begins what can begin now. Positions and units wait for appointments: these say who records. */
  advance(): void {
    if (this.#peer === null) return
    if (!this.#adopting && this.#appointments.length > 0) {
      this.out.push({ do: 'adopt', appointments: this.#appointments })
      this.#appointments = []
      this.#adopting = true
    }
    const { directory } = this.channels
    if (this.#current && directory?.told === true) this.opening.release()
    if (!this.#adopting) {
      this.opening.advance(directory !== undefined && this.receiving.holds(directory))
      this.receiving.advance()
    }
    this.sending.advance()
    this.#sayFarewell()
    this.pings.advance(this.receiving.done, this.sending.idle && this.opening.idle)
  }

  /** Whether a revoked device has taken everything of the directory over is asked with a ping. */
  #sayFarewell(): void {
    if (!this.#revoked) return
    const { units } = this.sending
    if (this.#farewell?.units !== units) this.#farewell = null
    if (this.channels.directory?.told === true) this.#farewell ??= { ping: this.pings.send(), units }
  }

  /** Both sides have looked at the positions: units may go both ways. */
  work(channel: Channel): void {
    channel.state = 'open'
    this.sending.grown(channel, false)
  }

  /** The unit of this channel was taken over, or was not and never will be. */
  takenOver(number: number): void {
    const done = this.receiving.finish(number)
    if (done !== null && done.current !== null && done.channel.state === 'open')
      this.reached(done.channel, done.current)
  }

  /** Tells the peer that a channel is closed by an error, and closes it. */
  fail(channel: Channel, error: VarveError): void {
    if (channel.state !== 'waiting') this.out.send(errorFrame(channel.number, error))
    this.close(channel, error.code, error.message)
  }

  /** Forgets a channel; what waited for it hears why. */
  close(channel: Channel, code: ErrorCode, message: string): void {
    this.channels.close(channel)
    this.sending.closed(channel)
    this.out.push({ event: 'ended', channel: channel.number })
    this.opening.closed(channel, code, message)
  }

  /** Everything the peer had of a channel is taken over: others may follow the directory. */
  reached(channel: Channel, record: number): void {
    this.out.push({ event: 'current', channel: channel.number, record })
    if (channel.isDirectory) this.#current = true
  }

  /** The peer's device lost its standing: only the directory goes on, once more, so that it learns of it. */
  revoke(): void {
    this.#revoked = true
    for (const channel of this.channels.all()) {
      if (channel.isDirectory) this.sending.grown(channel, false)
      else this.fail(channel, revoked())
    }
  }

  /** Why the connection has to end now: a revoked device has learned of it, or will not. */
  get over(): VarveError | null {
    if (!this.#revoked || this.channels.next === 0) return null
    const { directory } = this.channels
    if (directory === undefined) return revoked()
    const knows = this.#farewell !== null && this.pings.answered(this.#farewell.ping)
    return knows && this.sending.rests(directory) ? revoked() : null
  }
}

export function revoked(): VarveError {
  return new VarveError('FORBIDDEN', 'The device was revoked: ask an admin of the tenant to let it join again')
}
