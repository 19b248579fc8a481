/** Copies of one device that write, issue again, crash and meet in any order: the record has each write once. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { replicaOf } from '../src/engine.ts'
import type { Database } from '../src/index.ts'
import { bring, docsOf, hour } from './ahead-world.ts'
import { copyWorld, type CopyWorld, type DeviceCopy } from './reissue-world.ts'

const kinds = [
  'write',
  'issue',
  'issue',
  'sync',
  'bring',
  'hear',
  'meet',
  'wrong',
  'right',
  'restart',
  'crash',
] as const

interface Step {
  readonly kind: (typeof kinds)[number]
  readonly copy: number
  readonly seed: number
}

const steps = fc.array(fc.record({ kind: fc.constantFrom(...kinds), copy: fc.nat(2), seed: fc.nat(10_000) }), {
  minLength: 5,
  maxLength: 30,
})

/** What the writes must come to: those that were answered are there once, those under way at a crash once at most. */
class Model {
  readonly answered = new Set<number>([0, 1])
  readonly unknown = new Set<number>()
  #next = 100

  next(): number {
    return this.#next++
  }

  /** What is wrong with a log: numbers in it twice, left out, or of nobody. */
  wrongIn(log: unknown): unknown {
    const found = Array.isArray(log) ? log.map(Number) : []
    return {
      twice: found.filter((n, i) => found.indexOf(n) < i),
      lost: [...this.answered].filter((n) => !found.includes(n)),
      strange: found.filter((n) => !this.answered.has(n) && !this.unknown.has(n)),
    }
  }
}

const nothing = { twice: [], lost: [], strange: [] }

async function step(world: CopyWorld, copies: readonly DeviceCopy[], model: Model, { kind, copy, seed }: Step) {
  const [one, other] = [copies[copy], copies[(copy + 1 + (seed % 2)) % copies.length]]
  if (one === undefined || other === undefined) return
  const { database, clock } = one
  const now = world.clockA.tick()
  if (kind === 'right') clock.now = now
  if (kind === 'wrong') clock.now = now + hour
  if (kind === 'write') {
    const n = model.next()
    await docsOf(database).patch('x', { $push: { log: n } })
    model.answered.add(n)
  }
  // Also when the clock is wrong, told so by somebody whose clock is as wrong.
  if (kind === 'issue') await replicaOf(database).clockFoundRight()
  if (kind === 'sync') await database.sync(world.a)
  if (kind === 'bring') await bring(database, world.a)
  if (kind === 'hear') await bring(world.a, database)
  if (kind === 'meet') await bring(database, other.database)
  if (kind === 'restart') await one.restart()
  if (kind === 'crash') {
    const n = model.next()
    model.unknown.add(n)
    const late =
      seed % 2 === 0 ? replicaOf(database).clockFoundRight() : docsOf(database).patch('x', { $push: { log: n } })
    await one.crash(late, seed)
  }
}

/** Every clock is right, and everybody meets the recorder until nothing is left. */
async function settle(world: CopyWorld, copies: readonly DeviceCopy[]): Promise<readonly Database[]> {
  for (let round = 0; round < 4; round++) {
    for (const { clock, database } of copies) {
      clock.now = world.clockA.tick()
      await database.sync(world.a)
      await replicaOf(database).clockFoundRight()
      await database.sync(world.a)
    }
  }
  return [world.a, ...copies.map(({ database }) => database)]
}

test(
  'whatever copies do, each write counts once, and no list of refusals keeps any',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const world = await copyWorld(2)
        const copies = [await world.copy(), await world.copy(), await world.copy()]
        const model = new Model()
        for (const each of list) await step(world, copies, model, each)
        for (const database of await settle(world, copies)) {
          const doc = await docsOf(database).get('x')
          expect(model.wrongIn(doc?.['log'])).toEqual(nothing)
          expect(doc).toMatchObject({ _system: { pending: false } })
          expect(await database.refused()).toEqual([])
          expect(await database.verify()).toMatchObject({ ok: true, problems: [] })
        }
      }),
      { numRuns: 25 },
    )
  },
)
