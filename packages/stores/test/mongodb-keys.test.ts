/** Keys of rows order as the contract says, and can be read back. */

import fc from 'fast-check'
import { key, KeyReader, num } from '../src/mongodb/keys.ts'
import { decodePlaces, encodePlaces } from '../src/mongodb/places.ts'
import { shownUrl } from '../src/mongodb/errors.ts'
import { expect, test } from 'vitest'

/** Few different bytes, so that keys meet, and those that have a meaning in keys. */
const bytes = fc.array(fc.constantFrom(0, 1, 2, 3, 255), { maxLength: 4 }).map((list) => Uint8Array.from(list))
const id = fc.oneof(fc.string({ maxLength: 3 }), fc.string({ unit: 'binary', maxLength: 3 }), fc.constant('a\0b'))
const number = fc.oneof(fc.nat(20), fc.nat(), fc.maxSafeNat())

const order = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

test('index keys order by their bytes, then by the UTF-8 of their ids', () => {
  fc.assert(
    fc.property(bytes, id, bytes, id, (one, oneId, other, otherId) => {
      const expected = Buffer.compare(one, other) || Buffer.compare(Buffer.from(oneId), Buffer.from(otherId))
      expect(order(key.indexRow(1, one, oneId), key.indexRow(1, other, otherId))).toBe(expected)
    }),
  )
})

test('MongoDB, which compares UTF-8, orders keys as JavaScript does', () => {
  fc.assert(
    fc.property(bytes, id, bytes, id, (one, oneId, other, otherId) => {
      const [a, b] = [key.indexRow(1, one, oneId), key.indexRow(1, other, otherId)]
      expect(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))).toBe(order(a, b))
    }),
  )
})

test('numbers order by value', () => {
  fc.assert(
    fc.property(number, number, (one, other) => {
      expect(order(num(one), num(other))).toBe(Math.sign(one - other))
    }),
  )
})

test('keys are read back part by part', () => {
  fc.assert(
    fc.property(number, bytes, id, (index, part, name) => {
      const reader = new KeyReader(key.indexRow(index, part, name))
      expect(reader.number()).toBe(index)
      expect(reader.bytes()).toEqual(part)
      expect(reader.rest()).toBe(name)
    }),
  )
  expect(() => new KeyReader('dzz').number()).toThrow('restore')
  expect(() => new KeyReader('i11abc').bytes()).toThrow('restore')
})

test('places are read back, and what is cut short is told', () => {
  const positions = fc.array(fc.nat(1e6), { maxLength: 5 }).map((list) => list.toSorted((one, other) => one - other))
  fc.assert(
    fc.property(fc.array(positions, { maxLength: 4 }), (fields) => {
      expect(decodePlaces(encodePlaces(fields))).toEqual(fields)
    }),
  )
  expect(() => decodePlaces(encodePlaces([[1, 2]]).subarray(0, 2))).toThrow('cut short')
})

test('connection strings are shown without what is secret', () => {
  const shown: readonly (readonly [string, string])[] = [
    ['mongodb://host:27017/db?replicaSet=rs0', 'mongodb://host:27017'],
    ['mongodb+srv://ada:secret@cluster.example.net/?w=majority', 'mongodb+srv://cluster.example.net'],
    ['mongodb://ada:p@ss@a:1,b:2/', 'mongodb://a:1,b:2'],
    ['mongodb://ada:pa/ss@host/', 'mongodb://host'],
    ['mongodb://ada:pa?ss@host/', 'mongodb://'],
    ['ada:secret', 'mongodb://'],
  ]
  for (const [url, expected] of shown) expect(shownUrl(url)).toBe(expected)
})
