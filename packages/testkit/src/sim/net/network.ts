/** A simulated network: hosts that dial each other, and what can go wrong between them. */

import { limits, offline, type Connector, type Env, type Transport } from 'varve/engine'
import type { SeededRandom } from '../random.ts'
import { Link, type Pace } from './link.ts'
import { Meddler } from './meddler.ts'
import type { Scheduler } from './scheduler.ts'

export interface Host {
  readonly name: string
  readonly timers: Pick<Env, 'timer'>
}

/** Takes a connection that a host opened. */
export type Accept = (transport: Transport, from: string) => void

/** Sees every frame that is sent, before it is on the line. */
export type Observe = (frame: Uint8Array, from: string, to: string) => void

interface Open {
  readonly link: Link
  readonly hosts: readonly [string, string]
  readonly meddler: Meddler | null
}

const partitioned = 'partition'
const stalled = 'stall'
/** A man in the middle is found out or goes away within this time. */
const meddlingMs = 15_000

export class Network {
  readonly #scheduler: Scheduler
  readonly #random: SeededRandom
  readonly #observe: Observe
  readonly #listening = new Map<string, { readonly host: Host; readonly accept: Accept }>()
  #open: Open[] = []
  readonly #partitions = new Set<string>()
  /** How likely a man in the middle sits on a new connection. */
  #meddling = 0
  #dialled = 0

  constructor(scheduler: Scheduler, random: SeededRandom, observe: Observe) {
    this.#scheduler = scheduler
    this.#random = random
    this.#observe = observe
  }

  /** Connections opened so far. */
  get dialled(): number {
    return this.#dialled
  }

  listen(host: Host, accept: Accept): void {
    this.#listening.set(host.name, { host, accept })
  }

  unlisten(name: string): void {
    this.#listening.delete(name)
  }

  /** Dials `ws://name` from a host. */
  connector(host: Host): Connector {
    return (url, { signal } = {}) =>
      new Promise((resolve, reject) => {
        const target = new URL(url).hostname
        const pace = this.#pace()
        const abort = (): void => {
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { once: true })
        const cancel = host.timers.timer(() => {
          reject(offline(`Nothing answered at ${url}`))
        }, limits.connectMs)
        const arrive = (): void => {
          // Packets are sent again until they get through, or the dialler gives up.
          if (this.#isPartitioned(host.name, target)) {
            host.timers.timer(arrive, 1_000)
            return
          }
          cancel()
          signal?.removeEventListener('abort', abort)
          if (signal?.aborted === true) return
          const listening = this.#listening.get(target)
          if (listening === undefined) reject(offline(`Nobody listens at ${url}`))
          else resolve(this.#connect(host, listening.host, pace, listening.accept))
        }
        host.timers.timer(arrive, 2 * pace.latencyMs)
      })
  }

  /** Hosts of different groups do not reach each other; those in no group reach all. */
  partition(groups: readonly (readonly string[])[]): void {
    groups.forEach((group, i) => {
      for (const other of groups.slice(i + 1)) for (const a of group) for (const b of other) this.#part(a, b)
    })
  }

  /** Everything gets through again, and men in the middle leave. */
  heal(): void {
    this.#partitions.clear()
    this.#meddling = 0
    for (const { link, meddler } of this.#living()) {
      if (meddler !== null) link.cut()
      link.release(partitioned)
      link.release(stalled)
    }
  }

  /** From now on some connections pass a man in the middle. */
  meddle(chance: number): void {
    this.#meddling = chance
  }

  /** Cuts some connections of a host, or of anyone. */
  cutSome(chance: number, name?: string): number {
    const chosen = this.#living().filter(
      ({ hosts }) => (name === undefined || hosts.includes(name)) && this.#random.chance(chance),
    )
    for (const { link } of chosen) link.cut()
    return chosen.length
  }

  /** A reader that takes nothing any more on some connection, in one direction, until the network heals or time is up. */
  stall(ms: number): void {
    const living = this.#living()
    if (living.length === 0) return
    const { link } = this.#random.pick(living)
    link.hold(stalled, this.#random.chance(0.5) ? 0 : 1)
    this.#scheduler.after(ms, () => {
      link.release(stalled)
    })
  }

  /** A process is gone: its peers hear nothing, until its host is back and knows nothing of their connections. */
  crash(name: string): void {
    this.unlisten(name)
    for (const { link, hosts } of this.#living()) {
      if (hosts[0] === name) link.kill(0)
      if (hosts[1] === name) link.kill(1)
    }
  }

  /** The host is up again: whoever speaks to the process that is gone is cut off. */
  revive(name: string): void {
    for (const { link, hosts } of this.#living()) if (hosts.includes(name)) link.cut()
  }

  #living(): readonly Open[] {
    this.#open = this.#open.filter(({ link }) => !link.over)
    return this.#open
  }

  #connect(from: Host, to: Host, pace: Pace, accept: Accept): Transport {
    const random = this.#random.fork()
    const meddler = random.chance(this.#meddling) ? new Meddler(random.fork(), 0.08) : null
    const link = new Link({
      scheduler: this.#scheduler,
      random,
      pace,
      kind: random.chance(0.6) ? 'frames' : 'bytes',
      meddler,
      timers: [from.timers, to.timers],
    })
    this.#dialled++
    this.#open.push({ link, hosts: [from.name, to.name], meddler })
    if (meddler !== null)
      this.#scheduler.after(random.below(meddlingMs), () => {
        link.cut()
      })
    const [near, far] = link.transports
    accept(this.#observed(far, to.name, from.name), from.name)
    return this.#observed(near, from.name, to.name)
  }

  #observed(transport: Transport, from: string, to: string): Transport {
    return {
      send: (frame) => {
        this.#observe(frame, from, to)
        return transport.send(frame)
      },
      listen: (handler) => {
        transport.listen(handler)
      },
      allow: (bytes) => {
        transport.allow(bytes)
      },
      close: (error) => {
        transport.close(error)
      },
    }
  }

  #pace(): Pace {
    const latencyMs = this.#random.pick([0, 1, 5, 20, 150, 600])
    const jitterMs = this.#random.pick([0, 0, latencyMs])
    return { latencyMs, jitterMs, bytesPerMs: this.#random.pick([Infinity, 10_000, 100, 8]) }
  }

  #part(a: string, b: string): void {
    this.#partitions.add(`${a}|${b}`)
    for (const { link, hosts } of this.#living()) if (hosts.includes(a) && hosts.includes(b)) link.hold(partitioned)
  }

  #isPartitioned(a: string, b: string): boolean {
    return this.#partitions.has(`${a}|${b}`) || this.#partitions.has(`${b}|${a}`)
  }
}
