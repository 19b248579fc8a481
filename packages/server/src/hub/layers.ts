/** The old payloads of all placements: what has sunk, what waits, what does not sink and why; making it sink. */

import { toHex, VarveError, type SegmentDescriptor, type SinkState, type SinkSums } from 'varve/engine'
import type { Tenant } from 'varve'
import type { Placements } from './placement/placements.ts'
import { usedPlaces, type PlacesParts } from './places.ts'

/** One store of a placement. */
export interface LayerState extends SinkState {
  readonly placement: string
  readonly store: string
}

export interface Segment extends Omit<SegmentDescriptor, 'index' | 'hash'> {
  readonly placement: string
  readonly store: string
  /** Of the object, in hex. */
  readonly sha256: string
}

/** A segment that is not as it was put. */
export interface WrongSegment {
  readonly placement: string
  readonly store: string
  readonly key: string
  readonly code: string
  readonly message: string
}

/** Commits that do not sink. */
export interface SinkDeadLetter {
  readonly kind: 'sinking'
  /** For `retry`. */
  readonly id: string
  readonly placement: string
  readonly attempts: number
  readonly reason: string
  /** ISO 8601: since when, and the last attempt. */
  readonly since: string
  readonly at: string
}

/** Whose: all when it is absent. */
export interface OfTenant {
  readonly tenantId?: string
}

export interface LayersParts extends PlacesParts {
  readonly placements: Placements
}

/** No id of a tenant begins so. */
const idMark = '@'

export class HubLayers {
  readonly #parts: LayersParts

  constructor(parts: LayersParts) {
    this.#parts = parts
  }

  /** Opens one placement after the other; those that were never used stay so. */
  state(of: OfTenant = {}): Promise<readonly LayerState[]> {
    return this.#each(of, async ({ layers }, placement) =>
      [...(await layers.state())].map(([store, state]) => ({ ...state, placement, store })),
    )
  }

  segments(of: OfTenant = {}): Promise<readonly Segment[]> {
    return this.#each(of, async ({ layers }, placement) =>
      [...(await layers.segments())].flatMap(([store, segments]) =>
        segments.map(({ hash, key, first, last, commits, bytes, size, at }) => {
          const place = { placement, store, key, sha256: toHex(hash) }
          return { ...place, first, last, commits, bytes, size, at }
        }),
      ),
    )
  }

  /** Reads every segment whole, and gives those that are not as they were put. */
  check(of: OfTenant = {}): Promise<readonly WrongSegment[]> {
    return this.#each(of, async ({ layers }, placement) =>
      [...(await layers.check())].flatMap(([store, { problems }]) =>
        problems.map(({ key, code, message }) => ({ placement, store, key, code, message })),
      ),
    )
  }

  /** Lets what is old sink now; with `all` everything. Throws what object storage throws; calling again goes on. */
  async sink({ all = false, ...of }: OfTenant & { readonly all?: boolean } = {}): Promise<SinkSums> {
    const made = await this.#each(of, async ({ layers }) => [await layers.sink({ all })])
    const sum = (part: keyof SinkSums): number => made.reduce((total, each) => total + each[part], 0)
    return { segments: sum('segments'), commits: sum('commits'), bytes: sum('bytes'), stored: sum('stored') }
  }

  async deadLetters(of: OfTenant = {}): Promise<readonly SinkDeadLetter[]> {
    return (await this.state(of)).flatMap(({ placement, store, deadLetter }) => {
      if (deadLetter === null) return []
      const { attempts, message: reason, since, at } = deadLetter
      const times = { since: new Date(since).toISOString(), at: new Date(at).toISOString() }
      return [{ kind: 'sinking' as const, id: `${idMark}${placement}/${store}`, placement, attempts, reason, ...times }]
    })
  }

  isLetter(id: string): boolean {
    return id.startsWith(idMark)
  }

  /** Lets the placement of a dead letter sink again. Throws `NOT_FOUND`, and what object storage throws. */
  async retry(id: string): Promise<SinkSums> {
    const name = id.slice(idMark.length, id.lastIndexOf('/'))
    const place = (await usedPlaces(this.#parts)).find((each) => each.name === name)
    if (place === undefined)
      throw new VarveError('NOT_FOUND', `There is no dead letter "${id}": deadLetters() lists them`)
    return this.#parts.placements.get(place).using(({ tenant }) => tenant.layers.sink())
  }

  async #each<R>(
    { tenantId }: OfTenant,
    ask: (tenant: Tenant, placement: string) => Promise<readonly R[]>,
  ): Promise<R[]> {
    const found: R[] = []
    for (const { hasSpace, ...place } of await usedPlaces(this.#parts, tenantId))
      if (hasSpace)
        found.push(...(await this.#parts.placements.get(place).using(({ tenant }) => ask(tenant, place.name))))
    return found
  }
}
