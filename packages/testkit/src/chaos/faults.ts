/** Everything that goes wrong, drawn from a seed: which fault, whom it hits, how long it lasts. */

import type { SeededRandom } from '../sim/random.ts'
import type { Slot } from './slot.ts'
import type { ChaosClient, ChaosWorld } from './world.ts'

/** Milliseconds between two faults, and how long one lasts. */
const pauseMs = { from: 150, to: 800 }
const downMs = { from: 50, to: 1_500 }
const frozenMs = { from: 100, to: 2_000 }
const networkMs = { from: 200, to: 3_000 }
/** Half-open connections are noticed by keep-alives or, sooner, when the network says at last that they are gone. */
const halfOpenMs = { from: 1_000, to: 6_000 }
const faultsAtMost = 10_000

interface Span {
  readonly from: number
  readonly to: number
}

export class Faults {
  readonly #world: ChaosWorld
  readonly #random: SeededRandom
  /** Faults that last; each ends by itself. */
  readonly #lasting = new Set<Promise<void>>()

  constructor(world: ChaosWorld, random: SeededRandom) {
    this.#world = world
    this.#random = random
  }

  /**
   * Draws faults for so many milliseconds, or until a problem is found; then waits for the last to end, so that
   * everybody runs again.
   */
  async run(ms: number): Promise<void> {
    const until = Date.now() + ms
    for (let count = 0; Date.now() < until && count < faultsAtMost && this.#world.problems.length === 0; count++) {
      await wait(this.#within(pauseMs))
      this.#next()
    }
    await Promise.all(this.#lasting)
  }

  #next(): void {
    const kind = this.#random.below(25)
    const client = this.#random.pick(this.#world.clients)
    if (kind < 4) this.#crash(this.#world.node)
    else if (kind < 5) this.#restart(this.#world.node)
    else if (kind < 7) this.#freeze(this.#world.node)
    else if (kind < 11) this.#crash(client.slot)
    else if (kind < 12) this.#restart(client.slot)
    else if (kind < 14) this.#freeze(client.slot)
    else if (kind === 24) for (const { skew } of this.#world.clients) skew()
    else this.#network(kind, client)
  }

  #network(kind: number, { proxy, slot: { name } }: ChaosClient): void {
    const random = this.#random
    if (kind < 16) {
      const reset = random.chance(0.5)
      this.#once(reset ? 'reset' : 'cut', name, () => {
        proxy.cut(reset)
      })
    } else if (kind < 17) {
      this.#during('network down', name, this.#within(networkMs), () => {
        proxy.refuse()
        return () => {
          proxy.accept()
        }
      })
    } else if (kind < 19) {
      const unaware = random.pick(['client', 'server', 'both'] as const)
      this.#during(`half-open, ${unaware} unaware`, name, this.#within(halfOpenMs), () => proxy.halfOpen(unaware))
    } else if (kind < 20) {
      const ms = random.below(400)
      this.#during('delay', name, this.#within(networkMs), () => {
        proxy.delay(ms)
        return () => {
          proxy.delay(0)
        }
      })
    } else if (kind < 22) {
      const towards = random.pick(['client', 'server'] as const)
      this.#during(`stall towards ${towards}`, name, this.#within(networkMs), () => {
        proxy.stall(towards)
        return () => {
          proxy.flow()
        }
      })
    } else {
      const towards = random.pick(['client', 'server'] as const)
      this.#once(`truncate towards ${towards}`, name, () => {
        proxy.truncate(towards)
      })
    }
  }

  // Durations are drawn before anything else is looked at, so that a seed always draws the same faults.

  #crash(slot: Slot): void {
    const ms = this.#within(downMs)
    if (!slot.isUp) return
    this.#lasts('kill -9', slot.name, async () => {
      await slot.kill()
      await wait(ms)
      await slot.start()
    })
  }

  #restart(slot: Slot): void {
    const ms = this.#within(downMs)
    if (!slot.isUp) return
    this.#lasts('restart', slot.name, async () => {
      await slot.end()
      await wait(ms)
      await slot.start()
    })
  }

  #freeze(slot: Slot): void {
    const ms = this.#within(frozenMs)
    if (!slot.isUp) return
    const { child } = slot
    this.#during('SIGSTOP', slot.name, ms, () => {
      child.freeze()
      return () => {
        child.thaw()
      }
    })
  }

  #once(what: string, whom: string, work: () => void): void {
    this.#told(what, whom)
    work()
  }

  #during(what: string, whom: string, ms: number, begin: () => () => void): void {
    this.#lasts(what, whom, async () => {
      const end = begin()
      await wait(ms)
      end()
    })
  }

  #lasts(what: string, whom: string, work: () => Promise<void>): void {
    this.#told(what, whom)
    const lasting: Promise<void> = work()
      .catch((error: unknown) => {
        this.#world.problem(`${what} of ${whom} failed: ${String(error)}`)
      })
      .finally(() => this.#lasting.delete(lasting))
    this.#lasting.add(lasting)
  }

  #told(what: string, whom: string): void {
    this.#world.count(what)
    this.#world.note(`${what} ${whom}`)
  }

  #within({ from, to }: Span): number {
    return from + this.#random.below(to - from)
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
