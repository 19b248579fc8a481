/** Property: a collection that seals answers who holds the key like one that does not, and others the same without what is sealed. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isVarveError, type Collection, type Database, type JsonObject, type JsonValue } from '../src/index.ts'
import { found, joined, type Data } from './engine-world.ts'
import { password, plain } from './seal-world.ts'

const sealed = ['s', 'o.s', 'o.deep.s']

const scalar = fc.constantFrom<JsonValue>(null, true, 0, 1, 2, 'x', 'y')
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('s', 'a', 'deep'), scalar, { maxKeys: 2, noNullPrototype: true }),
)
const object = fc.record(
  { s: value, a: value, deep: fc.record({ s: value, b: value }, { requiredKeys: [] }) },
  { requiredKeys: [] },
)
const data = fc.record({ s: value, n: fc.constantFrom(1, 2), o: fc.oneof(object, scalar) }, { requiredKeys: [] })
const path = fc.constantFrom('s', 'n', 'o', 'o.s', 'o.a', 'o.deep', 'o.deep.s', 'o.deep.b', 's.a', 'o.s.x')
const change = fc.oneof(
  fc.record({ $set: fc.dictionary(path, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true }) }),
  fc.record({ $unset: path.map((each) => ({ [each]: '' })) }),
  fc.record({ $inc: path.map((each) => ({ [each]: 1 })) }),
  fc.record({ $push: fc.tuple(path, value).map(([at, each]) => ({ [at]: each })) }),
  fc.record({ $addToSet: fc.tuple(path, value).map(([at, each]) => ({ [at]: each })) }),
  fc.record({ $pull: fc.tuple(path, scalar).map(([at, each]) => ({ [at]: each })) }),
)

type Step = (docs: Collection<Data>, database: Database) => Promise<unknown>
const step: fc.Arbitrary<Step> = fc.oneof(
  data.map(
    (doc): Step =>
      (docs) =>
        docs.update('x', doc),
  ),
  change.map(
    (patch): Step =>
      (docs) =>
        docs.patch('x', patch),
  ),
  fc.array(data, { minLength: 1, maxLength: 2 }).map(
    (parts): Step =>
      (docs) =>
        docs.enrich('x', parts),
  ),
  fc.nat(9).map(
    (ov): Step =>
      (docs) =>
        docs.restore('x', { ov }),
  ),
  fc.constant<Step>((docs) => docs.delete('x')),
  fc.constant<Step>((docs) => docs.restore('x')),
  fc.array(change, { minLength: 1, maxLength: 3 }).map(
    (patches): Step =>
      (docs, database) =>
        database.transact(async (tx) => {
          for (const patch of patches) await tx.collection<Data>(docs.name).patch('x', patch)
        }),
  ),
)

/** What nobody without the key may see, taken out. */
function without(doc: JsonObject): JsonObject {
  const copy: Record<string, JsonValue> = structuredClone(doc)
  for (const each of sealed) {
    const names = each.split('.')
    let at: Record<string, unknown> = copy
    for (const name of names.slice(0, -1)) {
      const inner = at[name]
      if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) at = {}
      else at = Object.assign(inner)
    }
    Reflect.deleteProperty(at, names.at(-1) ?? '')
  }
  return copy
}

async function outcome(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
    return 'done'
  } catch (error) {
    if (isVarveError(error)) return error.code
    throw error
  }
}

test('writes to a sealing collection do what the same writes do to another one', async () => {
  const first = await found()
  const second = await joined(first.tenant, 'bob')
  await first.tenant.keys.create('hr')
  const a = await first.tenant.database('crm', { mode: 'open' })
  const b = await second.tenant.database('crm', { mode: 'open' })
  const wholes: (JsonObject | null)[] = []
  await fc.assert(
    fc.asyncProperty(data, fc.array(step, { maxLength: 12 }), async (start, steps) => {
      const name = `sealing${wholes.length}`
      const docs = a.collection<Data>(name, { seal: sealed, key: 'hr' })
      const model = a.collection<Data>(`model${wholes.length}`)
      wholes.push(null)
      // What would lead through an array is refused, where the model takes it.
      if ((await outcome(() => docs.create({ ...start, id: 'x' }))) === 'INVALID') return
      await model.create({ ...start, id: 'x' })
      for (const each of steps) {
        const made = await outcome(() => each(docs, a))
        if (made === 'INVALID') continue
        expect(await outcome(() => each(model, a))).toBe(made)
        expect(plain(await docs.get('x'))).toEqual(plain(await model.get('x')))
      }
      await b.sync(a)
      const whole = plain(await model.get('x'))
      wholes[wholes.length - 1] = whole
      const seen = plain(await b.collection<Data>(name).get('x'))
      expect(seen).toEqual(whole === null ? null : without(whole))
    }),
    { numRuns: 250 },
  )
  expect((await a.verify()).problems).toEqual([])
  expect((await b.verify()).problems).toEqual([])
  await second.tenant.keys.import(await first.tenant.keys.export(['hr'], password), password)
  for (const [run, whole] of wholes.entries())
    if (whole !== null) expect(plain(await b.collection<Data>(`sealing${run}`).get('x'))).toEqual(whole)
}, 60_000)
