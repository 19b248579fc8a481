/** The keys a user holds: an immutable set of named keys with all their versions, and its stored form. */

import { equalBytes } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { listOf } from '../encoding/decode.ts'
import { checkName } from '../encoding/id.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { makeKey, newKey, type KeyVersion } from './key.ts'
import { readFormat } from './format.ts'

type Names = ReadonlyMap<string, readonly KeyVersion[]>

const format = 'varve-keyring'
const formatVersion = 1

/** Every change gives a new keyring, so a reader never sees half a change (spec/keys.md §2). */
export class KeyringState {
  static readonly empty: KeyringState = new KeyringState(new Map())

  readonly #names: Names
  readonly #ids: ReadonlyMap<string, KeyVersion>

  private constructor(names: Names) {
    this.#names = names
    this.#ids = new Map([...names.values()].flat().map((key) => [key.hex, key]))
  }

  /** Names held, in code-unit order. */
  names(): string[] {
    return [...this.#names.keys()].toSorted()
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** All versions of a name in order, the current one last; throws `KEY_MISSING`. */
  versions(name: string): readonly KeyVersion[] {
    return this.#names.get(name) ?? missing(name)
  }

  /** The version that new entries are sealed under; throws `KEY_MISSING`. */
  current(name: string): KeyVersion {
    return this.versions(name).at(-1) ?? missing(name)
  }

  /** The key with this id in lower-case hex, or undefined when it is not held. */
  byId(hex: string): KeyVersion | undefined {
    return this.#ids.get(hex)
  }

  /** With a new name at version 1; throws `EXISTS`, `INVALID` or `RESERVED_NAME`. */
  create(name: string, env: Pick<Env, 'now' | 'random'>): KeyringState {
    checkName(name, 'key')
    if (this.has(name)) {
      throw new VarveError('EXISTS', `The keyring holds a key "${name}" already: rotate it, or take another name`, {
        details: { name },
      })
    }
    return this.merge([newKey(name, 1, env)])
  }

  /** With one more, now current version of a name; the old ones still open what they sealed. Throws `KEY_MISSING`. */
  rotate(name: string, env: Pick<Env, 'now' | 'random'>): KeyringState {
    return this.merge([newKey(name, this.current(name).version + 1, env)])
  }

  /** Without any version of a name; throws `KEY_MISSING`. */
  remove(name: string): KeyringState {
    this.versions(name)
    return new KeyringState(new Map([...this.#names].filter(([held]) => held !== name)))
  }

  /**
   * With versions from elsewhere. Two devices that rotated apart made different keys of one version:
   * both are kept, ordered by version then id, so that everyone who holds them agrees on the current one.
   */
  merge(keys: Iterable<KeyVersion>): KeyringState {
    const names = new Map(this.#names)
    for (const key of keys) {
      const held = names.get(key.name) ?? []
      if (!held.some((other) => isSame(other, key))) names.set(key.name, [...held, key].toSorted(compareKeys))
    }
    return new KeyringState(names)
  }

  /** Deterministic CBOR with all secrets in it: seal it before it is stored. */
  encode(): Uint8Array {
    const keys = this.names().flatMap((name) => this.versions(name))
    return encodeCbor([format, formatVersion, keys.map((key) => [key.name, key.version, key.bytes, key.createdAt])])
  }

  /** The keyring of `encode`; throws `INVALID` or `UNSUPPORTED_VERSION`. Other encodings of it are refused. */
  static decode(bytes: Uint8Array): KeyringState {
    const what = 'The keyring'
    const [rows] = readFormat(decodeCbor(bytes, what), format, formatVersion, 1, what)
    const keyring = KeyringState.empty.merge(listOf(rows, 'the keys of the keyring').map(readRow))
    if (!equalBytes(keyring.encode(), bytes)) {
      throw new VarveError('INVALID', `${what} is not in its canonical form: it was damaged or made by something else`)
    }
    return keyring
  }
}

function readRow(row: unknown): KeyVersion {
  const [name, version, bytes, createdAt] = listOf(row, 'a key of the keyring')
  return makeKey(name, version, bytes, createdAt)
}

function isSame(a: KeyVersion, b: KeyVersion): boolean {
  return a.version === b.version && a.hex === b.hex
}

function compareKeys(a: KeyVersion, b: KeyVersion): number {
  if (a.version !== b.version) return a.version - b.version
  return a.hex < b.hex ? -1 : 1
}

function missing(name: string): never {
  throw new VarveError('KEY_MISSING', `The keyring holds no key "${name}": import it, or ask someone who holds it`, {
    details: { name },
  })
}
