/** Requirement tests of what waits for the recorder: numbers of pending versions, and clocks after a refusal. */

import { expect, test } from 'vitest'
import { found, gather, HandClock, joined, threeCopies, type Data } from './engine-world.ts'

test('A9 conflicts number pending versions as the history does, whatever order they arrived in', async () => {
  const [bob, cleo] = [new HandClock(), new HandClock()]
  const { a, b, c } = await threeCopies('sealed', { b: bob.env(), c: cleo.env() })
  const { id } = await a.collection<Data>('people').create({ v: 0 })
  await b.sync(a)
  await c.sync(a)
  cleo.tick(1000)
  bob.tick(2000)
  await b.collection<Data>('people').patch(id, { v: 'later' })
  await c.collection<Data>('people').patch(id, { v: 'earlier' })
  await b.sync(c)
  const history = await gather(b.collection<Data>('people').history(id))
  expect(history.map(({ ov, doc }) => [ov, doc?.['v']])).toEqual([
    [0, 0],
    [1, 'earlier'],
    [2, 'later'],
  ])
  for (const copy of [b, c]) {
    expect(await copy.collection<Data>('people').conflicts(id)).toMatchObject([
      { path: 'v', winner: { ov: 2, value: 'later' }, loser: { ov: 1, value: 'earlier' } },
    ])
  }
})

test('a device whose clock went back after a refusal verifies clean, with later pending commits of others', async () => {
  const [bob, cleo] = [new HandClock(), new HandClock()]
  const first = await found(undefined, new HandClock().env())
  const [second, third, fourth] = [
    await joined(first.tenant, 'bob', { env: bob.env() }),
    await joined(first.tenant, 'cleo', { env: cleo.env() }),
    await joined(first.tenant, 'dora', { env: new HandClock().env() }),
  ]
  const [a, b, c, d] = [
    await first.tenant.database('crm'),
    await second.tenant.database('crm'),
    await third.tenant.database('crm'),
    await fourth.tenant.database('crm'),
  ]
  await a.collection('people').create({ v: 0 })
  for (const copy of [b, c, d]) await copy.sync(a)
  bob.tick(600_000)
  cleo.tick(30_000)
  const ahead = await b.collection('people').create({ v: 1 })
  await b.sync(d)
  const kept = await c.collection('people').create({ v: 2 })
  await b.sync(c)
  await d.sync(a)
  await b.sync(d)
  expect(await b.collection('people').get(ahead.id)).toBeNull()
  expect(await b.collection('people').get(kept.id)).toMatchObject({ v: 2, _system: { pending: true } })
  expect(await b.verify()).toMatchObject({ ok: true, problems: [] })
})

test('C4 a recorder whose clock jumped ahead once shuts nobody out when it is put right', async () => {
  const [ada, bob] = [new HandClock(), new HandClock()]
  const first = await found(undefined, ada.env())
  const second = await joined(first.tenant, 'bob', { env: bob.env() })
  const [a, b] = [await first.tenant.database('crm'), await second.tenant.database('crm')]
  await b.sync(a)
  ada.tick(86_400_000)
  await a.collection('people').create({ id: 'from tomorrow' })
  ada.tick(-86_400_000)
  await b.sync(a)
  const written = await b.collection('people').create({ id: 'now' })
  await b.sync(a)
  expect(await written.receipt()).toMatchObject({ ov: 0 })
  expect(await a.collection('people').get('now')).toMatchObject({ id: 'now' })
})

test('C4 a member cannot push the limit of the clock on with every commit', async () => {
  const [ada, bob] = [new HandClock(), new HandClock()]
  const first = await found(undefined, ada.env())
  const second = await joined(first.tenant, 'bob', { env: bob.env() })
  const [a, b] = [await first.tenant.database('crm'), await second.tenant.database('crm')]
  await b.sync(a)
  const written = []
  for (let step = 0; step < 5; step++) {
    bob.tick(45_000)
    written.push(await b.collection('people').create({ id: `step ${step}` }))
    await b.sync(a)
  }
  expect(await written[0]?.receipt()).toMatchObject({ ov: 0 })
  expect((await b.refused()).map(({ code, documents }) => [code, documents[0]?.id])).toEqual(
    [1, 2, 3, 4].map((step) => ['CLOCK_AHEAD', `step ${step}`]),
  )
})

test('C2 a commit that was held back is told to those who followed changes meanwhile', async () => {
  const [ada, bob, cleo] = [new HandClock(), new HandClock(), new HandClock()]
  const { b, c } = await threeCopies('sealed', { a: ada.env(), b: bob.env(), c: cleo.env() })
  bob.tick(600_000)
  const { id } = await b.collection<Data>('people').create({ v: 1 })
  await b.sync(c)
  await c.collection<Data>('people').create({ id: 'own' })
  const seen = await gather(c.changes())
  expect(seen.map((change) => change.id)).toEqual(['own'])
  cleo.tick(600_000)
  await b.sync(c)
  expect(await c.collection('people').get(id)).toMatchObject({ v: 1 })
  const later = await gather(c.changes({ since: seen.at(-1)?.cursor ?? '' }))
  expect(later.map((change) => change.id)).toEqual([id])
})
