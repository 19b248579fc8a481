/** From the sources of a view to the databases they name. */

import type { Database } from '../database/database.ts'
import { VarveError } from '../errors.ts'
import type { ParsedSource, ParsedView } from '../view/definition.ts'
import type { RowOrigin } from '../view/types.ts'
import type { ViewTenant } from './view-home.ts'

export interface OpenSource {
  /** Its number in the definition. */
  readonly no: number
  readonly source: ParsedSource
  readonly database: Database
  readonly origin: RowOrigin
}

/** Throws `INVALID` and `NOT_FOUND` naming the source, and what opening a database throws. */
export async function openSources(tenants: readonly ViewTenant[], view: ParsedView): Promise<readonly OpenSource[]> {
  const opened: OpenSource[] = []
  for (const [no, source] of view.sources.entries()) {
    const tenant = tenantOf(tenants, source, `sources[${no}].tenant`)
    await assertKnown(tenant, source.database, `sources[${no}].database`)
    const database = await tenant.database(source.database)
    const { collection, origin } = source
    const from = { tenant: tenant.name, tenantId: tenant.id, database: database.name, collection, origin }
    opened.push({ no, source, database, origin: from })
  }
  return opened
}

function tenantOf(tenants: readonly ViewTenant[], { tenant: name }: ParsedSource, at: string): ViewTenant {
  const found = name === null ? tenants : tenants.filter((tenant) => tenant.id === name || tenant.name === name)
  const [tenant, ...more] = found
  if (tenant === undefined)
    throw new VarveError('NOT_FOUND', `"${at}" names a tenant that was not handed over`, { details: { path: at } })
  if (more.length > 0) {
    throw new VarveError('INVALID', `"${at}" must say which of several tenants is meant, by its name or id`, {
      details: { path: at },
    })
  }
  return tenant
}

/** A view never makes a database. */
async function assertKnown(tenant: ViewTenant, name: string, at: string): Promise<void> {
  if ((await tenant.databases()).some((database) => database.name === name)) return
  throw new VarveError(
    'NOT_FOUND',
    `"${at}" is "${name}", and tenant "${tenant.name}" has no such database here: make it first, or import its key`,
    { details: { path: at } },
  )
}
