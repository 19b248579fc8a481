/** A world for tests of sealed attributes: an open database on a device with the key `hr` and on one without it. */

import type { Collection, Database, JsonObject } from '../src/index.ts'
import { found, joined, storeOf, type Data, type Opened, type StoreName } from './engine-world.ts'

export const password = 'correct horse'

export interface SealWorld {
  readonly first: Opened
  readonly second: Opened
  /** At the device with the key, which records. */
  readonly a: Database
  /** At the device without. */
  readonly b: Database
  /** With the rule. */
  readonly people: Collection<Data>
  /** Without the rule and the key. */
  readonly blind: Collection<Data>
  /** Lets the second device have all versions of the key; `from` is where it is exported. */
  readonly giveKey: () => Promise<void>
}

export const ada: JsonObject = {
  id: 'ada',
  name: 'Ada',
  age: 36,
  ssn: 'needle-078-05-1120',
  address: { street: 'needle-street 1', city: 'Ulm' },
}

/** What a device without the key sees of it. */
export const adaWithout = { id: 'ada', name: 'Ada', age: 36, address: { city: 'Ulm' } }

export async function sealWorld(store: StoreName = 'memory'): Promise<SealWorld> {
  const first = await found(await storeOf(store))
  const second = await joined(first.tenant, 'bob', { store: await storeOf(store) })
  await first.tenant.keys.create('hr')
  const a = await first.tenant.database('crm', { mode: 'open' })
  const b = await second.tenant.database('crm', { mode: 'open' })
  return {
    first,
    second,
    a,
    b,
    people: a.collection<Data>('people', { seal: ['ssn', 'address.street'], key: 'hr' }),
    blind: b.collection<Data>('people'),
    giveKey: async () => {
      await second.tenant.keys.import(await first.tenant.keys.export(['hr'], password), password)
    },
  }
}

/** The attributes and the id of a document, without `_system`. */
export function plain(doc: JsonObject | null): JsonObject | null {
  if (doc === null) return null
  const { _system: _, ...rest } = doc
  return rest
}

export function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}
