/** The parts counters are made of: sketches, samples and parts of time. */

import { expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { utf8 } from '../src/encoding/bytes.ts'
import { levelOf, medianOf, sampleName } from '../src/counters/sample.ts'
import { emptySketch, estimate, unionOf, withValue } from '../src/counters/sketch.ts'
import { bucketAt, bucketName, bucketStart } from '../src/counters/time.ts'
import { bucketUnits } from '../src/counters/types.ts'

function sketchOf(from: number, to: number): Uint8Array {
  let sketch = emptySketch()
  for (let n = from; n < to; n++) sketch = withValue(sketch, primitives.sha256(utf8(`user-${n}`)))
  return sketch
}

test.each([0, 1, 10, 100, 1000, 10_000, 100_000])('a sketch of %d values is within four standard errors', (count) => {
  const sketch = sketchOf(0, count)
  expect(Math.abs(estimate(sketch) - count)).toBeLessThanOrEqual(count * 4 * 0.01625)
  expect(unionOf(sketch, sketchOf(0, Math.floor(count / 2)))).toEqual(sketch)
})

test('the union of two sketches is the sketch of all values', () => {
  expect(unionOf(sketchOf(0, 700), sketchOf(300, 1000))).toEqual(sketchOf(0, 1000))
})

test('an even part of all places begins with zero bits, and no two have one name', () => {
  const names = Array.from({ length: 20_000 }, (_, i) =>
    sampleName({ record: i % 10_000, index: Math.floor(i / 10_000), element: 0 }),
  )
  expect(new Set(names).size).toBe(20_000)
  for (const level of [1, 2, 3]) {
    const kept = names.filter((name) => levelOf(name) >= level).length
    expect(Math.abs(kept - 20_000 / 2 ** level)).toBeLessThan(400)
  }
})

test('a median is the middle, or the mean of the two in the middle, also of the largest numbers', () => {
  expect(medianOf([])).toBeNull()
  expect(medianOf([3, 1, 2])).toBe(2)
  expect(medianOf([4, 1, 2, 3])).toBe(2.5)
  expect(medianOf([Number.MAX_VALUE, Number.MAX_VALUE])).toBe(Number.MAX_VALUE)
})

test.each([
  ['1970-01-01', '1970-W01'],
  ['2018-12-31', '2019-W01'],
  ['2020-12-31', '2020-W53'],
  ['2021-01-03', '2020-W53'],
  ['2021-01-04', '2021-W01'],
  ['2024-12-29', '2024-W52'],
  ['2026-01-05', '2026-W02'],
  ['2027-01-01', '2026-W53'],
])('%s is in week %s', (day, week) => {
  expect(bucketName('week', bucketAt('week', Date.parse(day)))).toBe(week)
})

test('every part of time begins where the one before ends', () => {
  for (const unit of bucketUnits) {
    for (let ms = Date.UTC(2019, 11, 1, 5, 17); ms < Date.UTC(2021, 2); ms += 7 * 3_599_000) {
      const part = bucketAt(unit, ms)
      expect(bucketStart(unit, part)).toBeLessThanOrEqual(ms)
      expect(bucketStart(unit, part + 1)).toBeGreaterThan(ms)
      expect(bucketAt(unit, bucketStart(unit, part))).toBe(part)
    }
  }
  expect(bucketUnits.map((unit) => bucketName(unit, bucketAt(unit, Date.UTC(2026, 0, 5, 14, 59))))).toEqual([
    '2026-01-05T14',
    '2026-01-05',
    '2026-W02',
    '2026-01',
  ])
})
