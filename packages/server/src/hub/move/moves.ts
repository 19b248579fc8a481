/** What a move is asked with and reports, and the names it may take. */

import { VarveError } from 'varve/engine'
import { folded } from '../config/names.ts'
import { databaseTypes, type HubConfig } from '../config/types.ts'
import { placeOf, type Place, type Tier } from '../context.ts'
import type { MoveRow, PlacementRow } from '../registry.ts'
import type { Lag } from './exchange.ts'

/** Where a placement shall go. */
export interface MoveTarget {
  readonly dbConnRef: string
  readonly dbName: string
}

export interface MoveReport {
  readonly placement: string
  readonly from: MoveTarget
  readonly to: MoveTarget
  readonly epoch: number
  /** Commits that were copied by this call. */
  readonly commits: number
  /** Milliseconds for which calls had to wait, until the placement was open in its new place. */
  readonly pausedMs: number
  /** What was copied of the log while they did. */
  readonly fenced: Lag
  /** How often they were made to wait: more than once when it would have taken too long. */
  readonly fences: number
}

export interface MoveLimits {
  /**
   * Milliseconds after which a switch that is not done is put off, and calls go on where they were. When left out: 1,000
   * at first, and more where that is never enough.
   */
  readonly pauseMs?: number
}

/** What the moves of this process have cost. */
export interface MoveFigures {
  readonly done: number
  /** The longest that calls had to wait for one of them. */
  readonly longestPauseMs: number
}

export function report({ placement, from, to }: MoveRow): Pick<MoveReport, 'placement' | 'from' | 'to' | 'epoch'> {
  const short = ({ dbConnRef, dbName }: PlacementRow): MoveTarget => ({ dbConnRef, dbName })
  return { placement, from: short(from), to: short(to), epoch: to.epoch }
}

/** The place with this name; throws `INVALID` for a name that is none. */
export function placeNamed(name: string): Place {
  const [type = '', tier = '', ...id] = name.split('/')
  const databaseType = databaseTypes.find((each) => each === type)
  const tiers: readonly Tier[] = ['generic', 'domain', 'tenant']
  const known = tiers.find((each) => each === tier)
  if (databaseType === undefined || known === undefined)
    throw new VarveError('INVALID', `"${name}" names no placement`, { details: { placement: name } })
  return placeOf(databaseType, known, id.length === 0 ? null : id.join('/'))
}

/** Whether the configuration has a use for a name on a connection, other than for the placement `except`. */
export function isConfigured({ databases, own }: HubConfig, place: MoveTarget, except: string | null): boolean {
  const same = (name: string): boolean => folded(name) === folded(place.dbName)
  if (own !== null && own.dbConnRef === place.dbConnRef && same(own.dbName)) return true
  return [...databases].some(([type, { generic, domains, tenants }]) => {
    const all = [
      ...(generic === null ? [] : [[placeOf(type, 'generic', null), generic] as const]),
      ...[...domains].map(([id, each]) => [placeOf(type, 'domain', id), each] as const),
      ...[...tenants].map(([id, each]) => [placeOf(type, 'tenant', id), each] as const),
    ]
    return all.some(
      ([{ name }, { dbConnRefs, dbName }]) => name !== except && same(dbName) && dbConnRefs.includes(place.dbConnRef),
    )
  })
}
