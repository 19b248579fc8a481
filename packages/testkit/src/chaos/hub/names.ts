/** Names of everything in the world of hubs. */

import type { SeededRandom } from '../../sim/random.ts'

export const engineNames = ['postgres', 'mongodb', 'sqlite'] as const
export type EngineName = (typeof engineNames)[number]

export const bucket = 'varve-chaos'

export const notes = 'notes'
export const counters = 'counters'
export const slots = 'slots'
export const people = 'people'
export const orders = 'orders'
export const customers = 'customers'

export const counterIds = ['counter-0', 'counter-1', 'counter-2']
export const slotIds = ['slot-0', 'slot-1']
export const emails = ['ada@x.org', 'bob@x.org', 'eve@x.org']
export const customerCodes = ['c-0', 'c-1']
/** Values of the attribute that the counter rule counts; read from the documents again. */
const kinds = ['red', 'green', 'blue']

/** The document of a collection whose id is not known before it is answered. */
export const some = (collection: string): string => `${collection}/*`

/** The place of a tenant's data. */
export const runtime = (tenantId: string) => ({ databaseType: 'runtime', tier: 'tenant', tenantId }) as const

export const kindOf = (random: SeededRandom): string => random.pick(kinds)
