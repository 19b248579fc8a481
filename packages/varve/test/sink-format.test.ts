/** Segments as objects: what they hold, that they are always the same, and that hostile ones only ever give an error. */

import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { encodeCbor, isVarveError, limits, openSegment, packSegment, primitives, concat, toHex } from 'varve/engine'
import { describe, expect, test } from 'vitest'
import { deflated, inflated } from '../src/sinking/deflate.ts'
import { decodeIndex } from '../src/sinking/segment-index.ts'
import { sampleBytes } from './sink-world.ts'

const one = { no: 3, bodies: sampleBytes(1000, 1) }
const incompressible = (length: number): Uint8Array => {
  const parts = Array.from({ length: Math.ceil(length / 32) }, (_, i) => primitives.sha256(Uint8Array.of(i, i >> 8)))
  return concat(...parts).slice(0, length)
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'fine'
  } catch (error) {
    return isVarveError(error) ? error.code : `no Varve error: ${String(error)}`
  }
}

/** An object around an index, with a footer that fits. */
function withIndex(index: Uint8Array, blocks: Uint8Array = new Uint8Array(0)): Uint8Array {
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, index.length)
  const body = concat(new TextEncoder().encode('VARVESEG'), Uint8Array.of(1), blocks, index, size)
  return concat(body, primitives.sha256(body))
}

describe('deflate', () => {
  test('gives back what it was given, and null for what does not shrink', async () => {
    const text = sampleBytes(100_000, 5)
    const small = await deflated(text)
    expect(small?.length).toBeLessThan(text.length * 0.7)
    expect(await inflated(small ?? text, text.length)).toEqual(text)
    expect(await deflated(incompressible(5000))).toBeNull()
  })

  test('a bomb is stopped at the size that was said', async () => {
    const bomb = (await deflated(new Uint8Array(50_000_000))) ?? new Uint8Array(0)
    expect(bomb.length).toBeLessThan(100_000)
    expect(await codeOf(() => inflated(bomb, 1000))).toBe('TAMPERED')
    expect(await codeOf(() => inflated(bomb.slice(0, 100), 50_000_000))).toBe('TAMPERED')
    expect(await codeOf(() => inflated(incompressible(100), 200))).toBe('TAMPERED')
  })
})

describe('a segment', () => {
  test('is the same for the same commits, and begins and ends as its format says', async () => {
    const [first, second] = [await packSegment([one]), await packSegment([one])]
    expect(first).toEqual(second)
    const { object, index, hash } = first
    expect(new TextDecoder().decode(object.slice(0, 8))).toBe('VARVESEG')
    expect(object[8]).toBe(1)
    expect(primitives.sha256(object)).toEqual(hash)
    expect(primitives.sha256(object.slice(0, -32))).toEqual(object.slice(-32))
    expect(primitives.sha256(object.slice(index.offset, index.offset + index.size))).toEqual(index.hash)
    expect(index.offset + index.size + 36).toBe(object.length)
  })

  test('is the example of its specification, byte for byte', async () => {
    const { object } = await packSegment([
      { no: 5, bodies: Uint8Array.of(1, 2, 3) },
      { no: 6, bodies: new Uint8Array(0) },
      { no: 260, bodies: Uint8Array.of(4) },
    ])
    const spec = await readFile(new URL('../../../spec/segments.md', import.meta.url), 'utf8')
    const example = /```\n([0-9a-f\s]+)```/.exec(spec)?.[1] ?? ''
    expect(toHex(object)).toBe(example.replace(/\s/g, ''))
  })

  test('finds every commit, whatever the sizes', async () => {
    const sizes = fc.array(fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 100_000, max: 700_000 })), {
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat({ max: 1e9 }), async (list, first) => {
        const commits = list.map((size, i) => ({ no: first + i * i, bodies: sampleBytes(size, i) }))
        const index = openSegment((await packSegment(commits)).object, 'key')
        let from = 0
        for (const { no, bodies } of commits) {
          expect(index.find(no)).toEqual(bodies.length === 0 ? null : { from, size: bodies.length })
          from += bodies.length
        }
        expect(index.find(first - 1)).toBeNull()
        for (const { size, stored } of index.blocks) {
          expect(size).toBeLessThanOrEqual(limits.segmentBlockBytes)
          expect(stored).toBeLessThanOrEqual(size)
        }
      }),
      { numRuns: 12 },
    )
  })

  test('keeps as they are blocks that do not shrink', async () => {
    const { object } = await packSegment([{ no: 1, bodies: incompressible(40_000) }])
    expect(object.length).toBeLessThan(40_000 + 200)
    const [block] = openSegment(object, 'key').blocks
    expect(block?.stored).toBe(block?.size)
    const mixed = [
      ...Array.from({ length: 9 }, () => incompressible(131_072)),
      ...[1, 2].map((n) => sampleBytes(131_072, n)),
    ]
    const { object: larger } = await packSegment(mixed.map((bodies, no) => ({ no, bodies })))
    const shrunk = openSegment(larger, 'key').blocks.map(({ stored, size }) => stored < size)
    // The tenth is left as it is untried, as is the eleventh: the next to be tried is the seventeenth.
    expect(shrunk).toEqual(Array.from({ length: 11 }, () => false))
    const tried = [...mixed.slice(0, 8), ...mixed.slice(9)].map((bodies, no) => ({ no, bodies }))
    const again = openSegment((await packSegment(tried)).object, 'key').blocks.map(({ stored, size }) => stored < size)
    expect(again).toEqual([...Array.from({ length: 8 }, () => false), true, true])
  })
})

describe('a hostile segment', () => {
  test('is TAMPERED wherever a bit is flipped or bytes are missing', async () => {
    const { object } = await packSegment([one, { no: 9, bodies: sampleBytes(50, 2) }])
    for (let at = 0; at < object.length; at++) {
      const changed = object.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x10
      const code = await codeOf(() => openSegment(changed, 'key'))
      expect(code).toBe(at === 8 ? 'UNSUPPORTED_VERSION' : 'TAMPERED')
      expect(await codeOf(() => openSegment(object.slice(0, at), 'key'))).toBe('TAMPERED')
    }
  })

  const hash = new Uint8Array(32)
  test.each([
    ['no list', 5],
    ['another version', [2, [], []]],
    ['blocks that are not there', [1, [[10, 10, hash]], [1, 10]]],
    ['a block that grew', [1, [[0, 10, hash]], [1, 10]]],
    ['a block above the limit', [1, [[0, 300_000, hash]], [1, 300_000]]],
    ['a negative size', [1, [[-1, 10, hash]], [1, 10]]],
    ['a short hash', [1, [[0, 0, new Uint8Array(31)]], []]],
    ['commits without content', [1, [], [1, 10]]],
    ['a commit of no size', [1, [], [1, 0]]],
    ['the same commit twice', [1, [], [1, 1, 0, 1]]],
    ['half a commit', [1, [], [1]]],
    ['numbers beyond all', [1, [], [Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER, 1]]],
    ['more blocks than there may be', [1, Array.from({ length: 3000 }, () => [0, 0, hash]), []]],
    ['more commits than there may be', [1, [], Array.from({ length: 140_000 }, () => 1)]],
  ])('with %s in its index is TAMPERED', async (_, index) => {
    expect(await codeOf(() => openSegment(withIndex(encodeCbor(index)), 'key'))).toBe('TAMPERED')
  })

  test('of random bytes never does more than fail', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect(await codeOf(() => openSegment(bytes, 'key'))).toBe('TAMPERED')
        expect(await codeOf(() => openSegment(withIndex(bytes), 'key'))).toBe('TAMPERED')
        expect(await codeOf(() => decodeIndex(bytes, 9, 'key'))).toBe('TAMPERED')
      }),
    )
  })
})
