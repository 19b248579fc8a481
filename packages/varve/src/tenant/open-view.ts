/** Opening views: definitions are checked, sources opened, rows loaded or built. */

import { isVarveError, VarveError } from '../errors.ts'
import { parseTime } from '../document/head.ts'
import { parseDefinition } from '../view/definition.ts'
import type { ViewDefinition } from '../view/types.ts'
import { buildTree, type Building, type Visible } from './build-view.ts'
import { loadView, saveView } from './saved-view.ts'
import { View, type ViewParts, type ViewState } from './view.ts'
import { homeOf, type ViewTenant } from './view-home.ts'
import { openSources } from './view-sources.ts'

export { forgetViews, rememberHome } from './view-home.ts'
export type { View } from './view.ts'
export type { ViewDefinition } from '../view/types.ts'

export interface ViewOptions {
  /** Documents for which it answers false are left out, of rows and totals alike. */
  readonly visible?: Visible
  /** The databases as they were then, by trusted time (ISO 8601): such a view does not change. */
  readonly asOf?: string | Date
  /** Stops building. */
  readonly signal?: AbortSignal
}

/**
 * Opens a view over databases of one or several tenants; a saved one (`View.save`) goes on from where it was. It follows
 * its databases until it is closed. Documents that this device cannot decrypt are not in it, and appear with their key.
 * Throws `INVALID` and `NOT_FOUND` naming the place in the definition.
 */
export async function openView(
  tenants: ViewTenant | readonly ViewTenant[],
  definition: ViewDefinition,
  options: ViewOptions = {},
): Promise<View> {
  const view = parseDefinition(definition)
  const list = 'database' in tenants ? [tenants] : tenants
  const [first] = list
  if (first === undefined) throw new VarveError('INVALID', 'A view needs a tenant: hand at least one over')
  const { visible = null, asOf = null, signal = null } = options
  if (asOf !== null) parseTime(asOf)
  const building: Building = { view, sources: await openSources(list, view), visible, asOf, signal }
  const home = homeOf(first)
  const kept = visible === null && asOf === null
  const save: ViewParts['save'] = kept ? (state, changed) => saveView(home, state, changed) : null
  const parts: ViewParts = { building, env: home.env, save }
  if (asOf !== null) return new View(parts, { tree: await buildTree(building), cursors: new Map() }, false)
  const databases = [...new Set(building.sources.map(({ database }) => database))]
  const loaded = kept ? await loadView(home, view, databases) : null
  return (loaded === null ? null : await continued(parts, loaded)) ?? built(parts, databases)
}

async function built(parts: ViewParts, databases: readonly ViewDatabase[]): Promise<View> {
  // Taken first: what is written while documents are read comes again.
  const cursors = new Map(databases.map((database) => [database, database.cursor()]))
  return caughtUp(parts, { tree: await buildTree(parts.building), cursors }, false)
}

type ViewDatabase = Building['sources'][number]['database']

/** Null when the saved state belongs to another copy of a database. */
async function continued(parts: ViewParts, state: ViewState): Promise<View | null> {
  try {
    return await caughtUp(parts, state, true)
  } catch (error) {
    if (isVarveError(error, 'STALE_CURSOR') || isVarveError(error, 'INVALID')) return null
    throw error
  }
}

async function caughtUp(parts: ViewParts, state: ViewState, saved: boolean): Promise<View> {
  const view = new View(parts, state, saved)
  try {
    await view.refresh()
    return view
  } catch (error) {
    view.close()
    throw error
  }
}
