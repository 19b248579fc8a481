/** Looking at every placement that was used: whether its data is where the configuration says, and fits its counter rules. */

import { openTenant, type CounterRule } from 'varve'
import { isVarveError, type Env } from 'varve/engine'
import type { Stores } from './connections/stores.ts'
import { checkRules } from './counters.ts'
import type { Place } from './context.ts'
import { assertOwn, databaseName } from './placement/open-placement.ts'
import { usedPlaces, type PlacesParts } from './places.ts'

export interface CheckedPlacement {
  readonly placement: string
  readonly ok: boolean
  /** True when another process has it open: it was not looked at. */
  readonly inUse: boolean
  readonly error: string | null
}

export interface CheckParts extends PlacesParts {
  readonly env: Env
  readonly stores: Stores
  readonly counterRules: readonly CounterRule[]
}

/** Opens one placement after the other and changes no data; what is wrong is in the answer. */
export async function checkPlacements(parts: CheckParts): Promise<readonly CheckedPlacement[]> {
  const checked: CheckedPlacement[] = []
  for (const { hasSpace: _, ...place } of await usedPlaces(parts)) {
    const { name: placement } = place
    try {
      await look(parts, place)
      checked.push({ placement, ok: true, inUse: false, error: null })
    } catch (error) {
      const inUse = isVarveError(error, 'LOCKED')
      const message = error instanceof Error ? error.message : String(error)
      checked.push({ placement, ok: inUse, inUse, error: inUse ? null : message })
    }
  }
  return checked
}

async function look({ locator, stores, env, counterRules }: CheckParts, place: Place): Promise<void> {
  const { provider, blobs } = await stores.at(place.name, await locator.locate(place))
  let tenant
  try {
    tenant = await openTenant({ store: provider, env, ...(blobs === null ? {} : { blobs }) })
  } catch (error) {
    // It was never used: the first use founds it.
    if (isVarveError(error, 'NOT_FOUND')) return
    throw error
  }
  try {
    assertOwn(tenant, place.name)
    checkRules(await tenant.database(databaseName, { mode: 'open' }), counterRules, place.name)
  } finally {
    await tenant.close()
  }
}
