/** Placement by hash: vectors that never change, balance, and how little moves when a backend is added. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashOf, jump, jumpPlace, rendezvous } from '../src/hub/index.ts'

const keys = Array.from({ length: 4_000 }, (_, i) => `runtime/tenant/tenant-${i}`)

function counts(choose: (key: string) => string | number): readonly number[] {
  const found = new Map<string | number, number>()
  for (const key of keys) found.set(choose(key), (found.get(choose(key)) ?? 0) + 1)
  return [...found.values()]
}

describe('vectors', () => {
  test.each([
    ['', 0xe3b0c44298fc1c14n],
    ['abc', 0xba7816bf8f01cfean],
    ['runtime/tenant/tenant-a', 0x8a3b8ea3f326eee9n],
    ['ü', 0x607474ca475a9724n],
  ])('of the hash of %j', (text, hash) => {
    expect(hashOf(text)).toBe(hash)
  })

  test('of rendezvous hashing', () => {
    const three = ['mongo-1', 'mongo-2', 'mongo-3']
    expect(keys.slice(0, 12).map((key) => rendezvous(key, three))).toEqual([
      'mongo-3',
      'mongo-3',
      'mongo-2',
      'mongo-1',
      'mongo-2',
      'mongo-1',
      'mongo-2',
      'mongo-3',
      'mongo-1',
      'mongo-1',
      'mongo-3',
      'mongo-3',
    ])
  })

  test('of jump hashing', () => {
    expect(keys.slice(0, 12).map((key) => jumpPlace(key, 5))).toEqual([0, 0, 0, 0, 3, 0, 2, 0, 2, 0, 1, 3])
  })
})

const backends = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 8 })
const key = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' })

describe('rendezvous', () => {
  test('shares the keys out evenly', () => {
    const shares = counts((each) => rendezvous(each, ['a', 'b', 'c', 'd']))
    expect(shares).toHaveLength(4)
    for (const count of shares) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })

  test('a new backend takes keys, and no other key moves', () => {
    fc.assert(
      fc.property(key, backends, fc.stringMatching(/^[A-Z]{1,8}$/), (each, before, added) => {
        const after = rendezvous(each, [...before, added])
        expect([rendezvous(each, before), added]).toContain(after)
      }),
    )
  })

  test('the order of the backends does not count', () => {
    fc.assert(
      fc.property(key, backends, (each, list) => {
        expect(rendezvous(each, list.toReversed())).toBe(rendezvous(each, list))
      }),
    )
  })

  test('a new backend takes about its share', () => {
    const moved = keys.filter((each) => rendezvous(each, ['a', 'b', 'c']) !== rendezvous(each, ['a', 'b', 'c', 'd']))
    expect(Math.abs(moved.length - 1_000)).toBeLessThan(150)
  })
})

describe('jump', () => {
  test('shares the keys out evenly', () => {
    const shares = counts((each) => jumpPlace(each, 4))
    expect(shares).toHaveLength(4)
    for (const count of shares) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })

  test('a backend added at the end takes keys, and no other key moves', () => {
    fc.assert(
      fc.property(key, fc.integer({ min: 1, max: 200 }), (each, count) => {
        expect([jumpPlace(each, count), count]).toContain(jumpPlace(each, count + 1))
      }),
    )
  })
})

test.each([rendezvous, jump])('without a backend there is nothing to choose', (choose) => {
  expect(() => choose('a', [])).toThrow(/no backend/)
})
