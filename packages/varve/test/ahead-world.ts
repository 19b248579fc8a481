/** A recorder and a device whose clock is an hour ahead, for tests of what is refused for that and issued again. */

import { ingest, replicaOf, summaryOf, unitsFor } from '../src/engine.ts'
import { memory, type Collection, type Database, type Env, type StoreProvider, type Tenant } from '../src/index.ts'
import { found, HandClock, joined, reopened, type Data, type Opened } from './engine-world.ts'

export const hour = 3_600_000

export interface AheadWorld {
  readonly clockA: HandClock
  readonly clockB: HandClock
  readonly a: Database
  readonly b: Database
  readonly bob: Tenant
  /** Closes the device and opens it again. */
  reopen(): Promise<Database>
}

/** `envOf` and `store` change what the device runs on. The document "x" is on both. */
export async function aheadWorld(
  options: { readonly envOf?: (env: Env) => Env; readonly store?: StoreProvider } = {},
): Promise<AheadWorld> {
  const { envOf = (env: Env) => env, store = memory() } = options
  const [clockA, clockB] = [new HandClock(), new HandClock()]
  const { tenant } = await found(memory(), clockA.env())
  let second: Opened = await joined(tenant, 'bob', { env: envOf(clockB.env()), store })
  const [a, b] = [await tenant.database('crm'), await second.tenant.database('crm')]
  await docsOf(a).create({ id: 'x', log: [] })
  await b.sync(a)
  clockB.tick(hour)
  const reopen = async (): Promise<Database> => {
    second = await reopened(second)
    return second.tenant.database('crm')
  }
  return { clockA, clockB, a, b, bob: second.tenant, reopen }
}

export const docsOf = (database: Database): Collection<Data> => database.collection<Data>('people')

/** Pushes the numbers below `count` to the log of "x", each in a commit of its own. */
export async function pushAll(database: Database, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await docsOf(database).patch('x', { $push: { log: n } })
}

/** The clock of the device is right from now on. */
export function putRight({ clockA, clockB }: AheadWorld): void {
  clockB.now = clockA.tick()
}

export function reissue(database: Database): Promise<void> {
  return replicaOf(database).reissue()
}

/** Takes what one copy has to the other, and nothing back. */
export async function bring(from: Database, to: Database): Promise<void> {
  const [source, target] = [replicaOf(from), replicaOf(to)]
  await source.sign()
  for await (const unit of unitsFor(source, summaryOf(target))) await ingest(target, unit)
}

/** Whether a promise has settled by now, everything that waits for promises alone being done. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const settle = (): void => {
    settled = true
  }
  promise.then(settle, settle)
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}
