/** Tenants for one workload. */

import { createHash } from 'node:crypto'
import { sqlite } from '@varve/stores/sqlite'
import { createJoinRequest, createTenant, joinTenant, openTenant, systemEnv, type Tenant } from 'varve'

/** Opening a keyring is not what is measured here. */
export const env = systemEnv({ passphraseWork: 10 })
const passphrase = 'a passphrase for the benchmarks'

/** With which a floor encrypts its pages where tenants have a passphrase. */
export const pageKey = createHash('sha256').update('page key').digest('hex')

export function found(dir: string, encrypted = false): Promise<Tenant> {
  const store = sqlite({ dir })
  return createTenant({ name: 'bench', user: 'ada', store, env, ...(encrypted ? { passphrase } : {}) })
}

export function reopen(dir: string): Promise<Tenant> {
  return openTenant({ store: sqlite({ dir }), env })
}

/** A second user's device, approved by the first. */
export async function joined(tenant: Tenant, dir: string, encrypted = false): Promise<Tenant> {
  const options = { store: sqlite({ dir }), env, ...(encrypted ? { passphrase } : {}) }
  const request = await createJoinRequest({ ...options, user: 'bob' })
  return joinTenant({ ...options, response: await tenant.directory.approve(request) })
}
