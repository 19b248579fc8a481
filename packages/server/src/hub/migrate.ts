/** Bringing everything a hub keeps to this release: moves that were interrupted, and the layout of every placement. */

import type { Mover } from './move/mover.ts'
import type { MoveReport } from './move/moves.ts'
import type { Placements } from './placement/placements.ts'
import { usedPlaces, type PlacesParts } from './places.ts'

export interface Migrated {
  readonly ok: boolean
  /** Moves that were ended. */
  readonly moves: readonly MoveReport[]
  /** Why moves were not; null when they were. */
  readonly moveProblem: string | null
  /** Every placement that was used before, opened once. */
  readonly placements: readonly { readonly placement: string; readonly ok: boolean; readonly error: string | null }[]
}

export interface MigrateParts extends PlacesParts {
  readonly mover: Mover
  readonly placements: Placements
}

/** Calling again goes on where it was interrupted. What fails is in the answer, and does not keep the rest. */
export async function migrate(parts: MigrateParts): Promise<Migrated> {
  let moves: readonly MoveReport[] = []
  let moveProblem: string | null = null
  try {
    moves = await parts.mover.resume()
  } catch (error) {
    moveProblem = told(error)
  }
  const placements: Migrated['placements'][number][] = []
  for (const { hasSpace: _, ...place } of await usedPlaces(parts)) {
    const error = await opened(parts.placements, place)
    placements.push({ placement: place.name, ok: error === null, error })
  }
  return { ok: moveProblem === null && placements.every(({ ok }) => ok), moves, moveProblem, placements }
}

/** Opening brings a layout up to date. */
async function opened(placements: Placements, place: Parameters<Placements['get']>[0]): Promise<string | null> {
  try {
    await placements.get(place).using(({ database }) => database.stats())
    return null
  } catch (error) {
    return told(error)
  }
}

function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
