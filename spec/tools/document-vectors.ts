/** Makes spec/vectors/document.json: operations, folds, histories and differences. */

import { operationsBetween } from '../../packages/varve/src/document/diff.ts'
import { absentState, foldEntry, type DocumentState } from '../../packages/varve/src/document/fold.ts'
import { absentHead, documentOf } from '../../packages/varve/src/document/head.ts'
import { encodeOperation, type Operation } from '../../packages/varve/src/document/operation.ts'
import { sealedBytes, sealedOf, sealValue } from '../../packages/varve/src/document/sealed.ts'
import { toHex } from '../../packages/varve/src/encoding/bytes.ts'
import { encodeCbor, encodeOrdered } from '../../packages/varve/src/encoding/cbor.ts'
import type { JsonObject, JsonValue } from '../../packages/varve/src/encoding/json.ts'
import { makeStamp, parseStamp } from '../../packages/varve/src/encoding/stamp.ts'
import { attributeKey } from '../../packages/varve/src/keys/derive.ts'
import { makeKey } from '../../packages/varve/src/keys/key.ts'
import { foldEntries } from '../../packages/varve/src/replica/count.ts'
import type { ReadEntry } from '../../packages/varve/src/replica/reader.ts'
import { pendingPlace } from '../../packages/varve/src/store/rows.ts'

const put = (data: JsonObject): Operation => ({ op: 'put', data, lineage: null })
const set = (path: string, value: JsonObject[string]): Operation => ({ op: 'set', path: path.split('.'), value })
const unset = (path: string): Operation => ({ op: 'unset', path: path.split('.') })
const inc = (path: string, by: number): Operation => ({ op: 'inc', path: path.split('.'), by })
const list = (op: 'push' | 'addToSet' | 'pull', path: string, ...values: readonly JsonObject[string][]): Operation => ({
  op,
  path: path.split('.'),
  values,
})
const merge = (part: JsonObject, functionId: string | null = null): Operation => ({ op: 'merge', part, functionId })

const sealedBytesOf = (fill: number): Uint8Array => new Uint8Array(60).fill(fill)
const seal = (path: string, fill = 7): Operation => ({
  op: 'seal',
  path: path.split('.'),
  value: sealedOf(sealedBytesOf(fill)),
})

const lineage = { parentId: 'p', parentCollection: 'people', originId: null, originCollection: 'stripe:customers' }

const operations: readonly Operation[] = [
  put({}),
  put({ b: 1, a: { z: [1, null] } }),
  { op: 'put', data: { a: 1 }, lineage },
  set('a.0', { b: 'é' }),
  set('a', { _b: { _c: 1 } }),
  unset('a'),
  inc('n', -1.5),
  list('push', 'tags', 'x', 1),
  list('addToSet', 'tags', { _a: 1 }),
  list('pull', 'tags'),
  merge({ a: { b: [1] } }),
  merge({}, 'f1'),
  { op: 'delete' },
  { op: 'restore' },
  seal('a.b'),
]

interface FoldCase {
  readonly name: string
  readonly entries: readonly { readonly actor: string | null; readonly operations: readonly Operation[] }[]
}

const one = (name: string, ...steps: readonly (readonly Operation[])[]): FoldCase => ({
  name,
  entries: steps.map((each, i) => ({ actor: `u${i}`, operations: each })),
})

const folds: readonly FoldCase[] = [
  one('nothing', []),
  one('put', [put({ a: 1 })]),
  one('put with lineage', [{ op: 'put', data: {}, lineage }]),
  one('a change before any put', [set('a', 1)]),
  one('a delete before any put', [{ op: 'delete' }]),
  one('an enrichment before any put', [merge({ a: 1 }, 'f')]),
  one('put on a live document sets attributes', [put({ a: 1, b: 1 })], [put({ b: 2, c: 3 })]),
  one('put on a deleted document revives it', [put({ a: 1 })], [{ op: 'delete' }], [put({ b: 2 })]),
  one(
    'the lineage of the first put stays',
    [{ op: 'put', data: {}, lineage }],
    [{ op: 'put', data: {}, lineage: { ...lineage, parentId: 'q' } }],
  ),
  one('a second put gives the lineage the first did not', [put({})], [{ op: 'put', data: {}, lineage }]),
  one('put of what is there counts', [put({ a: 1 })], [put({ a: 1 })]),
  one('put of what is there with an enrichment of nothing', [put({ a: 1 })], [put({ a: 1 }), merge({})]),
  one('operations that undo each other', [put({ a: 1 })], [set('a', 2), set('a', 1)]),
  one('a delete undone in the same entry', [put({ a: 1 })], [{ op: 'delete' }, { op: 'restore' }]),
  one('set', [put({ a: 1 })], [set('a', 2)]),
  one('set of the same value changes nothing', [put({ a: { x: 1, y: 2 } })], [set('a', { y: 2, x: 1 })]),
  one('set makes objects on the way', [put({})], [set('a.b.c', 1)]),
  one('set through a scalar replaces it', [put({ a: 5 })], [set('a.b', 1)]),
  one('set of an array element', [put({ a: [1, 2] })], [set('a.1', 9)]),
  one('set behind the end of an array', [put({ a: [1] })], [set('a.3', 9)]),
  one('set 1024 behind the end of an array', [put({ a: [] })], [set('a.1024', 9), unset('a')]),
  one('set too far behind the end of an array', [put({ a: [] })], [set('a.1025', 9)]),
  one('set of a name in an array', [put({ a: [1] })], [set('a.x', 9)]),
  one('set of a position with a leading zero', [put({ a: [1] })], [set('a.00', 9)]),
  one('a digit is a name in an object', [put({ a: {} })], [set('a.0', 9)]),
  one('unset', [put({ a: 1, b: 2 })], [unset('a')]),
  one('unset of what is not there', [put({ a: 1 })], [unset('b.c')]),
  one('unset of an array element leaves null', [put({ a: [1, 2] })], [unset('a.0')]),
  one('inc', [put({ n: 1 })], [inc('n', 2)], [inc('m', 3)]),
  one('inc of text changes nothing', [put({ n: 'x' })], [inc('n', 1)]),
  one('inc of null changes nothing', [put({ n: null })], [inc('n', 1)]),
  one('inc beyond the numbers changes nothing', [put({ n: 1.7e308 })], [inc('n', 1.7e308)]),
  one('inc by nothing of nothing', [put({})], [inc('n', 0)]),
  one('push', [put({ a: [1] })], [list('push', 'a', 1, 2)], [list('push', 'b', 1)]),
  one('push of nothing', [put({})], [list('push', 'a')]),
  one('push on a scalar changes nothing', [put({ a: 1 })], [list('push', 'a', 2)]),
  one('addToSet', [put({ a: [1] })], [list('addToSet', 'a', 1, 2, 2, { x: 1 })], [list('addToSet', 'b', 1)]),
  one('addToSet of nothing makes an array', [put({})], [list('addToSet', 'a')]),
  one('pull', [put({ a: [1, { x: 1, y: 2 }, 1, 3] })], [list('pull', 'a', 1, { y: 2, x: 1 })]),
  one('pull of what is not there', [put({ a: [1] })], [list('pull', 'a', 2), list('pull', 'b', 1)]),
  one('merge', [put({ a: { x: 1 }, t: [1], s: 1 })], [merge({ a: { y: 2 }, t: [1, 2], s: 2 }, 'f1')]),
  one('merge of null overrides', [put({ a: { x: 1 }, t: [1] })], [merge({ a: null, t: null })]),
  one('merge of a scalar into an array', [put({ t: [1] })], [merge({ t: 2 })], [merge({ t: 2 })]),
  one('merge of an array over a scalar', [put({ t: 1 })], [merge({ t: [2, 2] })]),
  one('merge of a new array removes repetition', [put({})], [merge({ t: [1, 1, 2] })]),
  one(
    'merge of elements with ids',
    [put({ t: [{ id: 1, a: 1 }, { _id: 'x' }] })],
    [merge({ t: [{ id: 1, b: 2 }, { _id: 'x', c: 3 }, { id: 2 }] })],
  ),
  one('merge of an object over a scalar', [put({ a: 1 })], [merge({ a: { b: 1 } })]),
  one('merge gathers function ids once', [put({})], [merge({}, 'f1')], [merge({}, 'f1')], [merge({}, 'f2')]),
  one('merge of what is there changes nothing', [put({ a: { x: 1 } })], [merge({ a: { x: 1 } })]),
  one('delete keeps the attributes', [put({ a: 1 })], [{ op: 'delete' }]),
  one('a later change revives', [put({ a: 1 })], [{ op: 'delete' }], [set('b', 2)]),
  one('a later change without effect revives too', [put({ a: 1 })], [{ op: 'delete' }], [set('a', 1)]),
  one('restore', [put({ a: 1 })], [{ op: 'delete' }], [{ op: 'restore' }]),
  one('restore of a live document changes nothing', [put({ a: 1 })], [{ op: 'restore' }]),
  one(
    'several operations are one entry',
    [put({ a: 1 })],
    [set('a', 2), inc('a', 3), unset('b'), list('push', 'c', 1)],
  ),
  one('seal before any put', [seal('a')]),
  one('seal', [put({ a: 1 }), seal('a')], [seal('b.c')]),
  one('seal of the same changes nothing', [put({}), seal('a')], [seal('a')]),
  one('seal through a scalar replaces it', [put({ a: 5 })], [seal('a.b')]),
  one('set over a sealed value', [put({}), seal('a')], [set('a', 1)]),
  one('set below a sealed value replaces it', [put({}), seal('a')], [set('a.b', 1)]),
  one('unset below a sealed value changes nothing', [put({}), seal('a')], [unset('a.b')]),
  one(
    'inc, push, addToSet and pull of a sealed value change nothing',
    [put({}), seal('a')],
    [inc('a', 1), list('push', 'a', 1), list('addToSet', 'a', 1), list('pull', 'a', 1)],
  ),
  one('merge of an object over a sealed value', [put({}), seal('a')], [merge({ a: { b: 1 } })]),
  one('merge beside a sealed value', [put({ a: { c: 1 } }), seal('a.b')], [merge({ a: { d: 1 } })]),
  one('sealed values in an array', [put({ a: [1] }), seal('a.0'), seal('a.1')], [merge({ a: [2] })]),
]

function viewFold({ name, entries }: FoldCase) {
  let state: DocumentState = absentState
  for (const entry of entries) state = foldEntry(state, { id: 'd', ...entry })
  return {
    name,
    entries: entries.map((entry) => ({
      actor: entry.actor,
      operations: entry.operations.map((operation) => toHex(encodeOrdered(encodeOperation(operation)))),
      meaning: entry.operations,
    })),
    state,
  }
}

interface RecordedEntry {
  /** Record number, or null while pending. */
  readonly record: number | null
  readonly stamp: string
  readonly feed: number
  readonly at: number
  readonly operations: readonly Operation[]
  /** False for an entry whose key is not held. */
  readonly readable?: boolean
}

/** Entries as the replica reads them, from what a vector says; places of pending ones follow the record. */
export function readEntries(
  entries: readonly (Omit<RecordedEntry, 'operations'> & { readonly operations: readonly Operation[] })[],
): readonly ReadEntry[] {
  return entries.map(({ record, stamp, feed, at, operations: each, readable }, i) => ({
    row: { document: 1, place: record ?? pendingPlace + i, index: 0, commit: i + 1, ov: i, cv: i },
    order: { stamp: parseStamp(stamp), feed },
    at,
    authoredAt: at,
    header: { tag: new Uint8Array(16), collection: 0, kind: 'change', key: 0, size: 0 },
    key: null,
    entry:
      readable === false
        ? null
        : { id: 'd', actor: `u${feed}`, operations: each, collection: null, reason: null, void: false },
    lockedBy: readable === false ? '00' : null,
  }))
}

const entry = (record: number | null, ms: number, feed: number, ...each: readonly Operation[]): RecordedEntry => ({
  record,
  stamp: makeStamp(ms, 0),
  feed,
  at: 1000 * (record ?? 50),
  operations: each,
})

const histories: readonly { readonly name: string; readonly entries: readonly RecordedEntry[] }[] = [
  { name: 'in order', entries: [entry(0, 1, 1, put({ a: 1 })), entry(1, 2, 1, set('a', 2))] },
  {
    name: 'recorded late, written early: time order decides the state, record order the version',
    entries: [entry(0, 1, 1, put({ a: 1 })), entry(1, 5, 1, set('a', 5)), entry(2, 3, 2, set('a', 3), set('b', 3))],
  },
  {
    name: 'the put recorded after a change',
    entries: [entry(3, 5, 2, set('b', 1)), entry(4, 1, 1, put({ a: 1 }))],
  },
  {
    name: 'a delete and a later edit on another device',
    entries: [entry(0, 1, 1, put({ a: 1 })), entry(1, 9, 2, set('a', 2)), entry(2, 5, 1, { op: 'delete' })],
  },
  {
    name: 'a delete in force',
    entries: [entry(0, 1, 1, put({ a: 1 })), entry(1, 5, 2, set('a', 2)), entry(2, 9, 1, { op: 'delete' })],
  },
  {
    name: 'one stamp on two feeds',
    entries: [entry(0, 1, 1, put({})), entry(1, 5, 2, set('a', 2)), entry(2, 5, 1, set('a', 1))],
  },
  { name: 'a pending change on top', entries: [entry(0, 1, 1, put({ a: 1 })), entry(null, 2, 1, set('a', 2))] },
  {
    name: 'an entry that cannot be read counts and changes nothing',
    entries: [entry(0, 1, 1, put({ a: 1 })), { ...entry(1, 2, 2, set('a', 2)), readable: false }],
  },
]

function viewHistory({ name, entries }: (typeof histories)[number]) {
  const head = foldEntries(absentHead, readEntries(entries), (a, b) =>
    a.stamp === b.stamp ? a.feed - b.feed : a.stamp < b.stamp ? -1 : 1,
  )
  return { name, entries, document: documentOf(head) }
}

const differences = [
  { before: {}, after: {} },
  { before: { a: 1, b: 2 }, after: { b: 3, c: 4 } },
  { before: { a: { x: 1, y: [1] } }, after: { a: { x: 1, y: [1, 2] } } },
  { before: { a: { x: 1 } }, after: { a: [1] } },
  { before: { a: { x: 1, y: 2 } }, after: { a: { y: 2, x: 1 } } },
]

const deep = Array.from({ length: 65 }, () => 'a')

const invalid = [
  { name: 'no list', value: 7, code: 'INVALID' },
  { name: 'an empty list', value: [], code: 'INVALID' },
  { name: 'a code from the future', value: [200], code: 'UNSUPPORTED_VERSION' },
  { name: 'a negative code', value: [-1], code: 'INVALID' },
  { name: 'put without attributes', value: [0], code: 'INVALID' },
  { name: 'put of a map', value: [0, { a: 1 }], code: 'INVALID' },
  { name: 'put with more names than values', value: [0, ['a', 'b'], [1]], code: 'INVALID' },
  { name: 'put with more values than names', value: [0, ['a'], [1, 2]], code: 'INVALID' },
  { name: 'put with a name twice', value: [0, ['a', 'a'], [1, 2]], code: 'INVALID' },
  { name: 'put of _system', value: [0, ['_system'], [1]], code: 'RESERVED_NAME' },
  { name: 'put with a lineage of numbers', value: [0, [], [], [1, 2, 3, 4]], code: 'INVALID' },
  { name: 'set without a path', value: [1, [], 1], code: 'TOO_LARGE' },
  { name: 'set of a path that is text', value: [1, 'a', 1], code: 'INVALID' },
  { name: 'set of a path with a number in it', value: [1, ['a', 0], 1], code: 'INVALID' },
  { name: 'set of a path of 65 segments', value: [1, deep, 1], code: 'TOO_LARGE' },
  { name: 'set without a value', value: [1, ['a']], code: 'INVALID' },
  { name: 'set of _system', value: [1, ['_system', 'ov'], 1], code: 'RESERVED_NAME' },
  { name: 'set of $ below the top', value: [1, ['a', '$b'], 1], code: 'RESERVED_NAME' },
  { name: 'set of __proto__', value: [1, ['a', '__proto__'], 1], code: 'RESERVED_NAME' },
  { name: 'set of a value too deep below its path', value: [1, deep.slice(2), [[1]]], code: 'TOO_LARGE' },
  { name: 'set of a value with __proto__', value: [1, ['a'], JSON.parse('{"__proto__":1}')], code: 'RESERVED_NAME' },
  { name: 'inc by text', value: [3, ['a'], '1'], code: 'INVALID' },
  { name: 'push of no list', value: [4, ['a'], 1], code: 'INVALID' },
  { name: 'push of a byte string', value: [4, ['a'], [new Uint8Array(1)]], code: 'INVALID' },
  { name: 'merge of a scalar', value: [7, 1, null], code: 'INVALID' },
  { name: 'merge by a number', value: [7, {}, 1], code: 'INVALID' },
  { name: 'merge of _system', value: [7, { _system: 1 }, null], code: 'RESERVED_NAME' },
  { name: 'set of the form of a sealed value', value: [1, ['a'], { $sealed: 'AAAA' }], code: 'RESERVED_NAME' },
  { name: 'seal of text', value: [10, ['a'], 'AAAA'], code: 'INVALID' },
  { name: 'seal of 56 bytes', value: [10, ['a'], new Uint8Array(56)], code: 'INVALID' },
  { name: 'seal without a path', value: [10, [], sealedBytesOf(1)], code: 'TOO_LARGE' },
  { name: 'seal of _system', value: [10, ['_system'], sealedBytesOf(1)], code: 'RESERVED_NAME' },
  { name: 'seal inside a sealed value', value: [10, ['a', '$sealed'], sealedBytesOf(1)], code: 'RESERVED_NAME' },
]

const values: readonly { readonly id: string; readonly path: readonly string[]; readonly value: JsonValue }[] = [
  { id: 'p1', path: ['ssn'], value: '078-05-1120' },
  { id: 'p1', path: ['address', 'street'], value: { name: 'Main', no: 7, b: null, a: [1.5, true] } },
  { id: 'é', path: ['a.b', '0'], value: 0 },
]

/** Keys and nonces count up, so that everybody can make the same. */
function viewSealed({ id, path, value }: (typeof values)[number], i: number) {
  const key = makeKey('hr', 1, new Uint8Array(32).fill(i + 1), 0)
  const nonce = new Uint8Array(24).fill(0x40 + i)
  const place = { database: new Uint8Array(16).fill(0x80 + i), collection: 'people', id, path }
  const sealed = sealValue({ id: key.id, attributes: attributeKey(key) }, place, nonce, value)
  return {
    key: toHex(key.bytes),
    attributeKey: toHex(attributeKey(key).key),
    database: toHex(place.database),
    collection: 'people',
    id,
    path,
    nonce: toHex(nonce),
    value,
    sealed: toHex(sealedBytes(sealed)),
  }
}

export function documentVectors(): unknown {
  return {
    description:
      'Vectors of spec/document.md. Byte strings are lower-case hex. Invalid ones name the error code they must end in.',
    operations: operations.map((meaning) => ({ encoded: toHex(encodeOrdered(encodeOperation(meaning))), meaning })),
    invalid: invalid.map(({ name, value, code }) => ({ name, encoded: toHex(encodeCbor(value)), code })),
    folds: folds.map(viewFold),
    histories: histories.map(viewHistory),
    sealed: values.map(viewSealed),
    differences: differences.map(({ before, after }) => ({
      before,
      after,
      operations: operationsBetween(before, after),
    })),
  }
}
