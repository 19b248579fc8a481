/** Many commits that are issued again leave others their turn, and are issued once and in order whatever happens then. */

import { afterEach, expect, test } from 'vitest'
import { decorate, decorateStores, limits, memory, replicaOf, VarveError, type Env } from '../src/engine.ts'
import type { Database } from '../src/index.ts'
import { aheadWorld, bring, docsOf, hour, pushAll, putRight, reissue, type AheadWorld } from './ahead-world.ts'
import { coded, failure } from './engine-world.ts'

const count = 3 * limits.reissueSlice + 2
const numbers = Array.from({ length: count }, (_, n) => n)

/** What happens while others have their turn, by the number of the turn from 1 on. */
let atTurn: (turn: number) => Promise<unknown> | void = () => undefined
let turns = 0

afterEach(() => {
  atTurn = () => undefined
  turns = 0
})

function envOf(env: Env): Env {
  const timer: Env['timer'] = (fn, ms) => {
    if (ms > 0) return env.timer(fn, ms)
    void Promise.resolve(atTurn(++turns)).then(() => env.timer(fn, ms))
    return () => undefined
  }
  return { ...env, timer }
}

/** Everything is refused as ahead, and the clock is right. */
async function refusedWorld(store = memory()): Promise<AheadWorld> {
  const world = await aheadWorld({ envOf, store })
  await pushAll(world.b, count)
  await world.b.sync(world.a)
  expect(await world.b.refused()).toHaveLength(count)
  putRight(world)
  turns = 0
  return world
}

/** The rest is issued again before something newer; then the log of both copies is this. */
async function expectLog({ a }: AheadWorld, b: Database, log: readonly unknown[]): Promise<void> {
  await docsOf(b).patch('x', { $push: { log: 'newer' } })
  expect(await b.refused()).toEqual([])
  await b.sync(a)
  for (const copy of [a, b]) {
    expect(await docsOf(copy).get('x')).toMatchObject({ log: [...log, 'newer'], _system: { pending: false } })
    expect(await copy.verify()).toMatchObject({ ok: true, problems: [] })
  }
}

test('the event loop goes round while many commits are issued again', async () => {
  const world = await refusedWorld()
  let rounds = 0
  let ended = false
  const next = (): void => {
    rounds++
    if (!ended) setImmediate(next)
  }
  setImmediate(next)
  await reissue(world.b)
  ended = true
  expect(turns).toBe(3)
  expect(rounds).toBeGreaterThanOrEqual(3)
  await expectLog(world, world.b, numbers)
})

test('what is closed half-way goes on after a restart', async () => {
  const world = await refusedWorld()
  atTurn = (turn) => (turn === 2 ? world.bob.close() : undefined)
  expect(await failure(() => reissue(world.b))).toEqual(coded('CLOSED'))
  const again = await world.reopen()
  expect(await again.refused()).toHaveLength(count - 2 * limits.reissueSlice)
  await expectLog(world, again, numbers)
})

test.each(['lost', 'stored'] as const)('a crash half-way whose write was %s issues nothing twice', async (fate) => {
  let left = Infinity
  const store = decorateStores(memory(), (inner) =>
    decorate(inner, async (method, call) => {
      if (method !== 'write' || --left > 0) return call()
      if (fate === 'stored' && left === 0) await call()
      throw new VarveError('CLOSED', 'The process is gone')
    }),
  )
  const world = await refusedWorld(store)
  left = limits.reissueSlice + 5
  expect(await failure(() => reissue(world.b))).toEqual(coded('CLOSED'))
  await world.bob.close()
  left = Infinity
  await expectLog(world, await world.reopen(), numbers)
})

test('a clock that is wrong for some time in between changes nothing about the order', async () => {
  const world = await refusedWorld()
  atTurn = (turn) => {
    if (turn === 1) world.clockB.tick(hour)
    else putRight(world)
  }
  await reissue(world.b)
  putRight(world)
  await expectLog(world, world.b, numbers)
})

test('what was issued again and is refused in between, is all refused before anything more is issued', async () => {
  const world = await refusedWorld()
  const { a, b, clockB } = world
  clockB.tick(hour)
  let position = 0
  atTurn = async (turn) => {
    if (turn === 1) await bring(b, a)
    if (turn !== 2) return
    await bring(a, b)
    putRight(world)
    ;({ position } = replicaOf(b).state)
  }
  // Told so by somebody whose clock is as wrong.
  await replicaOf(b).clockFoundRight()
  expect(replicaOf(b).state.position).toBe(position)
  await b.sync(a)
  await expectLog(world, b, numbers)
})

test('what is dismissed meanwhile is not issued again', async () => {
  const world = await refusedWorld()
  const last = (await world.b.refused()).at(-1)
  atTurn = (turn) => (turn === 1 ? world.b.dismissRefused(last?.record ?? -1) : undefined)
  await reissue(world.b)
  await expectLog(world, world.b, numbers.slice(0, -1))
})

test('what is written meanwhile comes after all of it', async () => {
  const world = await refusedWorld()
  let written: Promise<unknown> = Promise.resolve()
  atTurn = (turn) => {
    if (turn === 1) written = docsOf(world.b).patch('x', { $push: { log: 'meanwhile' } })
  }
  await reissue(world.b)
  await written
  await expectLog(world, world.b, [...numbers, 'meanwhile'])
})
