/** Values of statements: arrays as PostgreSQL's binary form, which costs neither side any escaping. */

import { VarveError } from 'varve/engine'

/** Text goes as text, bytes in binary form; null is NULL. */
export type Value = string | Buffer | null

const int8 = 20
const bytea = 17
const text = 25
const jsonb = 3802

/** A caller's limit: never negative, and an endless one is the largest number there is. */
export function limitValue(limit: number): Value {
  return String(Math.min(Math.max(0, limit), Number.MAX_SAFE_INTEGER))
}

/** The same memory: a value is sent in the turn in which it was handed over, or was copied before. */
export function bytesValue(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Text that is part of a key, as bytes: it may hold U+0000, and orders by its bytes. Throws `INVALID` for lone surrogates. */
export function nameValue(name: string): Buffer {
  if (!name.isWellFormed()) {
    throw new VarveError('INVALID', 'The text holds a lone surrogate: it cannot be stored as UTF-8')
  }
  return Buffer.from(name, 'utf8')
}

/** Whole numbers as `bigint[]`. */
export function numbers(values: readonly (number | null)[]): Buffer {
  const present = values.reduce<number>((count, value) => (value === null ? count : count + 1), 0)
  const array = new ArrayWriter(int8, values.length, present * 8)
  for (const value of values) array.number(value)
  return array.done()
}

/** Bytes as `bytea[]`. */
export function byteStrings(values: readonly (Uint8Array | null)[]): Buffer {
  const array = new ArrayWriter(bytea, values.length, sizeOf(values))
  for (const value of values) array.bytes(value)
  return array.done()
}

/** Names and ids as `bytea[]` of UTF-8. */
export function names(values: readonly string[]): Buffer {
  return byteStrings(values.map(nameValue))
}

/** Text as `text[]`; it must not hold U+0000. */
export function texts(values: readonly (string | null)[]): Buffer {
  const encoded = values.map((value) => (value === null ? null : Buffer.from(value, 'utf8')))
  const array = new ArrayWriter(text, encoded.length, sizeOf(encoded))
  for (const value of encoded) array.bytes(value)
  return array.done()
}

/** JSON texts as `jsonb[]`. */
export function jsons(values: readonly string[]): Buffer {
  const version = Buffer.of(1)
  const encoded = values.map((value) => Buffer.concat([version, Buffer.from(value, 'utf8')]))
  const array = new ArrayWriter(jsonb, encoded.length, sizeOf(encoded))
  for (const value of encoded) array.bytes(value)
  return array.done()
}

function sizeOf(values: readonly (Uint8Array | null)[]): number {
  return values.reduce((sum, value) => sum + (value?.length ?? 0), 0)
}

/** One dimension: a header of 20 bytes, then every element behind its length, which is -1 for NULL. */
class ArrayWriter {
  readonly #bytes: Buffer
  #at = 20

  constructor(type: number, length: number, size: number) {
    this.#bytes = Buffer.allocUnsafe(20 + length * 4 + size)
    this.#bytes.writeInt32BE(1, 0)
    this.#bytes.writeInt32BE(1, 4)
    this.#bytes.writeInt32BE(type, 8)
    this.#bytes.writeInt32BE(length, 12)
    this.#bytes.writeInt32BE(1, 16)
  }

  number(value: number | null): void {
    if (value === null) {
      this.#length(-1)
      return
    }
    this.#length(8)
    this.#bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), this.#at)
    this.#bytes.writeInt32BE(value | 0, this.#at + 4)
    this.#at += 8
  }

  bytes(value: Uint8Array | null): void {
    if (value === null) {
      this.#length(-1)
      return
    }
    this.#length(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  done(): Buffer {
    return this.#bytes
  }

  #length(length: number): void {
    this.#bytes.writeInt32BE(length, this.#at)
    this.#at += 4
  }
}
