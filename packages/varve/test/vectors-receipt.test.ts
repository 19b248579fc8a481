/** The vectors of spec/receipt.md, valid and invalid, run as they are. */

import { describe, expect, test } from 'vitest'
import { primitives } from '../src/crypto/primitives.ts'
import { concat, fromHex, toHex } from '../src/encoding/bytes.ts'
import { decodeReceipt, encodeReceipt, noReceipt, receiptId, type Receipt } from '../src/log/receipt.ts'
import { receiptVectors } from '../../../spec/tools/receipt-vectors.ts'
import type { WorldFacts } from '../../../spec/tools/world.ts'
import { coded } from './keys-world.ts'
import { refuseUnit, takeUnit, vectorText, type Invalid } from './vectors-world.ts'

interface Vectors {
  readonly receipts: {
    readonly valid: readonly { entries: number; receipt: Receipt; encoded: string }[]
    readonly invalid: readonly (Invalid & { entries: number; encoded: string })[]
  }
  readonly record: {
    readonly world: WorldFacts
    readonly signingKey: string
    readonly receipts: readonly { record: number; previous: string; commit: string; encoded: string; id: string }[]
    readonly signed: string
    readonly signature: string
  }
  readonly units: {
    readonly world: WorldFacts
    readonly valid: readonly { name: string; unit: string; documents: readonly { id: string }[] }[]
    readonly invalid: readonly (Invalid & { unit: string })[]
  }
}

const text = vectorText('receipt')
const vectors: Vectors = JSON.parse(text)
const { record, units } = vectors

test('the generator makes the committed file', () => {
  expect(`${JSON.stringify(receiptVectors(), null, 2)}\n`).toBe(text)
})

describe('receipts', () => {
  test.each(vectors.receipts.valid)('$encoded', ({ entries, receipt, encoded }) => {
    expect(decodeReceipt(fromHex(encoded), entries)).toEqual(receipt)
    expect(toHex(encodeReceipt(receipt))).toBe(encoded)
  })
  test.each(vectors.receipts.invalid)('$name: $code', ({ entries, encoded, code }) => {
    expect(() => decodeReceipt(fromHex(encoded), entries)).toThrow(coded(code))
  })
})

describe('a record', () => {
  test.each(record.receipts)('receipt $record', ({ record: number, previous, commit, encoded, id }) => {
    const before = number === 0 ? toHex(noReceipt) : record.receipts[number - 1]?.id
    expect(previous).toBe(before)
    const place = {
      database: fromHex(record.world.database),
      record: number,
      previous: fromHex(previous),
      commit: fromHex(commit),
    }
    expect(toHex(receiptId(place, fromHex(encoded)))).toBe(id)
  })
  test('its signature', () => {
    const domain = new TextEncoder().encode('varve/record-head/v1\0')
    const last = record.receipts.at(-1)
    const parts = [domain, fromHex(record.world.database), fromHex('0000000000000002'), fromHex(last?.id ?? '')]
    expect(toHex(concat(...parts))).toBe(record.signed)
    expect(toHex(primitives.ed25519.sign(fromHex(record.signingKey), fromHex(record.signed)))).toBe(record.signature)
    const [publicKey, signature] = [fromHex(record.world.recorder), fromHex(record.signature)]
    expect(primitives.ed25519.verify(publicKey, fromHex(record.signed), signature)).toBe(true)
  })
})

describe('units', () => {
  test.each(units.valid)('$name', async ({ unit, documents }) => {
    const { heads, verified } = await takeUnit(
      units.world,
      fromHex(unit),
      documents.map(({ id }) => id),
    )
    expect(heads).toMatchObject(documents)
    expect(verified.problems).toEqual([])
  })
  test.each(units.invalid)('$name: $code', async ({ unit, code }) => {
    await expect(refuseUnit(units.world, unit)).rejects.toThrow(coded(code))
  })
})
