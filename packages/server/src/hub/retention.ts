/** Retention of versions: every placement that was used lets go of what the configuration does not keep. */

import type { PruneReport } from 'varve'
import type { Retention } from './config/types.ts'
import type { Placements } from './placement/placements.ts'
import type { Turns } from '../turns.ts'
import { usedPlaces, type PlacesParts } from './places.ts'

export interface RetentionParts extends PlacesParts {
  readonly placements: Placements
  readonly turns: Turns
}

/** What one placement let go of. */
export interface PrunedPlacement extends PruneReport {
  readonly placement: string
}

/**
 * Prunes one placement after the other by `retention.ver`, without those that are being moved: they have their turn next
 * time; nothing without a rule. Throws what pruning throws: calling again goes on.
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
  const pruned: PrunedPlacement[] = []
  for (const { hasSpace: _, ...place } of await usedPlaces(parts)) {
    const report = await parts.turns.take(place.name, async () => {
      if (await isMoving(parts, place.name)) return null
      return parts.placements.get(place).using(({ database }) => database.prune(rule))
    })
    if (report !== null && report.versions > 0) pruned.push({ placement: place.name, ...report })
  }
  return pruned
}

/** What one placement's object storage was freed of. */
export interface CollectedPlacement {
  readonly placement: string
  readonly removed: number
  readonly bytes: number
}

/**
 * Collects the garbage of files in the object storage of one placement after the other: what no version names, also what only
 * versions had which are gone. Whoever writes to a placement does so where it is open, so that nobody else has to be asked.
 */
export async function collectFiles(parts: RetentionParts): Promise<readonly CollectedPlacement[]> {
  const collected: CollectedPlacement[] = []
  for (const { hasSpace, ...place } of await usedPlaces(parts)) {
    if (!hasSpace) continue
    const report = await parts.turns.take(place.name, async () => {
      if (await isMoving(parts, place.name)) return null
      return parts.placements.get(place).using(({ tenant }) => tenant.attachments.collect({ pruned: true }))
    })
    if (report !== null && report.removed > 0)
      collected.push({ placement: place.name, removed: report.removed, bytes: report.bytes })
  }
  return collected
}

async function isMoving({ registry }: RetentionParts, name: string): Promise<boolean> {
  return (await registry.moves()).some(({ placement, status }) => placement === name && status === 'moving')
}
