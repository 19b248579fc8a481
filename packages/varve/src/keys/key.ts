/** One version of a named key: 32 random bytes and the id derived from them. */

import { primitives } from '../crypto/primitives.ts'
import { concat, toHex, utf8 } from '../encoding/bytes.ts'
import { checkName } from '../encoding/id.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'

/** A version of a named key (spec/keys.md §1). Never logged, never part of a message. */
export interface KeyVersion {
  readonly name: string
  /** 1 for the first version of a name, then counting up. */
  readonly version: number
  /** 16 bytes derived from the key: the right key is found at once, never by trial. */
  readonly id: Uint8Array
  /** The id in hex, as `KeyringState.byId` takes it. */
  readonly hex: string
  /** The 32 secret bytes. */
  readonly bytes: Uint8Array
  /** Unix milliseconds at which this version was made. */
  readonly createdAt: number
}

/** Bytes of every symmetric key. */
export const keyBytes = 32
/** Bytes of a key id. */
const keyIdBytes = 16

const idDomain = utf8('varve/key-id/v1\0')
/** So far above any real rotation, and below what still counts up exactly. */
const highestVersion = 2 ** 31
const latest = 8_640_000_000_000_000

/** The id of a key: SHA-256("varve/key-id/v1\0" || bytes), cut to 16 bytes. */
function keyId(bytes: Uint8Array): Uint8Array {
  return primitives.sha256(concat(idDomain, bytes)).slice(0, keyIdBytes)
}

/** Checks every part and derives the id; throws `INVALID` or `RESERVED_NAME` without showing the key. */
export function makeKey(name: unknown, version: unknown, bytes: unknown, createdAt: unknown): KeyVersion {
  const checked = checkName(name, 'key')
  if (!isWhole(version, 1, highestVersion)) refuse(checked, 'its version is not a whole number from 1')
  if (!(bytes instanceof Uint8Array) || bytes.length !== keyBytes) refuse(checked, `it is not ${keyBytes} bytes long`)
  if (!isWhole(createdAt, 0, latest)) refuse(checked, 'its time of creation is not a date')
  const id = keyId(bytes)
  return { name: checked, version, id, hex: toHex(id), bytes: bytes.slice(), createdAt }
}

/** A fresh random version of a named key. */
export function newKey(name: string, version: number, env: Pick<Env, 'now' | 'random'>): KeyVersion {
  return makeKey(name, version, env.random(keyBytes), env.now())
}

function isWhole(value: unknown, from: number, to: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to
}

function refuse(name: string, why: string): never {
  throw new VarveError('INVALID', `The key "${name}" cannot be used: ${why}; get it again from where it came`, {
    details: { name },
  })
}
