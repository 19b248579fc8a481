/** The id of a database: the same wherever it is made, and it says to everybody whether the database is sealed or open. */

import { primitives } from '../crypto/primitives.ts'
import { toHex, utf8 } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'

/** A sealed database encrypts every entry on the device; an open one lets its server read. */
export type Mode = 'sealed' | 'open'

const idBytes = 16

/** What a database is made of; two devices that make the same while apart make one database. */
export interface DatabaseParts {
  /** Id of its tenant, 32 hex digits. */
  readonly tenant: string
  readonly mode: Mode
  /** Id in hex of the first version of its named key. */
  readonly key: string
  readonly name: string
}

/** `base` are the bytes of the key version that the founding record names. */
export function databaseId(base: Uint8Array, { tenant, mode, key, name }: DatabaseParts): Uint8Array {
  const secret = primitives.hkdfSha256(base, `varve/database-id/v1\0${tenant}`, 32)
  return withMode(primitives.hmacSha256(secret, utf8(`${mode}\0${key}\0${name}`)).slice(0, idBytes), mode)
}

/** The mode of a database, as the lowest bit of its id says it. */
export function modeOf(id: Uint8Array): Mode {
  return ((id.at(-1) ?? 0) & 1) === 1 ? 'open' : 'sealed'
}

/** The id with that bit set or cleared. */
export function withMode(id: Uint8Array, mode: Mode): Uint8Array {
  const made = id.slice()
  const last = made.length - 1
  made[last] = ((made[last] ?? 0) & 0xfe) | (mode === 'open' ? 1 : 0)
  return made
}

/** Throws `INVALID` when a database is said to be of another mode than its id says. */
export function assertMode(id: Uint8Array, mode: Mode): void {
  const actual = modeOf(id)
  if (actual === mode) return
  throw new VarveError('INVALID', `The id of the database says that it is ${actual}, not ${mode}: do not use it`, {
    details: { database: toHex(id), mode: actual },
  })
}
