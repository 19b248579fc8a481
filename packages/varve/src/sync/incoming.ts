/** What each frame of an authenticated peer does. What it may not do ends the connection. */

import { VarveError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Channel } from './channels.ts'
import { knownCode, type Frame, type FrameOf } from './frames.ts'
import type { Role } from './handshake.ts'
import { RateLimit } from './rate.ts'
import { revoked, type Session, type SessionOptions } from './session.ts'

export class Incoming {
  readonly #role: Role
  readonly #session: Session
  readonly #presences: RateLimit

  constructor({ role, env }: SessionOptions, session: Session) {
    this.#role = role
    this.#session = session
    this.#presences = new RateLimit(limits.presencePerSecond, env)
  }

  /** Takes a frame; throws what ends the connection. */
  receive(frame: Frame): void {
    switch (frame.type) {
      case 'open':
        return this.#open(frame)
      case 'opened':
        return this.#opened(frame)
      case 'unit':
        return this.#unit(frame)
      case 'credit':
        return this.#session.sending.credited(frame.bytes)
      case 'current':
        return this.#current(frame)
      case 'presence':
        return this.#presence(frame)
      case 'appointed':
        return this.#session.appointed(frame.appointments)
      case 'close':
        return this.#close(frame)
      case 'error':
        return this.#error(frame)
      case 'ping':
        return this.#session.pings.ask(frame.n, this.#session.receiving.arrived)
      case 'pong':
        return this.#session.pings.answer(frame.n, this.#session.receiving.arrived)
      default:
        throw outOfStep(frame)
    }
  }

  #open(frame: FrameOf<'open'>): void {
    this.#sentBy('initiator', frame)
    const { channels, opening } = this.#session
    const channel = channels.add(frame.channel, frame.database, 'opening', frame.position.feeds.length)
    if (this.#session.revoked && !channel.isDirectory) this.#session.fail(channel, revoked())
    else opening.open(channel, frame)
  }

  #opened(frame: FrameOf<'opened'>): void {
    this.#sentBy('acceptor', frame)
    const channel = this.#session.channels.named(frame.channel)
    if (channel === undefined) return
    if (channel.state !== 'opening') throw outOfStep(frame)
    this.#session.opening.opened(channel, frame)
  }

  #unit(frame: FrameOf<'unit'>): void {
    const channel = this.#working(frame)
    const { receiving, revoked: mayNot, peer } = this.#session
    receiving.count(frame.unit)
    if (channel !== undefined && !mayNot && peer?.access === 'full') return receiving.push(channel, frame.unit)
    receiving.giveBack(frame.unit.length)
    // A revoked device may not know yet that it is one; it hears of it when it has the directory.
    if (channel !== undefined && !mayNot) this.#session.fail(channel, readOnly())
  }

  #current(frame: FrameOf<'current'>): void {
    const channel = this.#working(frame)
    if (channel === undefined || this.#session.receiving.mark(channel, frame.record)) return
    this.#session.reached(channel, frame.record)
  }

  /** Nobody speaks for another device: the acceptor names the one that was authenticated. */
  #presence(frame: FrameOf<'presence'>): void {
    const channel = this.#working(frame)
    const { out, peer, revoked: mayNot } = this.#session
    const accepts = this.#role === 'acceptor'
    if (channel === undefined || peer === null || mayNot || (accepts && !this.#presences.allows())) return
    const device = accepts ? peer.publicKey : frame.device
    out.push({ event: 'presence', channel: channel.number, device, body: frame.body })
  }

  #close(frame: FrameOf<'close'>): void {
    this.#sentBy('initiator', frame)
    const channel = this.#session.channels.named(frame.channel)
    if (channel !== undefined) this.#session.close(channel, 'CLOSED', 'The peer closed the channel')
  }

  #error({ channel: number, code, message, feed }: FrameOf<'error'>): void {
    const channel = number === null ? undefined : this.#session.channels.named(number)
    if (channel === undefined) return
    const known = knownCode(code)
    // One unit, one feed: else a peer could have no end of them remembered here.
    if (feed !== null && --channel.blameless < 0) throw outOfStep({ type: 'error' })
    this.#session.out.push({ event: 'error', channel: channel.number, code: known, message, feed })
    if (feed === null) this.#session.close(channel, known, message)
  }

  /** The channel of a frame that only comes on channels both know; undefined when it was closed meanwhile. */
  #working(frame: FrameOf<'unit' | 'current' | 'presence'>): Channel | undefined {
    const channel = this.#session.channels.named(frame.channel)
    if (channel?.state === 'opening') throw outOfStep(frame)
    return channel
  }

  #sentBy(role: Role, frame: Frame): void {
    if (this.#role === role) throw outOfStep(frame)
  }
}

function outOfStep({ type }: Pick<Frame, 'type'>): VarveError {
  return new VarveError('INVALID', `A frame "${type}" is not allowed here and now: the peer is out of step`)
}

function readOnly(): VarveError {
  return new VarveError('FORBIDDEN', 'The device may read here and not write: nothing of it was taken over')
}
