/** Expressions of views: what each operator gives, null for what cannot be, and errors that name the place. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonValue } from '../src/index.ts'
import { limits } from '../src/index.ts'
import { parseExpression } from '../src/view/expression.ts'
import { operators } from '../src/view/operators.ts'
import { coded, failure } from './engine-world.ts'

const doc = {
  id: 'x',
  name: 'Ünïcode 𝒳yz',
  price: 12.5,
  count: 3,
  zero: 0,
  nothing: null,
  yes: true,
  at: '2024-12-30T23:30:00+02:00',
  day: '2021-01-03',
  tags: ['a', 'b'],
  lines: [{ sku: 's1', n: 1 }, { sku: 's2', n: 2, more: ['m', 'k'] }, 5],
  nested: { deep: { er: 'here' } },
}

function of(expression: unknown): JsonValue {
  return parseExpression(expression, 'value', { parts: 0, paths: new Set() })(doc)
}

describe('what expressions give', () => {
  test.each<[string, unknown, JsonValue]>([
    ['a path', 'nested.deep.er', 'here'],
    ['a missing path', 'nested.nowhere.er', null],
    ['a path through text', 'name.length', null],
    ['an inherited name', 'constructor', null],
    ['a path through an array', 'lines.sku', ['s1', 's2']],
    ['a path through arrays in arrays', 'lines.more', ['m', 'k']],
    ['a place in an array', 'lines.1.n', 2],
    ['a place beyond', 'lines.9.n', null],
    ['a path by its operator', { path: 'count' }, 3],
    ['constants', { const: ['a', { b: 1 }] }, ['a', { b: 1 }]],
    ['a number', 7, 7],
    ['null', null, null],
    ['add', { add: ['price', 'count', 1] }, 16.5],
    ['add with text', { add: ['price', 'name'] }, null],
    ['add with nothing', { add: ['price', 'nothing'] }, null],
    ['subtract', { subtract: ['count', 5] }, -2],
    ['multiply', { multiply: ['count', 'price'] }, 37.5],
    ['divide', { divide: ['price', 5] }, 2.5],
    ['divide by zero', { divide: ['price', 'zero'] }, null],
    ['zero by zero', { divide: ['zero', 'zero'] }, null],
    ['too large', { multiply: [1e308, 10] }, null],
    ['modulo', { modulo: [7, 'count'] }, 1],
    ['abs', { abs: -4 }, 4],
    ['floor', { floor: 'price' }, 12],
    ['round', { round: 'price' }, 13],
    ['round of a half below zero', { round: -2.5 }, -3],
    ['round to digits', { round: [1.005, 2] }, 1.01],
    ['round of what is tiny', { round: [1e-9, 2] }, 0],
    ['round of what is written with an exponent', { round: [-1.26e-7, 8] }, -1.3e-7],
    ['round of what is huge', { round: [1e308, 15] }, 1e308],
    ['round to no digits there are', { round: ['price', -1] }, null],
    ['concat', { concat: ['id', { const: '-' }, 'count', 'yes'] }, 'x-3true'],
    ['concat with nothing', { concat: ['id', 'nothing'] }, null],
    ['lower', { lower: 'name' }, 'ünïcode 𝒳yz'],
    ['upper', { upper: 'id' }, 'X'],
    ['upper of a number', { upper: 'count' }, null],
    ['trim', { trim: { const: '  a ' } }, 'a'],
    ['substr', { substr: ['name', 8, 2] }, '𝒳y'],
    ['substr to the end', { substr: ['name', -2] }, 'yz'],
    ['substr beyond', { substr: ['name', 50] }, ''],
    ['length of text', { length: 'name' }, 11],
    ['length of an array', { length: 'tags' }, 2],
    ['length of a number', { length: 'count' }, null],
    ['eq', { eq: ['tags', { const: ['a', 'b'] }] }, true],
    ['eq of missing and null', { eq: ['nowhere', 'nothing'] }, true],
    ['ne', { ne: ['count', { const: '3' }] }, true],
    ['lt across types', { lt: ['count', 'name'] }, false],
    ['lt', { lt: ['count', 'price'] }, true],
    ['lte', { lte: ['count', 3] }, true],
    ['gt', { gt: ['price', 'count'] }, true],
    ['gte', { gte: ['count', 4] }, false],
    ['and', { and: ['yes', { gt: ['count', 1] }] }, true],
    ['and with what is not true', { and: ['yes', 'count'] }, false],
    ['or', { or: ['nothing', 'yes'] }, true],
    ['not', { not: 'nothing' }, true],
    ['if', { if: [{ gt: ['count', 2] }, { const: 'many' }, { const: 'few' }] }, 'many'],
    ['if without truth', { if: ['count', 1, 2] }, 2],
    ['coalesce', { coalesce: ['nothing', 'nowhere', 'zero', 'count'] }, 0],
    ['coalesce of nothing', { coalesce: ['nothing'] }, null],
    ['year', { year: 'at' }, 2024],
    ['month', { month: 'at' }, 12],
    ['day', { day: 'at' }, 30],
    ['hour in UTC', { hour: 'at' }, 21],
    ['quarter', { quarter: 'at' }, 4],
    ['weekday', { weekday: 'day' }, 7],
    ['ISO week of the year after', { isoWeek: 'at' }, 1],
    ['ISO year of the year after', { isoYear: 'at' }, 2025],
    ['ISO week of the year before', { isoWeek: 'day' }, 53],
    ['ISO week of an early year', { isoWeek: { const: '0001-01-01' } }, 1],
    ['ISO year of the year before', { isoYear: 'day' }, 2020],
    ['date of milliseconds', { year: 0 }, 1970],
    ['date without a zone', { hour: { const: '2024-01-01T05:00' } }, 5],
    ['no date', { year: 'name' }, null],
    ['a day that does not exist', { day: { const: '2023-02-30' } }, null],
    ['milliseconds beyond all dates', { year: 1e300 }, null],
  ])('%s', (_, expression, expected) => {
    expect(of(expression)).toEqual(expected)
  })

  test('text that is put together has an end', () => {
    const half = { const: 'x'.repeat(limits.expressionCharacters) }
    expect(of({ concat: [half, half] })).toBeNull()
    expect(of({ concat: [half] })).toHaveLength(limits.expressionCharacters)
  })

  test('no operator throws or gives what JSON cannot carry, whatever it is given', () => {
    const values = fc.array(fc.jsonValue(), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.constantFrom(...operators.keys()), values, (name, args) => {
        const list: readonly JsonValue[] = JSON.parse(JSON.stringify(args))
        const { least, most, apply } = operators.get(name) ?? { least: 1, most: 1, apply: () => null }
        const given = [...list, null, null, null].slice(0, Math.max(least, Math.min(most, list.length)))
        const result = apply(given)
        expect(JSON.parse(JSON.stringify(result))).toEqual(result)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('bad expressions', () => {
  const circle: { add: unknown[] } = { add: [] }
  circle.add.push(1, circle)
  let deep: unknown = 1
  for (let i = 0; i < 100; i++) deep = { abs: deep }

  test.each<[string, unknown, string]>([
    ['an unknown operator', { plus: [1, 2] }, 'value.plus'],
    ['an operator of the prototype', { constructor: [1] }, 'value.constructor'],
    ['two operators', { add: [1], abs: 1 }, 'value'],
    ['no operator', {}, 'value'],
    ['nothing', undefined, 'value'],
    ['a function', () => 1, 'value'],
    ['an array', [1], 'value'],
    ['too few operands', { if: [true, 1] }, 'value.if'],
    ['too many operands', { not: [1, 2] }, 'value.not'],
    ['no operands', { add: [] }, 'value.add'],
    ['a bad operand', { add: [1, { multiply: [2, { nope: 1 }] }] }, 'value.add[1].multiply[1].nope'],
    ['an empty path', '', 'value'],
    ['a path with a hole', 'a..b', 'value'],
    ['a path that is no text', { path: 5 }, 'value.path'],
    ['a number that JSON lacks', { add: [1, Number.NaN] }, 'value.add[1]'],
    ['a constant that JSON lacks', { const: new Date() }, 'value.const'],
  ])('%s', async (_, expression, path) => {
    expect(await failure(() => of(expression))).toEqual(coded('INVALID', { path }))
  })

  test('cycles, depth and width have an end', async () => {
    expect(await failure(() => of(circle))).toEqual(coded('INVALID'))
    expect(await failure(() => of(deep))).toEqual(coded('INVALID'))
    expect(await failure(() => of({ add: Array.from({ length: 100_000 }, () => 1) }))).toEqual(coded('INVALID'))
  })
})
