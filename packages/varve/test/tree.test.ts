/** Merkle trees: known answers of Certificate Transparency, a naive reference at every size, and proofs bent in every way. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../src/encoding/bytes.ts'
import {
  consistencyPath,
  emptyRoot,
  inclusionPath,
  leafHash,
  nodeHash,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../src/log/tree.ts'
import { coded } from './keys-world.ts'
import { ReferenceTree } from './tree-reference.ts'

const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
/** Roots of the first n leaves, as the tests of Certificate Transparency have had them since RFC 6962. */
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const inclusions = [
  { index: 0, size: 1, path: [] },
  { index: 0, size: 2, path: ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7'] },
  { index: 1, size: 2, path: ['6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'] },
  { index: 2, size: 3, path: ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'] },
  {
    index: 1,
    size: 5,
    path: [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  },
  {
    index: 0,
    size: 8,
    path: [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  },
  {
    index: 5,
    size: 8,
    path: [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  },
]
const consistencies = [
  { first: 1, second: 1, path: [] },
  {
    first: 1,
    second: 8,
    path: [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  },
  {
    first: 2,
    second: 5,
    path: [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  },
  {
    first: 6,
    second: 8,
    path: [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  },
]

const hex = (bytes: readonly Uint8Array[]): readonly string[] => bytes.map(toHex)
const root = (size: number): Uint8Array => fromHex(roots[size] ?? '')

describe('known answers of Certificate Transparency', () => {
  const { subtrees } = new ReferenceTree(leaves.map(fromHex))

  test('leaf and node hashes', () => {
    expect(toHex(emptyRoot)).toBe(roots[0])
    expect(toHex(leafHash())).toBe(roots[1])
    expect(toHex(leafHash(utf8('L123'), utf8('456')))).toBe(
      '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56',
    )
    expect(toHex(nodeHash(utf8('N123'), utf8('N456')))).toBe(
      'aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb',
    )
  })
  test.each(roots.map((expected, size) => ({ size, expected })))('the root of $size leaves', async (known) => {
    expect(toHex(await treeRoot(known.size, subtrees))).toBe(known.expected)
  })
  test.each(inclusions)('leaf $index in $size', async ({ index, size, path }) => {
    expect(hex(await inclusionPath(index, size, subtrees))).toEqual(path)
    const leaf = leafHash(fromHex(leaves[index] ?? ''))
    expect(verifyInclusion({ leaf, index, size, root: root(size) }, path.map(fromHex))).toBe(true)
  })
  test.each(consistencies)('from $first to $second', async ({ first, second, path }) => {
    expect(hex(await consistencyPath(first, second, subtrees))).toEqual(path)
    const heads = [first, second].map((size) => ({ size, root: root(size) }))
    const [one, two] = heads
    if (one !== undefined && two !== undefined) expect(verifyConsistency(one, two, path.map(fromHex))).toBe(true)
  })
})

describe('against the reference', () => {
  const numbered = Array.from({ length: 5000 }, (_, i) => utf8(`leaf ${i}`))
  const reference = new ReferenceTree(numbered)
  const leafAt = (index: number): Uint8Array => leafHash(numbered[index] ?? new Uint8Array())

  async function same(first: number, second: number): Promise<void> {
    const head = { size: second, root: reference.hash(0, second) }
    const path = await consistencyPath(first, second, reference.subtrees)
    expect(hex(path)).toEqual(first === 0 ? [] : hex(reference.proof(first, second)))
    expect(verifyConsistency({ size: first, root: reference.hash(0, first) }, head, path)).toBe(true)
    if (first === second) return
    const inside = await inclusionPath(first, second, reference.subtrees)
    expect(hex(inside)).toEqual(hex(reference.path(first, 0, second)))
    expect(verifyInclusion({ leaf: leafAt(first), index: first, ...head }, inside)).toBe(true)
  }

  test('every proof of every tree of up to 300 leaves', async () => {
    for (let size = 0; size <= 300; size++) {
      expect(toHex(await treeRoot(size, reference.subtrees))).toBe(toHex(reference.hash(0, size)))
      for (let first = 0; first <= size; first++) await same(first, size)
    }
  })

  test('trees of up to 5000 leaves', async () => {
    const sizes = fc.integer({ min: 1, max: 5000 }).chain((second) => fc.tuple(fc.nat(second), fc.constant(second)))
    await fc.assert(
      fc.asyncProperty(sizes, async ([first, second]) => same(first, second)),
      { numRuns: 300 },
    )
  })

  test('a proof in which any bit differs, or a hash is missing, moved or added, does not hold', async () => {
    const places = fc
      .integer({ min: 2, max: 5000 })
      .chain((size) =>
        fc.record({ size: fc.constant(size), index: fc.nat(size - 1), bit: fc.nat(255), at: fc.nat(20) }),
      )
    await fc.assert(
      fc.asyncProperty(places, async ({ size, index, bit, at }) => {
        const head = { size, root: reference.hash(0, size) }
        const first = { size: index, root: reference.hash(0, index) }
        const inside = { leaf: leafAt(index), index, ...head }
        const path = await inclusionPath(index, size, reference.subtrees)
        for (const bent of bents(path, at, bit)) expect(verifyInclusion(inside, bent)).toBe(false)
        expect(verifyInclusion({ ...inside, leaf: flipped(inside.leaf, bit) }, path)).toBe(false)
        expect(verifyInclusion({ ...inside, root: flipped(inside.root, bit) }, path)).toBe(false)
        const way = await consistencyPath(index, size, reference.subtrees)
        for (const bent of bents(way, at, bit)) expect(verifyConsistency(first, head, bent)).toBe(false)
        expect(verifyConsistency({ ...first, root: flipped(first.root, bit) }, head, way)).toBe(false)
        // Nothing is known of the second root when the first tree is empty.
        if (index > 0) expect(verifyConsistency(first, { ...head, root: flipped(head.root, bit) }, way)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })
})

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
}

function bents(path: readonly Uint8Array[], at: number, bit: number): readonly (readonly Uint8Array[])[] {
  const i = at % Math.max(path.length, 1)
  const [one, two] = [path[i], path[i + 1]]
  const longer = [...path, emptyRoot]
  if (one === undefined) return [longer]
  const without = path.toSpliced(i, 1)
  const exchanged = two === undefined ? [] : [path.toSpliced(i, 2, two, one)]
  const changes = [flipped(one, bit), one.subarray(1), new Uint8Array(33), new Uint8Array()]
  return [longer, [emptyRoot, ...path], without, ...exchanged, ...changes.map((other) => path.with(i, other))]
}

describe('hostile numbers', () => {
  const { subtrees } = new ReferenceTree(leaves.map(fromHex))
  const odd = [-1, 0.5, Number.NaN, Infinity, 2 ** 53, 2 ** 60]
  const leaf = leafHash()

  test.each(odd)('a size of %s has no proof and verifies nothing', async (size) => {
    await expect(treeRoot(size, subtrees)).rejects.toThrow(coded('INVALID'))
    await expect(inclusionPath(0, size, subtrees)).rejects.toThrow(coded('INVALID'))
    await expect(inclusionPath(size, 8, subtrees)).rejects.toThrow(coded('INVALID'))
    await expect(consistencyPath(size, 8, subtrees)).rejects.toThrow(coded('INVALID'))
    await expect(consistencyPath(1, size, subtrees)).rejects.toThrow(coded('INVALID'))
    expect(verifyInclusion({ leaf, index: 0, size, root: leaf }, [])).toBe(false)
    expect(verifyInclusion({ leaf, index: size, size: 8, root: leaf }, [])).toBe(false)
    expect(verifyConsistency({ size, root: leaf }, { size: 8, root: leaf }, [])).toBe(false)
    expect(verifyConsistency({ size: 1, root: leaf }, { size, root: leaf }, [])).toBe(false)
  })

  test('a leaf outside of its tree, and a longer tree before a shorter', async () => {
    await expect(inclusionPath(0, 0, subtrees)).rejects.toThrow(coded('INVALID'))
    await expect(inclusionPath(8, 8, subtrees)).rejects.toThrow(coded('INVALID'))
    await expect(consistencyPath(8, 7, subtrees)).rejects.toThrow(coded('INVALID'))
    expect(verifyInclusion({ leaf, index: 0, size: 0, root: emptyRoot }, [])).toBe(false)
    expect(verifyInclusion({ leaf, index: 1, size: 1, root: leaf }, [])).toBe(false)
    expect(verifyConsistency({ size: 8, root: root(8) }, { size: 7, root: root(7) }, [])).toBe(false)
  })

  test('one root cannot stand for two sizes, nor two roots for one', () => {
    expect(verifyConsistency({ size: 1, root: root(1) }, { size: 2, root: root(1) }, [])).toBe(false)
    expect(verifyConsistency({ size: 2, root: root(2) }, { size: 2, root: root(3) }, [])).toBe(false)
    expect(verifyConsistency({ size: 0, root: root(1) }, { size: 2, root: root(2) }, [])).toBe(false)
    expect(verifyConsistency({ size: 0, root: root(0) }, { size: 0, root: root(1) }, [])).toBe(false)
  })

  test('the largest tree there can be has paths of 53 hashes', async () => {
    const size = Number.MAX_SAFE_INTEGER
    const any = (): Promise<Uint8Array> => Promise.resolve(leaf)
    expect(await inclusionPath(0, size, any)).toHaveLength(53)
    const index = size - 1
    const path = await inclusionPath(index, size, any)
    expect(verifyInclusion({ leaf, index, size, root: await treeRoot(size, any) }, path)).toBe(true)
  })
})
