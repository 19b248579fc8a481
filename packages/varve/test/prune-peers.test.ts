/** Pruned databases and those they meet: over connections, beside another recorder's word, in the next process. */

import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { sqlite } from '@varve/stores/sqlite'
import { expect, test } from 'vitest'
import { ingest, replicaOf, summaryOf, unitsFor } from '../src/engine.ts'
import { messagePortTransport, openTenant, type Database, type StoreProvider } from '../src/index.ts'
import {
  afterTest,
  coded,
  contentsOf,
  failure,
  found,
  gather,
  HandClock,
  joined,
  temporaryDir,
  type Data,
} from './engine-world.ts'

test('over a connection the asker hears why, and keeps what it has', async () => {
  const clock = new HandClock()
  const first = await found(undefined, clock.env())
  const a = await first.tenant.database('crm', { mode: 'open' })
  const things = a.collection<Data>('things')
  await things.create({ n: 0 }, { id: 'x' })
  await things.patch('x', { n: 1 })
  await a.prune({ keepVersions: 1 })
  const second = await joined(first.tenant, 'bob', { env: clock.env() })
  const b = await second.tenant.database('crm', { mode: 'open' })
  const { port1, port2 } = new MessageChannel()
  const accepted = first.tenant.accept(messagePortTransport(port1, { env: first.env }))
  expect(await failure(() => b.sync(messagePortTransport(port2, { env: second.env })))).toEqual(coded('PRUNED'))
  await Promise.resolve(accepted).catch(() => undefined)
  expect(replicaOf(b).state.record.length).toBe(0)
  expect(await contentsOf(b)).toEqual({})
  expect(await b.verify()).toMatchObject({ ok: true })
})

test('what another recorder accepts below an edge is not taken over, and nothing is folded wrongly', async () => {
  const clock = new HandClock()
  const [here, there] = [join(await temporaryDir(), 'here'), join(await temporaryDir(), 'there')]
  const store = sqlite({ dir: here })
  const first = await found(store, clock.env())
  const member = await joined(first.tenant, 'bob', { env: clock.env() })
  const a = await first.tenant.database('crm', { mode: 'open' })
  const b = await member.tenant.database('crm', { mode: 'open' })
  await a.collection<Data>('things').create({ n: 0 }, { id: 'x' })
  await b.sync(a)
  clock.tick()
  await b.collection<Data>('things').patch('x', { theirs: true })
  clock.tick()
  for (let n = 1; n < 4; n++) await a.collection<Data>('things').patch('x', { n })
  await first.tenant.close()
  await cp(here, there, { recursive: true })
  const opened = async (provider: StoreProvider): Promise<Database> => {
    const tenant = await openTenant({ store: provider, env: first.env })
    afterTest(() => tenant.close())
    return tenant.database('crm', { mode: 'open' })
  }
  // The same record in two places, one of them pruned: what the other one records next is as from a new recorder.
  const [pruned, other] = [await opened(store), await opened(sqlite({ dir: there }))]
  expect(await pruned.prune({ keepVersions: 1 })).toMatchObject({ versions: 3 })
  await b.sync(other)
  expect(await other.collection('things').get('x')).toMatchObject({ n: 3, theirs: true })
  const [replica, from] = [replicaOf(pruned), replicaOf(other)]
  await from.sign()
  const before = await contentsOf(pruned)
  const record = replica.state.record.length
  const units = await gather(unitsFor(from, summaryOf(replica)))
  expect(units.length).toBeGreaterThan(0)
  for (const unit of units)
    expect(await failure(() => ingest(replica, unit))).toEqual(coded('PRUNED', { id: 'x', ov: 3 }))
  expect(await contentsOf(pruned)).toEqual(before)
  expect(replica.state.record.length).toBe(record)
  expect(await pruned.verify()).toMatchObject({ ok: true, problems: [] })
})
