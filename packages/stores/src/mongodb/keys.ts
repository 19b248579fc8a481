/** Keys of rows as text whose order is that of the contract, in MongoDB as in JavaScript. */

import { fromUtf8, utf8, VarveError } from 'varve/engine'

/**
 * MongoDB orders binary values by their length first, so that keys are text: every byte is the character of the same
 * number (Latin-1). Both MongoDB (by UTF-8) and JavaScript (by UTF-16) order such text as its bytes.
 */
export function bytesKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/** Throws `INVALID` for lone surrogates. */
export function textKey(text: string): string {
  return bytesKey(utf8(text))
}

/** A whole number below 2^53: how many hex digits it has, as one digit, and the digits. */
export function num(value: number): string {
  const digits = value.toString(16)
  return digits.length.toString(16) + digits
}

/** The least key part of numbers from `value` on; above every number when it is infinite. */
export function from(value: number): string {
  return value === Infinity ? '~' : num(Math.max(0, value))
}

/** A part that others follow: ends with a zero character, below which no other character of such a part comes. */
export function ended(part: string): string {
  const escaped = part.replaceAll('\u0001', '\u0001\u0003').replaceAll('\0', '\u0001\u0002')
  return `${escaped}\0`
}

/** The least text above everything that begins with `prefix`, which is not empty. */
export function beyond(prefix: string): string {
  const last = prefix.length - 1
  return prefix.slice(0, last) + String.fromCodePoint(prefix.charCodeAt(last) + 1)
}

/** The first letter of a key is its table. */
export const key = {
  value: (name: string) => `v${textKey(name)}`,
  feed: (no: number) => `f${num(no)}`,
  commit: (no: number) => `c${num(no)}`,
  sequence: (feed: number, seq: number) => `q${num(feed)}${num(seq)}`,
  bodies: (commit: number, part: number) => `b${num(commit)}${num(part)}`,
  receipt: (record: number) => `r${num(record)}`,
  document: (no: number) => `d${num(no)}`,
  tag: (tag: Uint8Array) => `t${bytesKey(tag)}`,
  entry: (document: number, place: number, index: number) => `e${num(document)}${num(place)}${num(index)}`,
  snapshot: (document: number, place: number) => `s${num(document)}${num(place)}`,
  indexRow: (index: number, bytes: Uint8Array, id: string) => `i${num(index)}${ended(bytesKey(bytes))}${textKey(id)}`,
  words: (search: number, document: number) => `w${num(search)}${num(document)}`,
  posting: (search: number, term: string, document: number) => `p${num(search)}${ended(textKey(term))}${num(document)}`,
  totals: (search: number) => `x${num(search)}`,
  dependency: (feed: number, on: number, seq: number) => `n${num(feed)}${num(on)}${num(seq)}`,
  touch: (position: number) => `o${num(position)}`,
  locked: (name: string, document: number) => `k${ended(textKey(name))}${num(document)}`,
  /** What does not fit into the row `of`. */
  piece: (of: string, index: number) => `z${ended(of)}${num(index)}`,
} as const

/** Reads a key part by part; `TAMPERED` for one that no store wrote. */
export class KeyReader {
  readonly #key: string
  #at = 1

  constructor(text: string) {
    this.#key = text
  }

  get done(): boolean {
    return this.#at >= this.#key.length
  }

  number(): number {
    const length = Number.parseInt(this.#key.charAt(this.#at), 16)
    const digits = this.#key.slice(this.#at + 1, this.#at + 1 + length)
    const value = Number.parseInt(digits, 16)
    if (digits.length !== length || !Number.isSafeInteger(value)) this.#damaged()
    this.#at += 1 + length
    return value
  }

  /** A part made by `ended`, as it was before. */
  latin(): string {
    const end = this.#key.indexOf('\0', this.#at)
    if (end === -1) this.#damaged()
    const escaped = this.#key.slice(this.#at, end)
    this.#at = end + 1
    // Each piece but the first begins with the second sign of an escape, and may hold none itself.
    const [first = '', ...others] = escaped.split('\u0001')
    return first + others.map((piece) => (piece.startsWith('\u0002') ? '\0' : '\u0001') + piece.slice(1)).join('')
  }

  bytes(): Uint8Array {
    return bytesOf(this.latin())
  }

  text(): string {
    return fromUtf8(this.bytes())
  }

  /** What is left, as text. */
  rest(): string {
    return fromUtf8(bytesOf(this.#key.slice(this.#at)))
  }

  #damaged(): never {
    throw new VarveError('TAMPERED', 'A key of the store is none that Varve wrote: restore the database from a copy', {
      details: { table: this.#key.charAt(0) },
    })
  }
}

function bytesOf(latin: string): Uint8Array {
  return new Uint8Array(Buffer.from(latin, 'latin1'))
}
