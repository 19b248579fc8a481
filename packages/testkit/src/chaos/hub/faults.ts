/** What goes wrong in the world of hubs, drawn from a seed: kills of processes and servers, and everything between them. */

import type { FaultProxy } from '../../servers/proxy.ts'
import type { SeededRandom } from '../../sim/random.ts'
import type { Backend } from './backends.ts'
import { leaseMs } from './engines.ts'
import type { HubSlot } from './hub-slot.ts'
import type { HubWorld } from './world.ts'
import { wait } from './writer.ts'

interface Span {
  readonly from: number
  readonly to: number
}

/** Milliseconds between two faults, and how long one lasts. */
const pauseMs = { from: 250, to: 1_400 }
const downMs = { from: 20, to: 900 }
const frozenMs = { from: leaseMs + 200, to: leaseMs * 2 }
const networkMs = { from: 200, to: 2_500 }
/** Milliseconds that an orderly end may take. */
const endMs = 15_000
/** A round ends after this time in any case. */
const roundMs = 120_000

export class HubFaults {
  readonly #world: HubWorld
  readonly #random: SeededRandom
  readonly #lasting = new Set<Promise<void>>()
  /** Names of what is down, or stopped. */
  readonly #away = new Set<string>()
  kills = 0

  constructor(world: HubWorld, random: SeededRandom) {
    this.#world = world
    this.#random = random
  }

  /** Kills so many times, with other faults between; then everything runs and is reached again. */
  async round(kills: number, promotes: boolean): Promise<void> {
    const until = this.kills + kills
    const end = Date.now() + roundMs
    if (promotes) this.#promote()
    while (this.kills < until && Date.now() < end && this.#world.problems.length === 0) {
      await wait(this.#within(pauseMs))
      this.#next()
    }
    await Promise.all(this.#lasting)
    this.#world.heal()
  }

  // Durations are drawn before anything else is looked at, so that a seed draws the same faults.

  #next(): void {
    const { hubs, backends } = this.#world
    const [kind, hub, backend] = [this.#random.below(20), this.#random.pick(hubs), this.#random.pick(backends.all)]
    if (kind < 6) this.#killHub(hub)
    else if (kind < 11) this.#killBackend(backend)
    else if (kind < 12) this.#freeze(hub)
    else if (kind < 13) this.#restart(hub)
    else if (kind < 14) this.#fill()
    else this.#network(kind, backend)
  }

  #killHub({ name, slot }: HubSlot): void {
    const ms = this.#within(downMs)
    this.#unlessAway('kill -9', name, async () => {
      this.kills++
      await slot.kill()
      await wait(ms)
      await slot.start()
    })
  }

  #killBackend(backend: Backend): void {
    const ms = this.#within(downMs)
    this.#unlessAway('kill -9', backend.name, async () => {
      this.kills++
      await backend.kill()
      await wait(ms)
      await backend.start()
    })
  }

  #promote(): void {
    const { postgres } = this.#world.backends
    if (postgres === null) return
    this.#unlessAway('kill -9 and promotion', postgres.name, async () => {
      await wait(this.#within(networkMs))
      this.kills++
      await postgres.promote()
    })
  }

  /** For longer than its leases. */
  #freeze({ name, slot }: HubSlot): void {
    const ms = this.#within(frozenMs)
    this.#unlessAway('SIGSTOP', name, async () => {
      const { child } = slot
      child.freeze()
      await wait(ms)
      child.thaw()
    })
  }

  #restart({ name, slot }: HubSlot): void {
    const ms = this.#within(downMs)
    this.#unlessAway('restart', name, async () => {
      // With a server away it tries for a while to give back what it holds.
      if (!(await slot.child.end(endMs))) this.#world.count('kill -9 after a long end')
      await wait(ms)
      await slot.start()
    })
  }

  #fill(): void {
    const ms = this.#within(networkMs)
    this.#unlessAway('full', 's3', async () => {
      const end = this.#world.backends.s3.fill()
      await wait(ms)
      end()
    })
  }

  #network(kind: number, { name, proxies, noticesCorruption }: Backend): void {
    const [proxy, ms] = [this.#random.pick(proxies), this.#within(networkMs)]
    const [flag, late] = [this.#random.chance(0.5), this.#random.below(300)]
    const towards = flag ? 'client' : 'server'
    const harm = {
      cut: () => {
        proxy.cut(flag)
      },
      halve: () => {
        proxy.truncate(towards)
      },
      corrupt: () => {
        proxy.corrupt(towards)
      },
    }
    if (kind < 16) this.#once(flag ? 'reset' : 'cut', name, harm.cut)
    else if (kind < 17) this.#once(`halve towards ${towards}`, name, harm.halve)
    else if (kind < 18 && noticesCorruption) this.#once(`corrupt towards ${towards}`, name, harm.corrupt)
    else this.#during(name, ms, spells(proxy, late, towards)[kind - 17])
  }

  #once(what: string, whom: string, work: () => void): void {
    this.#told(what, whom)
    work()
  }

  #during(whom: string, ms: number, spell: Spell | undefined): void {
    if (spell === undefined) return
    this.#lasts(spell.name, whom, async () => {
      const end = spell.begin()
      await wait(ms)
      end()
    })
  }

  #unlessAway(what: string, whom: string, work: () => Promise<void>): void {
    if (this.#away.has(whom)) return
    this.#away.add(whom)
    this.#lasts(what, whom, async () => {
      try {
        await work()
      } finally {
        this.#away.delete(whom)
      }
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
    this.#world.count(`${what} ${whom.startsWith('hub') ? 'hub' : whom}`)
    this.#world.note(`${what} ${whom}`)
  }

  #within({ from, to }: Span): number {
    return from + this.#random.below(to - from)
  }
}

interface Spell {
  readonly name: string
  /** Begins, and returns what ends it. */
  readonly begin: () => () => void
}

function spells(proxy: FaultProxy, late: number, towards: 'client' | 'server'): readonly Spell[] {
  const accepted = (): void => {
    proxy.accept()
  }
  return [
    {
      name: `stall towards ${towards}`,
      begin: () => {
        proxy.stall(towards)
        return () => {
          proxy.flow()
        }
      },
    },
    {
      name: 'delay',
      begin: () => {
        proxy.delay(late)
        return () => {
          proxy.delay(0)
        }
      },
    },
    {
      name: 'network down',
      begin: () => {
        if (late < 150) proxy.refuse()
        else proxy.swallow()
        return accepted
      },
    },
  ]
}
