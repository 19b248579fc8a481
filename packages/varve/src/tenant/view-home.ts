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
  const failed: unknown[] = []
  for (const name of (await home.values(prefix)).keys()) {
    try {
      await withSavedStore(home, name.slice(prefix.length), false, emptied)
    } catch (error) {
      // One that cannot be emptied keeps no other from it.
      failed.push(error)
    }
  }
  if (failed.length > 0) throw failed[0]
}

async function emptied(store: Store | null): Promise<void> {
  const names = [...((await store?.values('')) ?? new Map<string, Uint8Array>()).keys()]
  await store?.write({ values: new Map(names.map((each) => [each, null])) })
}

const busy = new WeakMap<TenantHome, Promise<unknown>>()

/**
 * Runs `work` with the store that holds the saved view of this name, encrypted like databases; with null when there is
 * none and none is made. One after the other, because a store is opened once at a time.
 */
export function withSavedStore<R>(
  home: TenantHome,
  name: string,
  make: boolean,
  work: (store: Store | null) => Promise<R>,
): Promise<R> {
  const run = (busy.get(home) ?? Promise.resolve()).then(async () => {
    const store = await savedStore(home, name, make)
    try {
      return await work(store)
    } finally {
      await store?.close()
    }
  })
  busy.set(
    home,
    run.catch(() => undefined),
  )
  return run
}

async function savedStore(home: TenantHome, name: string, make: boolean): Promise<Store | null> {
  const key = prefix + name
  const known = await home.value(key)
  if (known !== null) return home.openStore(fromUtf8(known))
  if (!make) return null
  // A random name, because names of views are not for everybody who sees the folder.
  const store = `view-${toHex(home.env.random(16))}`
  await home.saveValue(key, utf8(store))
  return home.openStore(store)
}
