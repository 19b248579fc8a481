/** The vectors of spec/document.md, valid and invalid, run as they are. */

import { describe, expect, test } from 'vitest'
import { operationsBetween } from '../src/document/diff.ts'
import { absentState, foldEntry, type DocumentState } from '../src/document/fold.ts'
import { absentHead, documentOf } from '../src/document/head.ts'
import { decodeOperation, encodeOperation, type Operation } from '../src/document/operation.ts'
import { openValue, sealedKey, sealedOf, sealValue } from '../src/document/sealed.ts'
import { fromHex, toHex } from '../src/encoding/bytes.ts'
import { decodeCbor, encodeOrdered } from '../src/encoding/cbor.ts'
import type { JsonObject, JsonValue } from '../src/encoding/json.ts'
import { attributeKey } from '../src/keys/derive.ts'
import { makeKey } from '../src/keys/key.ts'
import { foldEntries } from '../src/replica/count.ts'
import { documentVectors, readEntries } from '../../../spec/tools/document-vectors.ts'
import { coded } from './keys-world.ts'
import { vectorText, type Invalid } from './vectors-world.ts'

interface Vectors {
  readonly operations: readonly { encoded: string; meaning: Operation }[]
  readonly invalid: readonly (Invalid & { encoded: string })[]
  readonly folds: readonly {
    name: string
    entries: readonly { actor: string; operations: readonly string[]; meaning: readonly Operation[] }[]
    state: DocumentState
  }[]
  readonly histories: readonly {
    name: string
    entries: Parameters<typeof readEntries>[0]
    document: JsonObject
  }[]
  readonly sealed: readonly {
    key: string
    attributeKey: string
    database: string
    collection: string
    id: string
    path: readonly string[]
    nonce: string
    value: JsonValue
    sealed: string
  }[]
  readonly differences: readonly { before: JsonObject; after: JsonObject; operations: readonly Operation[] }[]
}

const text = vectorText('document')
const vectors: Vectors = JSON.parse(text)

const read = (encoded: string): Operation => decodeOperation(decodeCbor(fromHex(encoded), 'The operation'))

test('the generator makes the committed file', () => {
  expect(`${JSON.stringify(documentVectors(), null, 2)}\n`).toBe(text)
})

describe('operations', () => {
  test.each(vectors.operations)('$meaning.op $encoded', ({ encoded, meaning }) => {
    expect(read(encoded)).toEqual(meaning)
    expect(toHex(encodeOrdered(encodeOperation(meaning)))).toBe(encoded)
  })
  test.each(vectors.invalid)('$name: $code', ({ encoded, code }) => {
    expect(() => read(encoded)).toThrow(coded(code))
  })
})

describe('folds', () => {
  test.each(vectors.folds)('$name', ({ entries, state }) => {
    let folded: DocumentState = absentState
    for (const { actor, operations, meaning } of entries) {
      expect(operations.map(read)).toEqual(meaning)
      folded = foldEntry(folded, { id: 'd', actor, operations: operations.map(read) })
    }
    expect(JSON.stringify(folded)).toBe(JSON.stringify(state))
  })
})

describe('histories', () => {
  test.each(vectors.histories)('$name', ({ entries, document }) => {
    const head = foldEntries(absentHead, readEntries(entries), (a, b) =>
      a.stamp === b.stamp ? a.feed - b.feed : a.stamp < b.stamp ? -1 : 1,
    )
    expect(documentOf(head)).toEqual(document)
  })
})

test('sealed values', () => {
  for (const vector of vectors.sealed) {
    const key = makeKey('hr', 1, fromHex(vector.key), 0)
    const attributes = attributeKey(key)
    expect(toHex(attributes.key)).toBe(vector.attributeKey)
    const place = { ...vector, database: fromHex(vector.database) }
    const sealed = sealedOf(fromHex(vector.sealed))
    expect(sealedKey(sealed)).toBe(key.hex)
    expect(openValue({ id: key.id, attributes }, place, sealed)).toEqual(vector.value)
    expect(sealValue({ id: key.id, attributes }, place, fromHex(vector.nonce), vector.value)).toEqual(sealed)
  }
})

describe('differences', () => {
  test.each(vectors.differences)('$before to $after', ({ before, after, operations }) => {
    expect(operationsBetween(before, after)).toEqual(operations)
    const put: Operation = { op: 'put', data: before, lineage: null }
    const start = foldEntry(absentState, { id: 'd', actor: null, operations: [put] })
    expect(foldEntry(start, { id: 'd', actor: null, operations }).data).toEqual(after)
  })
})
