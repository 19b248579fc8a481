/** What views need of a tenant beside its public calls: the place where they are saved. */

import { fromUtf8, toHex, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { TenantHome } from '../home/home.ts'
import type { DatabaseInfo } from '../home/catalogue.ts'
import type { Database } from '../database/database.ts'
import type { Store } from '../store/store.ts'

/** A tenant, as far as views go. */
export interface ViewTenant {
  readonly id: string
  readonly name: string
  databases(): Promise<readonly DatabaseInfo[]>
  database(name: string): Promise<Database>
}

const homes = new WeakMap<ViewTenant, TenantHome>()

export function rememberHome(tenant: ViewTenant, home: TenantHome): void {
  homes.set(tenant, home)
}

export function homeOf(tenant: ViewTenant): TenantHome {
  const home = homes.get(tenant)
  if (home === undefined) throw new VarveError('INVALID', 'This is not a tenant of this Varve: open it with openTenant')
  return home
}

const prefix = 'view/'

/** Empties every saved view: they may show what a removed key protected. */
export async function forgetViews(home: TenantHome): Promise<void> {
  for (const name of (await home.values(prefix)).keys()) {
    const store = await savedStore(home, name.slice(prefix.length), false)
    if (store === null) continue
    try {
      const names = [...(await store.values('')).keys()]
      await store.write({ values: new Map(names.map((each) => [each, null])) })
    } finally {
      await store.close()
    }
  }
}

/** The store that holds the saved view of this name, encrypted like databases; null when there is none and none is made. */
export async function savedStore(home: TenantHome, name: string, make: boolean): Promise<Store | null> {
  const key = prefix + name
  const known = await home.value(key)
  if (known !== null) return home.openStore(fromUtf8(known))
  if (!make) return null
  // A random name, because names of views are not for everybody who sees the folder.
  const store = `view-${toHex(home.env.random(16))}`
  await home.saveValue(key, utf8(store))
  return home.openStore(store)
}
