/** Store suite: named values, and the preconditions on them. */

import assert from 'node:assert/strict'
import { sampleBytes } from './sample.ts'
import { rejects, type Case } from './frame.ts'

const one = sampleBytes(3, 1)
const two = sampleBytes(5, 2)

export function valueCases(check: Case): void {
  check('a value is absent, set, replaced and removed', async ({ store }) => {
    assert.equal(await store.value('clock'), null)
    await store.write({ values: new Map([['clock', one]]) })
    assert.deepEqual(await store.value('clock'), one)
    await store.write({ values: new Map([['clock', two]]) })
    assert.deepEqual(await store.value('clock'), two)
    await store.write({
      values: new Map([
        ['clock', null],
        ['never', null],
      ]),
    })
    assert.equal(await store.value('clock'), null)
  })

  check('a value may be empty, which is not absent', async ({ store }) => {
    await store.write({ values: new Map([['empty', new Uint8Array(0)]]) })
    assert.deepEqual(await store.value('empty'), new Uint8Array(0))
    await rejects(store.write({ expect: new Map([['empty', null]]) }), 'CONFLICT')
  })

  check('values come by prefix and in the order of their UTF-8 names', async ({ store }) => {
    const names = ['', 'a', 'a/', 'a/\u{10000}', 'a/\uffee', 'a/b', 'a/é', 'a0', 'b/a']
    await store.write({ values: new Map(names.toReversed().map((name) => [name, one])) })
    assert.deepEqual([...(await store.values('a/')).keys()], ['a/', 'a/b', 'a/é', 'a/\uffee', 'a/\u{10000}'])
    assert.deepEqual([...(await store.values('zz')).keys()], [])
    assert.equal((await store.values('')).size, names.length)
    assert.deepEqual((await store.values('b')).get('b/a'), one)
  })

  check('expectations that hold let the batch pass', async ({ store }) => {
    await store.write({ expect: new Map([['epoch', null]]), values: new Map([['epoch', one]]) })
    await store.write({ expect: new Map([['epoch', one]]), values: new Map([['epoch', two]]) })
    assert.deepEqual(await store.value('epoch'), two)
  })

  check('an expectation that fails is a CONFLICT and writes nothing', async ({ store }) => {
    await store.write({ values: new Map([['epoch', one]]) })
    for (const wrong of [null, two, new Uint8Array(0)]) {
      const batch = { expect: new Map([['epoch', wrong]]), values: new Map([['other', two]]) }
      await rejects(store.write(batch), 'CONFLICT')
    }
    await rejects(store.write({ expect: new Map([['absent', one]]), values: new Map([['other', two]]) }), 'CONFLICT')
    assert.equal(await store.value('other'), null)
  })

  check('of concurrent writes with one expectation exactly one passes', async ({ store }) => {
    const tries = [1, 2, 3, 4].map((seed) =>
      store.write({ expect: new Map([['lease', null]]), values: new Map([['lease', sampleBytes(2, seed)]]) }),
    )
    const results = await Promise.allSettled(tries)
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1)
  })
}
