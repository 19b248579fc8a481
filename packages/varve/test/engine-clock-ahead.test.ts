/** What was refused because the clock was ahead is issued again once, however its refusals come and whatever happens between. */

import { expect, test } from 'vitest'
import { comparePositions, positionOf, replicaOf } from '../src/engine.ts'
import { bring, docsOf, hour } from './ahead-world.ts'
import { HandClock, reopened, threeCopies } from './engine-world.ts'

async function world() {
  const [clockA, clockB] = [new HandClock(), new HandClock()]
  const { a, b, tenants } = await threeCopies('sealed', { a: clockA.env(), b: clockB.env() })
  await docsOf(a).create({ id: 'x', n: 0 })
  await bring(a, b)
  clockB.tick(hour)
  return { a, b, tenants, clockA, clockB }
}

test('refusals that come one by one end in one more commit each, not in rounds without end', async () => {
  const { a, b, clockA, clockB } = await world()
  await docsOf(b).patch('x', { $inc: { n: 1 } })
  await bring(b, a)
  await docsOf(b).patch('x', { $inc: { n: 1 } })
  await bring(a, b)
  clockB.now = clockA.tick()
  // The second one is still to be refused: what was issued again now would be stamped above it.
  const before = replicaOf(b).state.position
  await replicaOf(b).reissue()
  expect(replicaOf(b).state.position).toBe(before)
  await bring(b, a)
  await bring(a, b)
  await replicaOf(b).reissue()
  expect(await b.refused()).toEqual([])
  await bring(b, a)
  await bring(a, b)
  expect(await b.refused()).toEqual([])
  for (const copy of [a, b])
    expect(await docsOf(copy).get('x')).toMatchObject({ n: 2, _system: { ov: 2, pending: false } })
})

test('a restart between the refusal and the right time loses nothing', async () => {
  const { a, b, tenants, clockA, clockB } = await world()
  await docsOf(b).patch('x', { $inc: { n: 1 } })
  await bring(b, a)
  await bring(a, b)
  const [, second] = tenants
  if (second === undefined) throw new Error('there is no second device')
  const { tenant } = await reopened(second)
  const again = await tenant.database('crm')
  clockB.now = clockA.tick()
  await docsOf(again).create({ id: 'y' })
  expect(await again.refused()).toEqual([])
  expect(await docsOf(again).get('x')).toMatchObject({ n: 1 })
})

test('in a database where nothing is recorded any more, it is enough that the clock was found right', async () => {
  const { a, b, clockA, clockB } = await world()
  await docsOf(b).patch('x', { $inc: { n: 1 } })
  await bring(b, a)
  await bring(a, b)
  clockB.now = clockA.tick(hour)
  await replicaOf(b).reissue()
  expect(await docsOf(b).get('x')).toMatchObject({ n: 0 })
  await replicaOf(b).clockFoundRight()
  expect(await docsOf(b).get('x')).toMatchObject({ n: 1 })
  expect(await b.refused()).toEqual([])
})

test('a recorder that was asked before more of its receipts came another way has forgotten nothing', async () => {
  const { a, b } = await world()
  const asked = replicaOf(b).state.record.length
  const answer = positionOf(replicaOf(a))
  await docsOf(a).create({ id: 'more' })
  await bring(a, b)
  expect(comparePositions(replicaOf(b), answer, true, asked)).toEqual([])
  expect(() => comparePositions(replicaOf(b), answer, true)).toThrow('has forgotten some')
})
