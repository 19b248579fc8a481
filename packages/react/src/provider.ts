/** The tenant of an application, for the components below it. */

import { createContext, createElement, useContext, useMemo, type ReactNode } from 'react'
import { VarveError } from 'varve'
import { Asked, read } from './suspend.ts'

export interface DatabaseChoice {
  readonly mode?: 'sealed' | 'open'
  readonly key?: string
}

/** What a provider is given: `Tenant` of `varve`, or `SharedTenant` of `@varve/browser`. */
export interface TenantLike<Database> {
  database(name: string, options?: DatabaseChoice): Promise<Database>
}

export interface TenantHooks<Tenant, Database> {
  readonly VarveProvider: (props: { readonly tenant: Tenant; readonly children?: ReactNode }) => ReactNode
  /** The tenant of the nearest provider. Throws `INVALID` outside of one. */
  readonly useTenant: () => Tenant
  /** The database of this name, opened once for all components; suspends until it is, and throws what opening throws. */
  readonly useDatabase: (name: string, options?: DatabaseChoice) => Database
}

/** Provider and hooks of one kind of tenant: `createVarve<SharedTenant, SharedDatabase>()`, once in an application. */
export function createVarve<Tenant extends TenantLike<Database>, Database>(): TenantHooks<Tenant, Database> {
  const Context = createContext<{ readonly tenant: Tenant; readonly asked: Asked<Database> } | null>(null)
  const useProvided = (): { readonly tenant: Tenant; readonly asked: Asked<Database> } => {
    const provided = useContext(Context)
    if (provided !== null) return provided
    throw new VarveError('INVALID', 'There is no tenant here: put a VarveProvider with one around this component')
  }
  return {
    VarveProvider({ tenant, children }) {
      const provided = useMemo(() => ({ tenant, asked: new Asked<Database>() }), [tenant])
      return createElement(Context.Provider, { value: provided }, children)
    },
    useTenant: () => useProvided().tenant,
    useDatabase(name, options) {
      const { tenant, asked } = useProvided()
      return read(asked.of(`${name}\n${JSON.stringify(options ?? {})}`, () => tenant.database(name, options)))
    },
  }
}
