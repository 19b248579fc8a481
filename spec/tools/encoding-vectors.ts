/** Makes spec/vectors/encoding.json: stamps, ids, paths, CBOR and the data model. */

import { toHex, uint64, utf8, concat } from '../../packages/varve/src/encoding/bytes.ts'
import { encodeCbor, encodeOrdered } from '../../packages/varve/src/encoding/cbor.ts'
import { newId } from '../../packages/varve/src/encoding/id.ts'
import { joinPath } from '../../packages/varve/src/encoding/path.ts'
import { makeStamp, nextStamp, parseStamp } from '../../packages/varve/src/encoding/stamp.ts'
import { databaseId } from '../../packages/varve/src/log/database-id.ts'
import { openTagKey } from '../../packages/varve/src/log/tag.ts'
import { seededRandom } from './seeded.ts'

const random = (label: string): Uint8Array => seededRandom(`encoding ${label}`)(10)

function stamps() {
  const valid = [
    [0, 0],
    [1, 0],
    [1_767_225_600_000, 1],
    [0xffff_ffff_ffff, 0xffff],
  ].map(([ms = 0, counter = 0]) => ({ stamp: makeStamp(ms, counter), ms, counter }))
  const next = [
    { name: 'the clock went on', last: makeStamp(1000, 5), now: 1001 },
    { name: 'the same millisecond', last: makeStamp(1000, 5), now: 1000 },
    { name: 'the clock went back', last: makeStamp(1000, 5), now: 10 },
    { name: 'the counter is full', last: makeStamp(1000, 0xffff), now: 10 },
    { name: 'a full counter in the past', last: makeStamp(1000, 0xffff), now: 2000 },
  ].map((each) => ({ ...each, next: nextStamp(parseStamp(each.last), each.now) }))
  const invalid = [
    '',
    '000000000000000',
    '00000000000000000',
    '000000000000000G',
    '000000000000000A',
    ' 00000000000000',
  ]
  return { valid, invalid, next }
}

function ids() {
  const generated = [0, 1_767_225_600_000, 0xffff_ffff_ffff].map((ms) => {
    const bytes = ms === 0 ? new Uint8Array(10) : ms === 0xffff_ffff_ffff ? new Uint8Array(10).fill(255) : random('id')
    return { ms, random: toHex(bytes), id: newId(ms, bytes) }
  })
  const given = [
    'a',
    '01kdwfz600k2h3m4n5p6q7r8si',
    '8zzzzzzzzzzzzzzzzzzzzzzzzz',
    '01KDWFZ600K2H3M4N5P6Q7R8S9',
    'a b/é\u0000',
  ]
  const invalid = [
    { name: 'empty', id: '', code: 'INVALID' },
    { name: 'a lone surrogate', id: 'a\ud800', code: 'INVALID' },
    { name: 'above 256 bytes of UTF-8', id: 'é'.repeat(129), code: 'TOO_LARGE' },
    { name: 'not a string', id: 7, code: 'INVALID' },
  ]
  return { generated, given, longest: 'é'.repeat(128), invalid }
}

/** Of one tenant: the same name in both modes and under two keys, and what makes the tags of the open one. */
function databases() {
  const tenant = toHex(seededRandom('encoding tenant')(16))
  const base = seededRandom('encoding base')(32)
  const keys = ['one', 'two'].map((label) => toHex(seededRandom(`encoding key ${label}`)(16)))
  const [one = '', two = ''] = keys
  const parts = [
    { mode: 'sealed', key: one, name: 'crm' },
    { mode: 'open', key: one, name: 'crm' },
    { mode: 'sealed', key: two, name: 'crm' },
    { mode: 'open', key: two, name: 'Ünïcode' },
    { mode: 'sealed', key: one, name: 'directory' },
  ] as const
  const made = parts.map((each) => {
    const id = databaseId(base, { tenant, ...each })
    return { ...each, id: toHex(id), openTagKey: each.mode === 'open' ? toHex(openTagKey(id)) : null }
  })
  return { tenant, base: toHex(base), made }
}

function names() {
  return {
    valid: ['people', 'Ünïcode names', 'a.b', '-', '0'],
    invalid: [
      { name: 'empty', text: '', code: 'INVALID' },
      { name: 'a control character', text: 'a\nb', code: 'INVALID' },
      { name: 'delete', text: 'a\u007f', code: 'INVALID' },
      { name: 'a lone surrogate', text: '\udc00', code: 'INVALID' },
      { name: 'reserved _', text: '_system', code: 'RESERVED_NAME' },
      { name: 'reserved $', text: '$in', code: 'RESERVED_NAME' },
      { name: 'above 128 bytes of UTF-8', text: 'é'.repeat(65), code: 'TOO_LARGE' },
    ],
  }
}

function paths() {
  const valid = [['a'], ['a', 'b', '0'], ['a.b', 'c'], ['a\\', 'b'], ['\\.'], ['é', ' ']]
  return {
    valid: valid.map((segments) => ({ segments, text: joinPath(segments) })),
    alsoRead: [{ text: 'a\\b', segments: ['a\\b'] }],
    invalid: ['', '.', 'a.', '.a', 'a..b', Array.from({ length: 65 }, () => 'a').join('.')],
  }
}

const values: readonly unknown[] = [
  null,
  true,
  false,
  0,
  23,
  24,
  255,
  256,
  65_536,
  4_294_967_296,
  9_007_199_254_740_991,
  -1,
  -24,
  -25,
  -9_007_199_254_740_991,
  9_007_199_254_740_992,
  0.5,
  1.1,
  65_504.5,
  1e300,
  5e-324,
  '',
  'é',
  '\ufeffafter a byte order mark',
  '\ufffd',
  '\u0000',
  '😀',
  [],
  [1, [2, [3]]],
  {},
  { b: 1, a: 2, aa: 3 },
]

function cbor() {
  const malformed = [
    ['nothing', ''],
    ['an integer longer than needed', '1801'],
    ['a length longer than needed', '780161'],
    ['an array of indefinite length', '9fff'],
    ['a map of indefinite length', 'bfff'],
    ['a text of indefinite length', '7f6161ff'],
    ['undefined', 'f7'],
    ['NaN', 'f97e00'],
    ['Infinity', 'f97c00'],
    ['minus Infinity', 'f9fc00'],
    ['2^53 as an integer', '1b0020000000000000'],
    ['-2^53 as an integer', '3b001fffffffffffff'],
    ['an attribute twice', 'a2616101616102'],
    ['a number as attribute name', 'a10102'],
    ['a byte string as attribute name', 'a1416102'],
    ['a tag', 'c000'],
    ['a simple value', 'e0'],
    ['a simple value of two bytes', 'f8ff'],
    ['a break', 'ff'],
    ['something behind the value', '0000'],
    ['a text cut off', '6261'],
    ['an array cut off', '8201'],
    ['a map cut off', 'a16161'],
    ['a text that is not UTF-8', '61ff'],
    ['a text with a surrogate', '63eda080'],
    ['a text with half a character', '63f09f98'],
    ['an attribute name that is not UTF-8', 'a161ff00'],
  ] as const
  return {
    encoded: values.map((value) => ({ value, bytes: toHex(encodeCbor(value)) })),
    ordered: [{ json: '{"b":1,"a":{"z":1,"y":2}}', bytes: toHex(encodeOrdered({ b: 1, a: { z: 1, y: 2 } })) }],
    alsoRead: [
      { name: '1 as a float of 8 bytes', bytes: 'fb3ff0000000000000', value: 1 },
      { name: 'attributes in any order', bytes: 'a2616201616102', value: { b: 1, a: 2 } },
    ],
    invalid: malformed.map(([name, bytes]) => ({ name, bytes, code: 'INVALID' })),
  }
}

/** Values as they arrive in entries: encoded, because JSON text cannot carry all of them. */
function model() {
  const nested = (depth: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < depth; i++) value = [value]
    return value
  }
  const map = (name: Uint8Array, value: Uint8Array): Uint8Array => concat(new Uint8Array([0xa1]), name, value)
  const text = (value: string): Uint8Array => encodeCbor(value)
  const one = new Uint8Array([1])
  const long = 'é'.repeat(512)
  return {
    valid: [
      { name: '-0 becomes 0', bytes: toHex(map(text('a'), new Uint8Array([0xf9, 0x80, 0]))), value: { a: 0 } },
      { name: '_ below the top', bytes: toHex(encodeCbor({ a: { _b: 1 } })), value: { a: { _b: 1 } } },
      { name: 'constructor is data', bytes: toHex(encodeCbor({ constructor: 1 })), value: { constructor: 1 } },
      { name: 'an empty attribute name', bytes: toHex(encodeCbor({ '': 1 })), value: { '': 1 } },
      { name: 'a dot in an attribute name', bytes: toHex(encodeCbor({ 'a.b': 1 })), value: { 'a.b': 1 } },
      { name: '64 levels', bytes: toHex(encodeCbor(nested(64))), value: nested(64) },
      { name: 'an attribute name of 1024 bytes', bytes: toHex(encodeCbor({ [long]: 1 })), value: { [long]: 1 } },
    ],
    invalid: [
      { name: '__proto__', bytes: toHex(map(text('__proto__'), one)), code: 'RESERVED_NAME' },
      {
        name: '__proto__ that is null',
        bytes: toHex(map(text('__proto__'), new Uint8Array([0xf6]))),
        code: 'RESERVED_NAME',
      },
      {
        name: '__proto__ below the top',
        bytes: toHex(map(text('a'), map(text('__proto__'), one))),
        code: 'RESERVED_NAME',
      },
      { name: '_system', bytes: toHex(encodeCbor({ _system: {} })), code: 'RESERVED_NAME' },
      { name: '$ at the top', bytes: toHex(encodeCbor({ $set: 1 })), code: 'RESERVED_NAME' },
      { name: '$ below the top', bytes: toHex(encodeCbor({ a: { $b: 1 } })), code: 'RESERVED_NAME' },
      { name: 'a byte string', bytes: toHex(map(text('a'), new Uint8Array([0x41, 1]))), code: 'INVALID' },
      { name: '65 levels', bytes: toHex(encodeCbor(nested(65))), code: 'TOO_LARGE' },
      { name: 'an attribute name of 1025 bytes', bytes: toHex(encodeCbor({ [`${long}a`]: 1 })), code: 'TOO_LARGE' },
    ],
  }
}

export function encodingVectors(): unknown {
  return {
    description:
      'Vectors of spec/encoding.md. Byte strings are lower-case hex. Invalid ones name the error code they must end in.',
    uint64: [0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER].map((value) => ({
      value,
      bytes: toHex(uint64(value)),
    })),
    utf8: ['', 'é', '😀', '\ufeff'].map((value) => ({ value, bytes: toHex(utf8(value)) })),
    stamps: stamps(),
    ids: ids(),
    databases: databases(),
    names: names(),
    paths: paths(),
    cbor: cbor(),
    model: model(),
  }
}
