/** The passphrase lock of a tenant on disk: one age file around a random root, from which everything else is derived. */

import { primitives } from '../crypto/primitives.ts'
import { nonceBytes, xaesKey, xaesOpen, xaesSeal } from '../crypto/xaes.ts'
import { concat, fromUtf8, toHex, utf8 } from '../encoding/bytes.ts'
import { bytesOf } from '../encoding/decode.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { decryptWithPassphrase, encryptWithPassphrase } from './age.ts'
import { fromBase64, toBase64 } from '../encoding/base64.ts'
import { assertVersion } from './format.ts'

/** A lock just made or opened. */
export interface Lock {
  /** The armored age file, the only thing to be stored. */
  readonly file: string
  /** The 32-byte root secret, for memory only. */
  readonly root: Uint8Array
}

const lockVersion = 1
const lockText = /^# varve lock v([1-9][0-9]{0,8})\n([A-Za-z0-9+/=]+)\n$/
const secretVersion = 1

/** A new random root under a passphrase; throws `INVALID` for an empty one. */
export async function createLock(passphrase: string, env: Pick<Env, 'random' | 'passphraseWork'>): Promise<Lock> {
  const root = env.random(32)
  return { file: await writeLock(root, passphrase, env.passphraseWork), root }
}

/** The root behind a lock file; throws `WRONG_PASSPHRASE`, `INVALID` or `UNSUPPORTED_VERSION`. */
export async function openLock(file: string, passphrase: string): Promise<Uint8Array> {
  const what = 'The lock file'
  const [, version, root] = lockText.exec(fromUtf8(await decryptWithPassphrase(file, passphrase))) ?? []
  if (version === undefined || root === undefined) {
    throw new VarveError('INVALID', `${what} holds no root secret: it is another age file; restore the right one`)
  }
  assertVersion(Number(version), lockVersion, what)
  return bytesOf(fromBase64(root, 'The root secret in the lock file'), 32, 'the root secret of the lock file')
}

/**
 * The lock file for a new passphrase around the same root: nothing else on disk changes. The caller
 * replaces the file atomically. Throws like `openLock`.
 */
export async function changePassphrase(
  file: string,
  oldPassphrase: string,
  newPassphrase: string,
  env: Pick<Env, 'passphraseWork'>,
): Promise<string> {
  return writeLock(await openLock(file, oldPassphrase), newPassphrase, env.passphraseWork)
}

async function writeLock(root: Uint8Array, passphrase: string, work: number): Promise<string> {
  return encryptWithPassphrase(utf8(`# varve lock v${lockVersion}\n${toBase64(root)}\n`), passphrase, work)
}

/** The page encryption key of one store, as 64 hex digits; each store id has its own. */
export function pageKey(root: Uint8Array, storeId: string): string {
  return toHex(primitives.hkdfSha256(root, `varve/page-key/v1\0${storeId}`, 32))
}

/**
 * Seals a value kept in the tenant store under its label, so that values cannot be exchanged for one
 * another: a version byte, a random 24-byte nonce, then XAES-256-GCM.
 */
export function sealSecret(root: Uint8Array, label: string, bytes: Uint8Array, env: Pick<Env, 'random'>): Uint8Array {
  const nonce = env.random(nonceBytes)
  return concat(
    new Uint8Array([secretVersion]),
    nonce,
    xaesSeal(secretKey(root, label), nonce, secretAad(label), bytes),
  )
}

/** The value of `sealSecret`; throws `TAMPERED` for a changed value or another root or label, `UNSUPPORTED_VERSION`. */
export function openSecret(root: Uint8Array, label: string, sealed: Uint8Array): Uint8Array {
  assertVersion(sealed[0], secretVersion, `The sealed value "${label}"`)
  const nonce = sealed.subarray(1, 1 + nonceBytes)
  if (nonce.length !== nonceBytes) {
    throw new VarveError('INVALID', `The sealed value "${label}" is too short: it was cut off; restore it from a copy`)
  }
  return xaesOpen(secretKey(root, label), nonce, secretAad(label), sealed.subarray(1 + nonceBytes))
}

function secretKey(root: Uint8Array, label: string) {
  return xaesKey(primitives.hkdfSha256(root, `varve/secret/v1\0${label}`, 32))
}

function secretAad(label: string): Uint8Array {
  return utf8(`varve/secret/v1\0${label}`)
}
