/** What was given up until somebody looks: messages that came too often, payloads that do not sink, contents that wait. */

import { VarveError } from 'varve/engine'
import type { HubConfig } from './config/types.ts'
import { KeptLetters, type ContentDeadLetter } from './kept/kept-letters.ts'
import type { HubLayers, SinkDeadLetter } from './layers.ts'
import type { Messaging } from './messaging/messaging.ts'
import type { DeadLetter } from './messaging/types.ts'
import type { Placements } from './placement/placements.ts'
import { usedPlaces, type PlacesParts } from './places.ts'
import type { HubTenants } from './tenants.ts'

export type HubDeadLetter = (DeadLetter & { readonly kind: 'message' }) | SinkDeadLetter | ContentDeadLetter

export interface DeadLettersParts extends PlacesParts {
  readonly config: HubConfig
  readonly tenants: HubTenants
  readonly layers: HubLayers
  readonly placements: Placements
  readonly messaging: (tenantId: string) => Messaging
}

export class HubDeadLetters {
  readonly #parts: DeadLettersParts
  readonly #contents: KeptLetters

  constructor(parts: DeadLettersParts) {
    this.#parts = parts
    this.#contents = new KeptLetters(parts)
  }

  /** Of one tenant, or of all; with `topic`, messages of that topic alone. */
  async list({ tenantId, topic }: { readonly tenantId?: string; readonly topic?: string }): Promise<HubDeadLetter[]> {
    const found: HubDeadLetter[] = []
    for (const id of tenantId === undefined ? await this.#receivers() : [tenantId]) {
      if (tenantId !== undefined && !(await this.#hasMessages(id))) continue
      const letters = await this.#parts.messaging(id).deadLetters(topic === undefined ? {} : { topic })
      found.push(...letters.map((letter) => ({ ...letter, kind: 'message' as const, id: `${id}/${letter.id}` })))
    }
    if (topic !== undefined) return found
    const of = tenantId === undefined ? {} : { tenantId }
    return [...found, ...(await this.#parts.layers.deadLetters(of)), ...(await this.#contents.list(of))]
  }

  /** By its id in the list. Throws `NOT_FOUND`, and what object storage throws. */
  async retry(id: string): Promise<void> {
    const { layers, messaging } = this.#parts
    if (layers.isLetter(id)) {
      await layers.retry(id)
      return
    }
    if (this.#contents.isLetter(id)) return this.#contents.retry(id)
    const end = id.indexOf('/')
    if (end < 0) throw new VarveError('NOT_FOUND', `There is no dead letter "${id}": deadLetters() lists them`)
    await messaging(id.slice(0, end)).retry(id.slice(end + 1))
  }

  /** Tenants that may have messages, without making a database for any. */
  async #receivers(): Promise<readonly string[]> {
    if (this.#isFlat) {
      const used = (await usedPlaces(this.#parts)).some(({ databaseType }) => databaseType === 'messaging')
      return used ? (await this.#parts.tenants.list()).map(({ tenantId }) => tenantId) : []
    }
    return (await usedPlaces(this.#parts)).flatMap(({ databaseType, tier, id }) =>
      databaseType === 'messaging' && tier === 'tenant' && id !== null ? [id] : [],
    )
  }

  async #hasMessages(tenantId: string): Promise<boolean> {
    const places = await usedPlaces(this.#parts, this.#isFlat ? undefined : tenantId)
    return places.some(({ databaseType }) => databaseType === 'messaging')
  }

  get #isFlat(): boolean {
    return this.#parts.config.databases.get('messaging')?.flat === true
  }
}
