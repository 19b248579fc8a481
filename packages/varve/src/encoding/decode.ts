/** Small decoders that turn unknown decoded values into typed ones, or throw `INVALID` naming the field. */

import { VarveError } from '../errors.ts'

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) invalid(what, 'a list')
  return value
}

/** A byte string, of exactly `length` bytes unless `length` is null. */
export function bytesOf(value: unknown, length: number | null, what: string): Uint8Array {
  if (!(value instanceof Uint8Array) || (length !== null && value.length !== length)) {
    return invalid(what, length === null ? 'a byte string' : `${length} bytes`)
  }
  return value
}

export function wholeNumber(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return invalid(what, 'a whole number')
  return value
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') return invalid(what, 'text')
  return value
}

export function textOrNull(value: unknown, what: string): string | null {
  return value === null || value === undefined ? null : textOf(value, what)
}

function invalid(what: string, expected: string): never {
  throw new VarveError('INVALID', `Decoding failed: ${what} should be ${expected}`, { details: { what } })
}
