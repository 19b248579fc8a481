/** Open connections, counted per address, per tenant and in all. */

import { VarveError } from 'varve/engine'

/** Counts places under keys, at most `limit` under each. */
export class Places {
  readonly #limit: number
  readonly #taken = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Takes a place; the returned function gives it back, once. Null when all are taken. */
  take(key: string): (() => void) | null {
    const taken = this.#taken.get(key) ?? 0
    if (taken >= this.#limit) return null
    this.#taken.set(key, taken + 1)
    let held = true
    return () => {
      if (!held) return
      held = false
      const left = (this.#taken.get(key) ?? 1) - 1
      if (left === 0) this.#taken.delete(key)
      else this.#taken.set(key, left)
    }
  }
}

/** A place for a connection of a tenant; throws `RATE_LIMITED` when it has as many as it may. */
export function tenantPlaces(limit: number): (tenant: string) => () => void {
  const places = new Places(limit)
  return (tenant) => {
    const free = places.take(tenant)
    if (free !== null) return free
    throw new VarveError('RATE_LIMITED', `The tenant has ${limit} open connections here: close one, or try later`, {
      details: { limit, retryAfterMs: 1000 },
    })
  }
}
