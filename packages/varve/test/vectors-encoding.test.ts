/** The vectors of spec/encoding.md, valid and invalid, run as they are. */

import { describe, expect, test } from 'vitest'
import { fromHex, fromUtf8, toHex, uint64, utf8 } from '../src/encoding/bytes.ts'
import { decodeCbor, encodeCbor, encodeOrdered } from '../src/encoding/cbor.ts'
import { checkId, checkName, generatedIdMs, isGeneratedId, newId } from '../src/encoding/id.ts'
import { toJson } from '../src/encoding/json.ts'
import { joinPath, splitPath } from '../src/encoding/path.ts'
import { makeStamp, nextStamp, parseStamp, stampMs } from '../src/encoding/stamp.ts'
import { assertMode, databaseId, modeOf, withMode, type Mode } from '../src/log/database-id.ts'
import { openTagKey } from '../src/log/tag.ts'
import { encodingVectors } from '../../../spec/tools/encoding-vectors.ts'
import { coded } from './keys-world.ts'
import { vectorText, type Invalid } from './vectors-world.ts'

interface Bytes<V = unknown> {
  readonly value: V
  readonly bytes: string
}
interface Vectors {
  readonly uint64: readonly Bytes<number>[]
  readonly utf8: readonly Bytes<string>[]
  readonly stamps: {
    readonly valid: readonly { stamp: string; ms: number; counter: number }[]
    readonly invalid: readonly string[]
    readonly next: readonly { name: string; last: string; now: number; next: string }[]
  }
  readonly ids: {
    readonly generated: readonly { ms: number; random: string; id: string }[]
    readonly given: readonly string[]
    readonly longest: string
    readonly invalid: readonly (Invalid & { id: unknown })[]
  }
  readonly databases: {
    readonly tenant: string
    readonly base: string
    readonly made: readonly {
      readonly mode: Mode
      readonly key: string
      readonly name: string
      readonly id: string
      readonly openTagKey: string | null
    }[]
  }
  readonly names: { readonly valid: readonly string[]; readonly invalid: readonly (Invalid & { text: string })[] }
  readonly paths: {
    readonly valid: readonly { segments: string[]; text: string }[]
    readonly alsoRead: readonly { segments: string[]; text: string }[]
    readonly invalid: readonly string[]
  }
  readonly cbor: {
    readonly encoded: readonly Bytes[]
    readonly ordered: readonly { json: string; bytes: string }[]
    readonly alsoRead: readonly (Bytes & { name: string })[]
    readonly invalid: readonly (Invalid & { bytes: string })[]
  }
  readonly model: {
    readonly valid: readonly (Bytes & { name: string })[]
    readonly invalid: readonly (Invalid & { bytes: string })[]
  }
}

const text = vectorText('encoding')
const vectors: Vectors = JSON.parse(text)

test('the generator makes the committed file', () => {
  expect(`${JSON.stringify(encodingVectors(), null, 2)}\n`).toBe(text)
})

describe('databases', () => {
  const { tenant, base, made } = vectors.databases
  test.each(made)('$mode $name', ({ mode, key, name, id, openTagKey: tags }) => {
    const bytes = databaseId(fromHex(base), { tenant, mode, key, name })
    expect(toHex(bytes)).toBe(id)
    expect(modeOf(bytes)).toBe(mode)
    if (tags !== null) expect(toHex(openTagKey(bytes))).toBe(tags)
  })
  test('of two modes, keys or names are never the same', () => {
    expect(new Set(made.map(({ id }) => id)).size).toBe(made.length)
  })
  test('with the other bit are of the other mode', () => {
    for (const { id, mode } of made) {
      const other = mode === 'open' ? 'sealed' : 'open'
      expect(modeOf(withMode(fromHex(id), other))).toBe(other)
      expect(() => assertMode(fromHex(id), other)).toThrow(coded('INVALID'))
    }
  })
})

test.each(vectors.uint64)('uint64 $value', ({ value, bytes }) => {
  expect(toHex(uint64(value))).toBe(bytes)
})

test.each(vectors.utf8)('UTF-8 $bytes', ({ value, bytes }) => {
  expect([toHex(utf8(value)), fromUtf8(fromHex(bytes))]).toEqual([bytes, value])
})

describe('stamps', () => {
  test.each(vectors.stamps.valid)('$stamp', ({ stamp, ms, counter }) => {
    expect(makeStamp(ms, counter)).toBe(stamp)
    expect(stampMs(parseStamp(stamp))).toBe(ms)
  })
  test.each(vectors.stamps.invalid)('"%s" is none', (stamp) => {
    expect(() => parseStamp(stamp)).toThrow(coded('INVALID'))
  })
  test.each(vectors.stamps.next)('after $last at $now: $name', ({ last, now, next }) => {
    expect(nextStamp(parseStamp(last), now)).toBe(next)
  })
})

describe('ids', () => {
  test.each(vectors.ids.generated)('generated at $ms', ({ ms, random, id }) => {
    expect(newId(ms, fromHex(random))).toBe(id)
    expect([isGeneratedId(id), generatedIdMs(id)]).toEqual([true, ms])
  })
  test.each(vectors.ids.given)('given: %s', (id) => {
    expect([isGeneratedId(id), checkId(id)]).toEqual([false, id])
  })
  test('the longest', () => {
    expect(checkId(vectors.ids.longest)).toBe(vectors.ids.longest)
  })
  test.each(vectors.ids.invalid)('$name: $code', ({ id, code }) => {
    expect(() => checkId(id)).toThrow(coded(code))
  })
})

describe('names', () => {
  test.each(vectors.names.valid)('"%s"', (name) => {
    expect(checkName(name, 'key')).toBe(name)
  })
  test.each(vectors.names.invalid)('$name: $code', ({ text: name, code }) => {
    expect(() => checkName(name, 'key')).toThrow(coded(code))
  })
})

describe('paths', () => {
  test.each(vectors.paths.valid)('$text', ({ segments, text: path }) => {
    expect([joinPath(segments), splitPath(path)]).toEqual([path, segments])
  })
  test.each(vectors.paths.alsoRead)('$text, read only', ({ segments, text: path }) => {
    expect(splitPath(path)).toEqual(segments)
  })
  test.each(vectors.paths.invalid)('"%s" is none', (path) => {
    expect(() => splitPath(path)).toThrow(coded('INVALID'))
  })
})

describe('CBOR', () => {
  test.each(vectors.cbor.encoded)('$bytes', ({ value, bytes }) => {
    expect(toHex(encodeCbor(value))).toBe(bytes)
    expect(decodeCbor(fromHex(bytes), 'It')).toEqual(value)
  })
  test.each(vectors.cbor.ordered)('in order: $json', ({ json, bytes }) => {
    expect(toHex(encodeOrdered(JSON.parse(json)))).toBe(bytes)
    expect(JSON.stringify(decodeCbor(fromHex(bytes), 'It'))).toBe(json)
  })
  test.each(vectors.cbor.alsoRead)('$name, read only', ({ value, bytes }) => {
    expect(decodeCbor(fromHex(bytes), 'It')).toEqual(value)
  })
  test.each(vectors.cbor.invalid)('$name: $code', ({ bytes, code }) => {
    expect(() => decodeCbor(fromHex(bytes), 'It')).toThrow(coded(code))
  })
})

test('parts of a Buffer are plain byte arrays', () => {
  const value = decodeCbor(Buffer.from('42aabb', 'hex'), 'It')
  expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype)
})

describe('the data model, as read', () => {
  test.each(vectors.model.valid)('$name', ({ bytes, value }) => {
    expect(toJson(decodeCbor(fromHex(bytes), 'It'), '')).toEqual(value)
  })
  test.each(vectors.model.invalid)('$name: $code', ({ bytes, code }) => {
    expect(() => toJson(decodeCbor(fromHex(bytes), 'It'), '')).toThrow(coded(code))
  })
})

describe('the data model, as applications may write it', () => {
  const loop: Record<string, unknown> = {}
  loop['loop'] = loop
  class Point {
    readonly x = 1
  }

  test.each([
    ['NaN', Number.NaN, 'INVALID'],
    ['Infinity', Number.POSITIVE_INFINITY, 'INVALID'],
    ['a Date', new Date(0), 'INVALID'],
    ['undefined', undefined, 'INVALID'],
    ['a BigInt', 1n, 'INVALID'],
    ['a function', () => 1, 'INVALID'],
    ['a symbol', Symbol('s'), 'INVALID'],
    ['a Map', new Map([['a', 1]]), 'INVALID'],
    ['an instance of a class', new Point(), 'INVALID'],
    ['a boxed number', new Object(1), 'INVALID'],
    ['an array with a hole', Array.from({ length: 2 }), 'INVALID'],
    ['a string with a lone surrogate', '\ud800', 'INVALID'],
    ['a name with a lone surrogate', { '\udc00': 1 }, 'INVALID'],
    ['__proto__ from JSON text', JSON.parse('{"__proto__":{"a":1}}'), 'RESERVED_NAME'],
    ['a changed prototype', Object.create({ a: 1 }), 'INVALID'],
    ['a loop', loop, 'TOO_LARGE'],
  ] as const)('%s: refused, naming its path', (_name, value, code) => {
    const attempt = () => toJson({ a: [value] }, '')
    expect(attempt).toThrow(coded(code))
    expect(attempt).toThrow(expect.objectContaining({ details: expect.objectContaining({ path: expect.any(String) }) }))
  })
  test.each([
    ['-0', -0, 0],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['constructor', { constructor: 1, toString: 2 }, { constructor: 1, toString: 2 }],
  ])('%s', (_name, value, stored) => {
    expect(toJson(value, '')).toEqual(stored)
    expect(Object.is(toJson(value, ''), -0)).toBe(false)
  })
  test('undefined is left out where a part is merged', () => {
    expect(toJson({ a: undefined, b: 1 }, '', 'ignore')).toEqual({ b: 1 })
    expect(() => toJson({ a: [undefined] }, '', 'ignore')).toThrow(coded('INVALID'))
  })
})
