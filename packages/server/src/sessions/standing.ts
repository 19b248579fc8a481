/** What a device may do at the doors of a tenant, asked anew each time: a revocation counts at once. */

import { VarveError } from 'varve/engine'
import type { Level, ServedTenants } from '../contract.ts'

/** A device inside a tenant. */
export interface Standing {
  /** Tenant id in hex. */
  readonly tenant: string
  readonly device: Uint8Array
  readonly level: 'admin' | 'member' | 'mirror'
}

/** True for the levels that may use a tenant at all. */
export function isInside(level: Level | null): level is Standing['level'] {
  return level === 'admin' || level === 'member' || level === 'mirror'
}

/** Throws `FORBIDDEN` unless the device is inside the tenant; `NOT_FOUND` when the tenant is not here. */
export async function standingOf(tenants: ServedTenants, tenant: string, device: Uint8Array): Promise<Standing> {
  const level = await tenants.level(tenant, device)
  if (isInside(level)) return { tenant, device, level }
  throw new VarveError(
    'FORBIDDEN',
    level === null
      ? 'The device does not belong to this tenant: an admin has to approve it first'
      : 'The device was revoked: it may sync the directory once more, and nothing else',
    { details: { level } },
  )
}
