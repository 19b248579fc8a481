/** All placements of a hub: found by their place, opened when used, closed when nobody has used them for a while. */

import { fromUtf8, isVarveError, VarveError, type Env, type StoreProvider } from 'varve/engine'
import { OpenStores } from '../../tenants/open-stores.ts'
import type { Stores } from '../connections/stores.ts'
import type { Place } from '../context.ts'
import type { Peers } from '../peers/peers.ts'
import type { Location, Locator } from './locate.ts'
import { OpenPlacement, type PlacementRules } from './open-placement.ts'
import { Placement } from './placement.ts'

export interface PlacementsParts {
  readonly env: Env
  readonly stores: Stores
  readonly locator: Locator
  readonly rules: PlacementRules
  readonly openPlacements: number
  readonly idleMs: number
  /** Ends a move that was interrupted between its fence and its switch. Throws `LOCKED` while somebody carries it out. */
  readonly finishMove: (id: string) => Promise<void>
  /** Other processes of the hub; null when there are none. */
  readonly peers: Peers | null
}

/** The small file that says that a placement has moved away, or is about to. */
export const fenceFile = 'hub-moved'

/** Milliseconds that opening waits for another process that holds the placement. */
const lockedMs = 15_000
const attemptMs = 100

export class Placements {
  readonly #parts: PlacementsParts
  readonly #stores: OpenStores
  readonly #known = new Map<string, Placement>()
  #sweep: (() => void) | null = null
  #closed = false

  constructor(parts: PlacementsParts) {
    this.#parts = parts
    this.#stores = new OpenStores(parts.openPlacements, parts.env)
  }

  get figures(): { readonly known: number; readonly open: number } {
    return { known: this.#known.size, open: this.#stores.open }
  }

  /** Asks nobody whether there is such a place. */
  get(place: Place): Placement {
    const known = this.#known.get(place.name)
    if (known !== undefined) return known
    const { env, peers } = this.#parts
    const made = new Placement({
      env,
      stores: this.#stores,
      open: () => this.#open(place),
      gone: () => this.#gone(place),
      ...(peers === null ? {} : { pull: (error, since) => peers.pull(place, error, since) }),
    })
    this.#known.set(place.name, made)
    return made
  }

  /** Closes a placement for another process. Throws `LOCKED` while it is used here. */
  async letGo(place: Place): Promise<void> {
    await this.#known.get(place.name)?.letGo()
  }

  /** Closes a placement and forgets it: the next use looks anew where it is. */
  async forget(place: Place): Promise<void> {
    const known = this.#known.get(place.name)
    this.#known.delete(place.name)
    await known?.end()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#sweep?.()
    const results = await Promise.allSettled([...this.#known.values()].map((placement) => placement.end()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** What locating says of a place that nothing defines any more, as of a dropped tenant. */
  async #gone(place: Place): Promise<VarveError | null> {
    if (this.#closed) return null
    try {
      await this.#parts.locator.locate(place)
      return null
    } catch (error) {
      return isVarveError(error) && ['DELETED', 'NOT_FOUND'].includes(error.code) ? error : null
    }
  }

  /** Opens a placement where it lies; one that moves, or has moved, is looked for again. */
  async #open(place: Place): Promise<OpenPlacement> {
    if (this.#closed) throw new VarveError('CLOSED', 'The hub is closed: open it again')
    this.#sweepLater()
    const until = this.#parts.env.now() + lockedMs
    for (;;) {
      try {
        return await this.openAt(place, await this.#parts.locator.locate(place))
      } catch (error) {
        const elsewhere = this.#parts.peers?.holderOf(error) !== undefined
        if (elsewhere || !isVarveError(error, 'LOCKED') || this.#parts.env.now() >= until) throw error
        await new Promise<void>((resolve) => this.#parts.env.timer(resolve, attemptMs))
      }
    }
  }

  /** Opens a placement at a location; `mover` is the move that may use it although it is fenced. */
  async openAt(place: Place, location: Location, mover: string | null = null): Promise<OpenPlacement> {
    const { stores, rules, env } = this.#parts
    const placed = await stores.at(place.name, location)
    const open = await OpenPlacement.open(place.name, placed, rules, env)
    const fence = await readFence(placed.provider).catch(async (error: unknown) => {
      await open.close()
      throw error
    })
    if (fence === null || fence === mover) return open
    await open.close()
    await this.#parts.finishMove(fence)
    throw new VarveError('LOCKED', `"${place.name}" has just moved: try again`, { details: { placement: place.name } })
  }

  /** Closes what nobody used since; one timer, and only while something is open. */
  #sweepLater(): void {
    if (this.#sweep !== null || this.#closed) return
    const { env, idleMs } = this.#parts
    this.#sweep = env.timer(
      () => {
        this.#sweep = null
        for (const placement of this.#known.values())
          if (placement.idle && env.now() - placement.lastUsed >= idleMs)
            placement.end().catch((error: unknown) => {
              env.log('warn', 'a placement that nobody used could not be closed in order', { error: String(error) })
            })
        for (const [name, placement] of this.#known) if (!placement.isOpen && placement.unused) this.#known.delete(name)
        if (this.#stores.open > 0) this.#sweepLater()
      },
      Math.max(100, idleMs / 2),
    )
  }
}

/** The move that fenced what a provider holds; null without a fence. */
export async function readFence(provider: StoreProvider): Promise<string | null> {
  const bytes = await provider.readFile(fenceFile)
  return bytes === null || bytes.length === 0 ? null : fromUtf8(bytes)
}
