/** `@varve/react`: hooks over Varve's live results. */

import type { Database, Tenant } from 'varve'
import { createVarve } from './provider.ts'

export { createVarve, type DatabaseChoice, type TenantHooks, type TenantLike } from './provider.ts'
export { useDocument, usePresence, useQuery, useStatus, useView, type Present, type Status } from './hooks.ts'
export type { LiveCollection, LiveConnection, LiveQuery, LiveView } from './contract.ts'
export type { LiveState } from './live.ts'

/** Provider and hooks for a tenant of this process. */
export const { VarveProvider, useTenant, useDatabase } = createVarve<Tenant, Database>()
