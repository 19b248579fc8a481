/** Simulated time: events in order of time, and between them everything that waits for promises alone. */

import type { SeededRandom } from '../random.ts'

interface Event {
  readonly at: number
  /** Equal times keep the order in which they were asked for. */
  readonly order: number
  readonly run: () => void
}

/** How often only a few promises settle between two events, so that they meet half-done work. */
const hurriedShare = 0.3
const hurriedTicks = 24

export class Scheduler {
  readonly #random: SeededRandom
  readonly #events: Event[] = []
  #order = 0
  #now: number

  /** `now` in Unix milliseconds. */
  constructor(random: SeededRandom, now: number) {
    this.#random = random
    this.#now = now
  }

  /** The true time of the world in Unix milliseconds; no node knows it. */
  get now(): number {
    return this.#now
  }

  /** Calls `run` after `ms` milliseconds; returns a function that cancels. */
  after(ms: number, run: () => void): () => void {
    const event = { at: this.#now + Math.max(0, Math.ceil(ms)), order: this.#order++, run }
    const place = this.#events.findLastIndex((other) => before(other, event))
    this.#events.splice(place + 1, 0, event)
    return () => {
      const found = this.#events.indexOf(event)
      if (found >= 0) this.#events.splice(found, 1)
    }
  }

  /** Lets `ms` milliseconds go by. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.#run(end, () => false)
    this.#now = end
  }

  /** Lets time go by until `done`, looked at after every event, for at most `ms`; returns whether it came to that. */
  async until(done: () => boolean, ms: number): Promise<boolean> {
    const end = this.#now + ms
    await settle()
    if (done()) return true
    await this.#run(end, done)
    if (!done()) this.#now = Math.max(this.#now, end)
    return done()
  }

  /** Waits for something that needs the network, for at most `ms`; throws what it throws, or says that it did not end. */
  async wait<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
    let ended = false
    const end = (): void => {
      ended = true
    }
    promise.then(end, end)
    if (!(await this.until(() => ended, ms))) throw new Error(`${what} did not end within ${ms} ms`)
    return promise
  }

  async #run(end: number, done: () => boolean): Promise<void> {
    while (await this.#isDue(end)) {
      const event = this.#events.shift()
      if (event === undefined) break
      this.#now = event.at
      event.run()
      if (this.#random.chance(hurriedShare)) await ticks(this.#random.below(hurriedTicks))
      else await settle()
      if (done()) break
    }
    await settle()
  }

  /** Whether something is left to do until then; half-done work may still ask for more. */
  async #isDue(end: number): Promise<boolean> {
    const due = (): boolean => (this.#events[0]?.at ?? Infinity) <= end
    if (!due()) await settle()
    return due()
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Everything that waits for promises alone has run when this resolves. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function ticks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve()
}
