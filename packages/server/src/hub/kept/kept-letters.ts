/** Contents that object storage does not take: what waits in each placement, listed and tried again. */

import { VarveError } from 'varve/engine'
import type { OfTenant } from '../layers.ts'
import type { Placements } from '../placement/placements.ts'
import { usedPlaces, type PlacesParts } from '../places.ts'

/** What the database of a placement keeps, because it could not be brought to object storage. */
export interface ContentDeadLetter {
  readonly kind: 'content'
  /** For `retry`. */
  readonly id: string
  readonly placement: string
  /** What waits there. */
  readonly objects: number
  readonly bytes: number
  readonly attempts: number
  readonly reason: string
  /** ISO 8601: since when, and the last attempt. */
  readonly since: string
  readonly at: string
}

export interface KeptLettersParts extends PlacesParts {
  readonly placements: Placements
}

/** No id of a tenant begins so, and no shell takes it for its own. */
const idMark = '%'

export class KeptLetters {
  readonly #parts: KeptLettersParts

  constructor(parts: KeptLettersParts) {
    this.#parts = parts
  }

  /** Opens one placement after the other; those that were never used stay so. */
  async list({ tenantId }: OfTenant = {}): Promise<readonly ContentDeadLetter[]> {
    const found: ContentDeadLetter[] = []
    for (const { hasSpace, ...place } of await usedPlaces(this.#parts, tenantId)) {
      if (!hasSpace) continue
      const { objects, bytes, deadLetter } = await this.#parts.placements
        .get(place)
        .using(({ kept }) => kept?.state() ?? { objects: 0, bytes: 0, deadLetter: null })
      if (deadLetter === null) continue
      const { attempts, message: reason, since, at } = deadLetter
      const times = { since: new Date(since).toISOString(), at: new Date(at).toISOString() }
      const [id, placement] = [`${idMark}${place.name}`, place.name]
      found.push({ kind: 'content', id, placement, objects, bytes, attempts, reason, ...times })
    }
    return found
  }

  isLetter(id: string): boolean {
    return id.startsWith(idMark)
  }

  /** Brings what waits to object storage now. Throws `NOT_FOUND`, and what object storage throws. */
  async retry(id: string): Promise<void> {
    const name = id.slice(idMark.length)
    const place = (await usedPlaces(this.#parts)).find((each) => each.name === name)
    if (place === undefined)
      throw new VarveError('NOT_FOUND', `There is no dead letter "${id}": deadLetters() lists them`)
    await this.#parts.placements.get(place).using(({ kept }) => kept?.bring())
  }
}
