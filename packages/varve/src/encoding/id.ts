/** Generated document ids: 26 characters of lower-case Crockford base32, 48 bits of time and 80 random bits (the ULID layout). */

import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import { utf8 } from './bytes.ts'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const digits = new Uint8Array(128)
for (let i = 0; i < alphabet.length; i++) digits[alphabet.charCodeAt(i)] = i
const generated = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

/** A new id for the moment `ms`; ids of later moments sort later. `random` gives 10 fresh bytes. */
export function newId(ms: number, random: Uint8Array): string {
  const codes = new Uint8Array(26)
  for (let rest = ms, i = 9; i >= 0; i--, rest = Math.floor(rest / 32)) codes[i] = alphabet.charCodeAt(rest % 32)
  let next = 10
  for (let i = 0, bits = 0, held = 0; i < 10; i++) {
    held = (held << 8) | (random[i] ?? 0)
    for (bits += 8; bits >= 5; bits -= 5) codes[next++] = alphabet.charCodeAt((held >>> (bits - 5)) & 31)
    held &= 0xff
  }
  return String.fromCharCode(...codes)
}

/** True when the id has the layout of a generated one, so that its first ten characters are a time. */
export function isGeneratedId(id: string): boolean {
  return id.length === 26 && generated.test(id)
}

/** The 48-bit time of a generated id, in milliseconds. */
export function generatedIdMs(id: string): number {
  let ms = 0
  for (let i = 0; i < 10; i++) ms = ms * 32 + (digits[id.charCodeAt(i)] ?? 0)
  return ms
}

/** Throws `INVALID` unless `id` is a non-empty string that can be stored; returns it. */
export function checkId(id: unknown, what = 'document id'): string {
  if (typeof id !== 'string' || id === '' || !id.isWellFormed()) {
    throw new VarveError('INVALID', `The ${what} must be a non-empty, well-formed string`, { details: { what } })
  }
  if (id.length > limits.idBytes / 3) assertLimit(utf8(id).length, limits.idBytes, `The ${what} in bytes`)
  return id
}

/** Throws `INVALID` unless `name` can name a tenant, user, database, collection, key or index; returns it. */
export function checkName(name: unknown, what: string): string {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed() || hasControl(name)) {
    throw new VarveError('INVALID', `The ${what} name must be a non-empty string without control characters`, {
      details: { what },
    })
  }
  if (name.startsWith('_') || name.startsWith('$')) {
    throw new VarveError(
      'RESERVED_NAME',
      `The ${what} name "${name}" starts with _ or $, which Varve keeps for itself`,
      {
        details: { what, name },
      },
    )
  }
  assertLimit(utf8(name).length, limits.nameBytes, `The ${what} name in bytes`)
  return name
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 32 || text.charCodeAt(i) === 127) return true
  return false
}
