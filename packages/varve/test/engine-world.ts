/** A small world for tests of the engine: tenants on memory or SQLite, devices that join, and clocks set by hand. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { afterEach, expect } from 'vitest'
import {
  createJoinRequest,
  createTenant,
  joinTenant,
  memory,
  openTenant,
  systemEnv,
  type Database,
  type Env,
  type ErrorCode,
  type JsonObject,
  type StoreProvider,
  type Tenant,
} from '../src/index.ts'

export type StoreName = 'memory' | 'sqlite'
export type Data = JsonObject

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Runs `cleanup` after the test, in reverse order of registration. */
export function afterTest(cleanup: () => Promise<void>): void {
  cleanups.push(cleanup)
}

export async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'varve-engine-'))
  afterTest(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export async function storeOf(name: StoreName): Promise<StoreProvider> {
  return name === 'memory' ? memory() : sqlite({ dir: await temporaryDir() })
}

/** A wall clock that moves only when told. */
export class HandClock {
  now = Date.UTC(2026, 0, 1)

  tick(ms = 1000): number {
    this.now += ms
    return this.now
  }

  env(): Env {
    return systemEnv({ passphraseWork: 1, now: () => this.now })
  }
}

/** A clock that moves one millisecond per look, so that nothing happens at one moment. */
export function tickingEnv(): Env {
  let now = Date.UTC(2026, 0, 1)
  return systemEnv({ passphraseWork: 1, now: () => (now += 1) })
}

export interface Opened {
  readonly tenant: Tenant
  readonly store: StoreProvider
  readonly env: Env
}

export async function found(store: StoreProvider = memory(), env: Env = tickingEnv()): Promise<Opened> {
  const tenant = await createTenant({ name: 'acme', user: 'ada', store, env })
  afterTest(() => tenant.close())
  return { tenant, store, env }
}

/** A second device that an admin has approved. */
export async function joined(
  admin: Tenant,
  user: string,
  options: { readonly store?: StoreProvider; readonly env?: Env; readonly keys?: readonly string[] } = {},
): Promise<Opened> {
  const { store = memory(), env = tickingEnv() } = options
  const request = await createJoinRequest({ user, store, env })
  const response = await admin.directory.approve(request, { keys: options.keys ?? [] })
  const tenant = await joinTenant({ response, store, env })
  afterTest(() => tenant.close())
  return { tenant, store, env }
}

export async function reopened({ tenant, store, env }: Opened): Promise<Opened> {
  await tenant.close()
  const again = await openTenant({ store, env })
  afterTest(() => again.close())
  return { tenant: again, store, env }
}

/** The founder's and two members' copies of one database, joined and synced once. */
export async function threeCopies(
  mode: 'sealed' | 'open' = 'sealed',
  envs: { readonly a?: Env; readonly b?: Env; readonly c?: Env } = {},
): Promise<{ readonly a: Database; readonly b: Database; readonly c: Database; readonly tenants: readonly Opened[] }> {
  const first = await found(memory(), envs.a ?? tickingEnv())
  const second = await joined(first.tenant, 'bob', envs.b === undefined ? {} : { env: envs.b })
  const third = await joined(first.tenant, 'cleo', envs.c === undefined ? {} : { env: envs.c })
  const tenants = [first, second, third]
  const a = await first.tenant.database('crm', { mode })
  const b = await second.tenant.database('crm', { mode })
  const c = await third.tenant.database('crm', { mode })
  await b.sync(a)
  await c.sync(a)
  return { a, b, c, tenants }
}

/** Matches any Varve error of this code, with these details. */
export function coded(code: ErrorCode, details?: Readonly<Record<string, unknown>>): Error {
  const matcher: Error = expect.objectContaining({
    name: 'VarveError',
    code,
    ...(details === undefined ? {} : { details: expect.objectContaining(details) }),
  })
  return matcher
}

export async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The error a call throws at once or rejects with; fails when it does neither. */
export async function failure(work: () => unknown): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('the call did not fail')
}

/** Hands a value where its type does not fit, as callers without types do. */
export function untyped(value: unknown): never {
  const held: { readonly value: never } = JSON.parse('{}')
  return Object.assign(held, { value }).value
}

/** Every document of a database, deleted ones included, as one comparable value. */
export async function contentsOf(database: Database): Promise<unknown> {
  const all: Record<string, unknown> = {}
  for (const name of database.collections()) {
    const docs = await database.collection<Data>(name).find().includeDeleted().sort({ id: 1 }).toArray()
    if (docs.length > 0) all[name] = docs
  }
  return all
}
