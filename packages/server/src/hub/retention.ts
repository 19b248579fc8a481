/** Retention of versions: every placement that was used lets go of what the configuration does not keep. */

import type { PruneReport } from 'varve'
import type { Retention } from './config/types.ts'
import type { Placements } from './placement/placements.ts'
import { usedPlaces, type PlacesParts } from './places.ts'

export interface RetentionParts extends PlacesParts {
  readonly placements: Placements
}

/** What one placement let go of. */
export interface PrunedPlacement extends PruneReport {
  readonly placement: string
}

/**
 * Prunes one placement after the other by `retention.ver`, without those that are being moved; nothing without a rule. Throws what pruning throws: calling
 * again goes on.
 */
export async function pruneVersions(
  parts: RetentionParts,
  { ver: { days, maxPerItem } }: Retention,
): Promise<readonly PrunedPlacement[]> {
  if (days === undefined && maxPerItem === undefined) return []
  const rule = {
    ...(days === undefined ? {} : { olderThanDays: days }),
    ...(maxPerItem === undefined ? {} : { keepVersions: maxPerItem }),
  }
  const moves = await parts.registry.moves()
  const moving = new Set(moves.filter(({ status }) => status === 'moving').map(({ placement }) => placement))
  const pruned: PrunedPlacement[] = []
  for (const { hasSpace: _, ...place } of await usedPlaces(parts)) {
    // Only a whole log can be moved.
    if (moving.has(place.name)) continue
    const report = await parts.placements.get(place).using(({ database }) => database.prune(rule))
    if (report.versions > 0) pruned.push({ placement: place.name, ...report })
  }
  return pruned
}
