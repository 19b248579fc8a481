/** A figure that misses its minimum is told, whatever it is compared with. */

import { expect, test } from 'vitest'
import { isMet, type Figure } from '../src/result.ts'
import { tableOf } from '../src/table.ts'

const figure: Figure = { name: 'a write', value: 30, unit: 'ms', floor: 10, most: 3 }

test.each([
  [figure, true],
  [{ ...figure, value: 31 }, false],
  [{ name: 'size', value: 700, unit: 'bytes', most: 700 } as const, true],
  [{ name: 'size', value: 701, unit: 'bytes', most: 700 } as const, false],
  [{ name: 'an aim alone', value: 900, unit: 'ms', aim: 1 } as const, true],
  [{ ...figure, value: Number.NaN }, false],
])('%j is met: %s', (given, met) => {
  expect(isMet(given)).toBe(met)
})

test('the table names what is missed and the ratio of the committed run', () => {
  const report = { workload: 'log', title: 'Writes', figures: [{ ...figure, value: 40 }] }
  const before = { ...report, figures: [figure] }
  const line = tableOf(report, before).split('\n').at(-1)
  expect(line).toMatch(/^a write .*4\.00× .*MISSED ≤ 3× .*3\.00×$/)
})
