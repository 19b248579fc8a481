/** What was refused because a clock was ahead is issued again in the order in which it was written. */

import { expect, test } from 'vitest'
import { HandClock, threeCopies, type Data } from './engine-world.ts'

const hours = 7_200_000

test('C4 a change of a document is issued again after the document, also where the document was refused twice', async () => {
  const [ada, bob, cleo] = [new HandClock(), new HandClock(), new HandClock()]
  const { a, b, c } = await threeCopies('sealed', { a: ada.env(), b: bob.env(), c: cleo.env() })
  for (const clock of [bob, cleo]) clock.tick(hours)
  await b.collection<Data>('people').create({ id: 'earlier' })
  await b.sync(c)
  await c.sync(a)
  // The refusal is known to the one between alone: what follows goes into the same feed.
  const people = b.collection<Data>('people')
  await people.create({ id: 'x', v: 1 })
  await b.sync(c)
  // The feed is given up while the new document waits.
  await c.sync(a)
  const before = await people.patch('x', { v: 2 })
  expect(before.changed).toBe(true)
  bob.tick(-hours)
  cleo.tick(-hours)
  await b.sync(c)
  for (let round = 0; round < 4; round++) await b.sync(a)
  expect(await b.refused()).toEqual([])
  expect(await a.collection<Data>('people').get('x')).toMatchObject({ v: 2 })
  expect(await b.verify()).toMatchObject({ ok: true, problems: [] })
})
