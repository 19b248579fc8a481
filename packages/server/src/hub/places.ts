/** All places of a hub: those of its configuration, and those of tenants that were added. */

import { isVarveError } from 'varve/engine'
import { databaseTypes, type HubConfig } from './config/types.ts'
import { placeOf, type Place } from './context.ts'
import type { Locator } from './placement/locate.ts'
import type { Registry } from './registry.ts'

/** Places that have a database now, by name, without those of dropped tenants; of one tenant only, when it is given. */
async function placesOf(
  { databases }: Pick<HubConfig, 'databases'>,
  registry: Registry,
  tenantId?: string,
): Promise<readonly Place[]> {
  const rows = new Map((await registry.tenants()).map((row) => [row.id, row]))
  const found: Place[] = []
  for (const type of databaseTypes) {
    const database = databases.get(type)
    if (database === undefined) continue
    if (tenantId === undefined) {
      if (database.generic !== null) found.push(placeOf(type, 'generic', null))
      for (const id of database.domains.keys()) found.push(placeOf(type, 'domain', id))
    }
    for (const id of database.tenants.keys())
      if ((rows.get(id)?.status ?? 'active') === 'active') found.push(placeOf(type, 'tenant', id))
  }
  for (const { id, status, from, placements } of rows.values())
    if (status === 'active' && from === 'added')
      for (const type of databaseTypes) if (placements[type] !== undefined) found.push(placeOf(type, 'tenant', id))
  return found
    .filter(({ tier, id }) => tenantId === undefined || (tier === 'tenant' && id === tenantId))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

export interface PlacesParts {
  readonly config: Pick<HubConfig, 'databases' | 'localStorage'>
  readonly locator: Locator
  readonly registry: Registry
}

/** Those of them that were used before, as far as the hub remembers: asking for the others would make them. */
export async function usedPlaces(
  { config, locator, registry }: PlacesParts,
  tenantId?: string,
): Promise<readonly (Place & { readonly hasSpace: boolean })[]> {
  const found: (Place & { readonly hasSpace: boolean })[] = []
  for (const place of await placesOf(config, registry, tenantId)) {
    if (registry.remembers && (await registry.placement(place.name)) === null) continue
    try {
      const configured = await locator.configured(place)
      if (configured !== null)
        found.push({ ...place, hasSpace: configured.space !== null || config.localStorage !== null })
    } catch (error) {
      // Dropped since the list was made.
      if (!isVarveError(error, 'DELETED')) throw error
    }
  }
  return found
}
