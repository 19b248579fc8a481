/** Requirement tests of aborting: every long read and write stops when its caller does not want it any more. */

import { expect, test } from 'vitest'
import { failure, found, type Data } from './engine-world.ts'

test('an aborted signal stops reads, queries, writes and verification before they answer', async () => {
  const { tenant } = await found()
  const database = await tenant.database('crm')
  const people = database.collection<Data>('people')
  const { id } = await people.create({ n: 1 })
  const options = { signal: AbortSignal.abort(new Error('not wanted')) }
  const calls: readonly (() => Promise<unknown>)[] = [
    () => people.get(id, options),
    () => people.getVersion(id, 0, options),
    () => people.getAsOf(id, new Date(), options),
    () => people.diff(id, 0, 0, options),
    () => people.conflicts(id, options),
    () => people.find().toArray(options),
    () => people.find().first(options),
    () => people.find().count(options),
    () => people.find().page(options),
    () => people.create({ n: 2 }, options),
    () => people.patch(id, { n: 2 }, options),
    () => people.delete(id, options),
    () => database.verify(options),
  ]
  for (const call of calls) expect(String(await failure(call))).toContain('not wanted')
  expect(await people.find().count()).toBe(1)
  expect(await people.get(id)).toMatchObject({ n: 1, _system: { ov: 0 } })
  expect(await database.verify()).toMatchObject({ ok: true })
})
