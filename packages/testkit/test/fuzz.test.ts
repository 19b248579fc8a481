/** A short run of the fuzzer from a fixed seed; `npm run fuzz` runs as long as one likes. */

import { decodeFrame, frameTypes, isVarveError } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { frameCorpus } from '../src/fuzz/corpus.ts'
import { fuzz } from '../src/fuzz/run.ts'
import { targets } from '../src/fuzz/targets.ts'

describe('mutated bytes are refused by a typed error, or read as what they say', () => {
  test.each(targets)('$name', ({ name, samples, run }) => {
    const cases = name === 'machine' ? 4_000 : 20_000
    const bytes = samples().map((sample) => sample.bytes)
    const { failure, accepted } = fuzz({ name, samples, run }, bytes, { cases, seed: 20260101 })
    expect(failure).toBeNull()
    expect(accepted).toBeGreaterThan(cases / 100)
    expect(accepted).toBeLessThan(cases)
  })
})

describe('the corpus', () => {
  const corpus = frameCorpus()

  test('has a frame of every type', () => {
    const types = new Set(corpus.filter(isGood).map(({ bytes }) => decodeFrame(bytes).type))
    expect([...types].toSorted()).toEqual([...frameTypes].toSorted())
  })

  test.each(corpus.filter((sample) => !isGood(sample)))('$name', ({ bytes }) => {
    expect(() => decodeFrame(bytes)).toThrow(expect.objectContaining({ name: 'VarveError' }))
  })
})

test('a decoder that crashes is found, and one seed finds it again', () => {
  const run = (bytes: Uint8Array): void => {
    if (bytes[0] === 0xf7) throw new TypeError('undefined is not a function')
  }
  const find = () =>
    fuzz({ name: 'broken', samples: frameCorpus, run }, [new Uint8Array(4)], { cases: 50_000, seed: 7 })
  const { failure } = find()
  expect(isVarveError(failure?.error)).toBe(false)
  expect(failure?.bytes[0]).toBe(0xf7)
  expect(find()).toEqual(find())
})

function isGood({ name }: { readonly name: string }): boolean {
  return !name.startsWith('refused-')
}
