/** A simulated connection of two hosts: two lanes and a transport at each end, over frames or over a stream of bytes. */

import {
  byteStreamTransport,
  isVarveError,
  offline,
  WireTransport,
  type ByteDuplex,
  type Env,
  type Sink,
  type Transport,
  type VarveError,
  type Wire,
} from 'varve/engine'
import type { SeededRandom } from '../random.ts'
import { ByteQueue } from './byte-queue.ts'
import { Lane, type LaneOptions, type Parcel } from './lane.ts'
import type { Meddler } from './meddler.ts'
import type { Scheduler } from './scheduler.ts'

export interface Pace {
  /** Milliseconds on the way, at least, and added at random. */
  readonly latencyMs: number
  readonly jitterMs: number
  readonly bytesPerMs: number
}

export interface LinkOptions {
  readonly scheduler: Scheduler
  readonly random: SeededRandom
  readonly pace: Pace
  /** Like a WebSocket, or like a socket, which can be cut within a frame. */
  readonly kind: 'frames' | 'bytes'
  /** Sits on the line and changes what passes. */
  readonly meddler: Meddler | null
  /** Timers of each end: those of the process there. */
  readonly timers: readonly [Pick<Env, 'timer'>, Pick<Env, 'timer'>]
}

const bufferBytes = 64 * 1024
const unheard = 'nobody listens'

/** What an end does with what arrives; it learns once of a cut. */
interface End {
  arrived(parcel: Parcel): void
  broken(): void
}

export class Link {
  readonly #options: LinkOptions
  /** By sender. */
  readonly #lanes: readonly [Lane, Lane]
  readonly #ends: [End | null, End | null] = [null, null]
  readonly #dead: [boolean, boolean] = [false, false]
  readonly #left: [boolean, boolean] = [false, false]
  readonly transports: readonly [Transport, Transport]
  #over = false

  constructor(options: LinkOptions) {
    this.#options = options
    this.#lanes = [this.#lane(0), this.#lane(1)]
    this.transports = [this.#transport(0), this.#transport(1)]
  }

  get over(): boolean {
    return this.#over
  }

  /** Both ends hear of a cut, wherever in a frame it comes. */
  cut(): void {
    if (this.#over) return
    this.#over = true
    for (const lane of this.#lanes) lane.cut()
    for (const end of [0, 1] as const) if (!this.#dead[end]) this.#ends[end]?.broken()
  }

  /** The process at this end is gone without a word: the other end hears nothing more until the link is cut. */
  kill(end: 0 | 1): void {
    this.#dead[end] = true
    this.#lanes[end].hold('dead')
    this.#lanes[1 - end === 1 ? 1 : 0].hold('dead')
  }

  /** Nothing arrives in the direction from `sender`, or in both. */
  hold(why: string, sender?: 0 | 1): void {
    for (const end of [0, 1] as const) if (sender === undefined || sender === end) this.#lanes[end].hold(why)
  }

  release(why: string): void {
    for (const lane of this.#lanes) lane.release(why)
  }

  #lane(sender: 0 | 1): Lane {
    const { scheduler, random, pace, meddler } = this.#options
    const receiver = sender === 0 ? 1 : 0
    const options: LaneOptions = {
      scheduler,
      bytesPerMs: pace.bytesPerMs,
      bufferBytes,
      latency: () => pace.latencyMs + random.below(pace.jitterMs + 1),
      deliver: (parcel) => {
        const arrived = parcel === null || meddler === null ? [parcel] : meddler.meddle(sender, parcel)
        for (const each of arrived) if (!this.#dead[receiver]) this.#ends[receiver]?.arrived(each)
      },
    }
    return new Lane(options)
  }

  #transport(end: 0 | 1): Transport {
    const options = { env: this.#options.timers[end] }
    const lane = this.#lanes[end === 0 ? 1 : 0]
    lane.hold(unheard)
    if (this.#options.kind === 'frames') return new WireTransport((sink) => this.#frameWire(end, sink), options)
    return byteStreamTransport(this.#byteDuplex(end), options)
  }

  #frameWire(end: 0 | 1, sink: Sink): Wire {
    const [out, back] = end === 0 ? this.#lanes : [this.#lanes[1], this.#lanes[0]]
    let said = false
    const sayEnd = (): void => {
      if (said) return
      said = true
      sayEndOn(out)
    }
    this.#ends[end] = {
      arrived: (parcel) => {
        if (parcel === null) {
          sayEnd()
          sink.ended(null)
        } else sink.frame(parcel.slice())
      },
      broken: () => {
        sink.ended(offline('The simulated line was cut'))
      },
    }
    return {
      write: async (frames) => {
        await Promise.all(frames.map((frame) => out.send(frame)))
      },
      end: sayEnd,
      cut: (error) => {
        this.#leave(end, error)
      },
      resume: () => {
        back.release(unheard)
      },
    }
  }

  #byteDuplex(end: 0 | 1): ByteDuplex {
    const { random } = this.#options
    const [out, back] = end === 0 ? this.#lanes : [this.#lanes[1], this.#lanes[0]]
    const arriving = new ByteQueue(() => {
      back.release(unheard)
    })
    this.#ends[end] = {
      arrived: (parcel) => {
        arriving.push(parcel)
      },
      broken: () => {
        arriving.fail(offline('The simulated line was cut'))
      },
    }
    return {
      readable: arriving,
      write: async (bytes) => {
        const sent: Promise<void>[] = []
        for (let from = 0; from < bytes.length;) {
          const size = 1 + random.below(random.chance(0.2) ? 8 : 4096)
          sent.push(out.send(bytes.slice(from, from + size)))
          from += size
        }
        await Promise.all(sent)
      },
      close: (error) => {
        if (error === null) sayEndOn(out)
        this.#leave(end, error)
      },
    }
  }

  /** An end that lets go with an error cuts the other off, a way later; one that lets go in order has nothing to add. */
  #leave(end: 0 | 1, error: VarveError | null): void {
    this.#left[end] = true
    if (error !== null) this.#ends[end] = null
    if (this.#left[0] && this.#left[1]) this.#over = true
    if (error === null || this.#over || this.#dead[end]) return
    const { scheduler, pace } = this.#options
    scheduler.after(pace.latencyMs, () => {
      this.cut()
    })
  }
}

/** Whether it still gets through does not matter to who says it. */
function sayEndOn(lane: Lane): void {
  lane.send(null).catch((error: unknown) => {
    if (!isVarveError(error, 'OFFLINE')) throw error
  })
}
