/** The vectors of spec/receipt.md §7, valid and invalid, run as they are. */

import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../src/encoding/bytes.ts'
import { checkpointKey, signCheckpoint, verifyCheckpoint } from '../src/log/checkpoint.ts'
import { verifierKey } from '../src/log/note.ts'
import { verifyProof } from '../src/log/proof.ts'
import { leafHash, verifyConsistency, verifyInclusion } from '../src/log/tree.ts'
import { primitives } from '../src/crypto/primitives.ts'
import { treeVectors } from '../../../spec/tools/tree-vectors.ts'
import { coded } from './keys-world.ts'
import { vectorText, type Invalid } from './vectors-world.ts'

interface Vectors {
  readonly database: string
  readonly recorder: string
  readonly signingKey: string
  readonly verifierKey: string
  readonly leaves: readonly { commit: string; receipt: string; hash: string }[]
  readonly roots: readonly string[]
  readonly inclusions: readonly { record: number; size: number; leaf: string; path: readonly string[] }[]
  readonly consistencies: readonly { from: number; to: number; path: readonly string[] }[]
  readonly checkpoints: {
    readonly valid: readonly { size: number; text: string }[]
    readonly invalid: readonly (Invalid & { text: string })[]
  }
  readonly proofs: {
    readonly valid: readonly { record: number; size: number; text: string }[]
    readonly invalid: readonly (Invalid & { text: string })[]
  }
}

const text = vectorText('tree')
const vectors: Vectors = JSON.parse(text)
const log = { database: fromHex(vectors.database), recorder: fromHex(vectors.recorder) }

function headOf(size: number): { readonly size: number; readonly root: Uint8Array } {
  return { size, root: fromHex(vectors.roots[size] ?? '') }
}

test('the generator makes the committed file', async () => {
  expect(`${JSON.stringify(await treeVectors(), null, 2)}\n`).toBe(text)
})

test('the hashes of the leaves', () => {
  for (const { commit, receipt, hash } of vectors.leaves)
    expect(toHex(leafHash(fromHex(commit), fromHex(receipt)))).toBe(hash)
})

test.each(vectors.inclusions)('record $record in $size', ({ record, size, leaf, path }) => {
  expect(vectors.leaves[record]?.hash).toBe(leaf)
  expect(verifyInclusion({ leaf: fromHex(leaf), index: record, ...headOf(size) }, path.map(fromHex))).toBe(true)
})

test.each(vectors.consistencies)('from $from to $to', ({ from, to, path }) => {
  expect(verifyConsistency(headOf(from), headOf(to), path.map(fromHex))).toBe(true)
})

describe('checkpoints', () => {
  test('the key as other tools take it', () => {
    expect(verifierKey(checkpointKey(log.database, log.recorder))).toBe(vectors.verifierKey)
  })
  test.each(vectors.checkpoints.valid)('of $size receipts', ({ size, text: note }) => {
    expect(verifyCheckpoint(note, log)).toEqual({ origin: `varve/${vectors.database}`, ...headOf(size) })
    const sign = (message: Uint8Array): Uint8Array => primitives.ed25519.sign(fromHex(vectors.signingKey), message)
    expect(signCheckpoint(log.database, headOf(size), { publicKey: log.recorder, sign })).toBe(note)
  })
  test.each(vectors.checkpoints.invalid)('$name: $code', ({ text: note, code }) => {
    expect(() => verifyCheckpoint(note, log)).toThrow(coded(code))
  })
})

describe('proofs', () => {
  test.each(vectors.proofs.valid)('of record $record in $size', ({ record, size, text: proof }) => {
    const proven = verifyProof(proof, log)
    expect(proven).toMatchObject({ record, checkpoint: headOf(size) })
    expect(toHex(proven.commit)).toBe(vectors.leaves[record]?.commit)
    expect(proven.receipt.at).toBe(Date.UTC(2026, 0, 1) + record)
    expect(proven.receipt.refused?.code ?? null).toBe(record === 7 ? 'CONFLICT' : null)
  })
  test.each(vectors.proofs.invalid)('$name: $code', ({ text: proof, code }) => {
    expect(() => verifyProof(proof, log)).toThrow(coded(code))
  })
})
