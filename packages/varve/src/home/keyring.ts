/** The keyring applications use, and the key source replicas read: both over one immutable state. */

import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { listOf, textOf } from '../encoding/decode.ts'
import { VarveError } from '../errors.ts'
import { exportKeys, importKeys } from '../keys/export.ts'
import { attributeKey, sealingKey } from '../keys/derive.ts'
import type { KeyVersion } from '../keys/key.ts'
import { KeyringState } from '../keys/keyring.ts'
import type { KeySource, SealKey } from '../replica/context.ts'
import type { TenantHome } from './home.ts'

/** Begins the names of marks that stand while what a removed key opened has not disappeared everywhere. */
const removal = 'removal/'

/** Told after the keyring changed and was stored. */
export interface KeyListener {
  /** Key ids in hex. */
  arrived(ids: readonly string[]): Promise<void>
  /** Before a key goes: afterwards, what it opened can no longer be found and locked. */
  removing(): Promise<void>
  /** `ids` in hex, of the versions that were held. */
  removed(name: string, ids: readonly string[]): Promise<void>
}

export class Keyring implements KeySource {
  readonly #home: TenantHome
  readonly #listener: KeyListener
  readonly #kept: string
  readonly #ready = new Map<string, SealKey>()
  #keys: KeyringState
  #refusal: VarveError | null = null
  #changing: Promise<unknown> = Promise.resolve()

  /** `kept` names the key that is never removed. */
  constructor(home: TenantHome, state: KeyringState, kept: string, listener: KeyListener) {
    this.#home = home
    this.#kept = kept
    this.#keys = state
    this.#listener = listener
  }

  /** Forgets all keys; every later call fails with `refusal`. */
  lock(refusal: VarveError): void {
    this.#refusal = refusal
    this.#keys = KeyringState.empty
    this.#ready.clear()
  }

  get #state(): KeyringState {
    if (this.#refusal !== null) throw this.#refusal
    return this.#keys
  }

  names(): string[] {
    return this.#state.names()
  }

  has(name: string): boolean {
    return this.#state.has(name)
  }

  /** A new named key, for documents that not everyone may read. Throws `EXISTS`, `RESERVED_NAME`. */
  create(name: string): Promise<void> {
    return this.#change((state) => state.create(name, this.#home.env))
  }

  /** A new version, under which everything new is sealed; older versions still open what they sealed. */
  rotate(name: string): Promise<void> {
    return this.#change((state) => state.rotate(name, this.#home.env))
  }

  /** An armored age file with all versions of these keys. Throws `KEY_MISSING`. */
  export(names: readonly string[], password: string): Promise<string> {
    return exportKeys(this.#state, names, password, this.#home.env.passphraseWork)
  }

  /** Takes in the keys of an export and gives their names; documents under them appear. Throws `WRONG_PASSPHRASE`, `INVALID`. */
  async import(file: string, password: string): Promise<string[]> {
    const keys = await importKeys(file, password)
    for (const name of new Set(keys.map((key) => key.name))) this.#assertSameKey(name, keys)
    await this.merge(keys)
    return [...new Set(keys.map((key) => key.name))].toSorted()
  }

  /** An export may continue a key that is held, but not take over its name. */
  #assertSameKey(name: string, keys: readonly KeyVersion[]): void {
    if (!this.#state.has(name)) return
    const held = new Set(this.#state.versions(name).map((key) => key.hex))
    if (keys.some((key) => key.name === name && held.has(key.hex))) return
    throw new VarveError('INVALID', `The file holds another key "${name}" than this keyring: it was not imported`, {
      details: { name },
    })
  }

  /**
   * Forgets all versions of a key; documents under it disappear from this device. Throws `KEY_MISSING`,
   * and `FORBIDDEN` for the tenant's own key, without which nothing opens.
   */
  async remove(name: string): Promise<void> {
    if (name === this.#kept) throw new VarveError('FORBIDDEN', `The key "${name}" opens the tenant itself and stays`)
    await this.#listener.removing()
    let ids: readonly string[] = this.#state.versions(name).map((key) => key.hex)
    await this.#home.saveValue(removal + name, encodeCbor(ids))
    await this.#change((state) => {
      ids = state.versions(name).map((key) => key.hex)
      return state.remove(name)
    })
    await this.#finishRemoval(name, ids)
  }

  /** Goes on with removals that were interrupted: what those keys opened disappears. */
  async finishRemovals(): Promise<void> {
    for (const [mark, bytes] of await this.#home.values(removal)) {
      const name = mark.slice(removal.length)
      try {
        const ids = listOf(decodeCbor(bytes, 'A removal'), 'a removal').map((id) => textOf(id, 'a key id'))
        // A key that is held was not removed, or has come again.
        const gone = ids.filter((id) => this.#state.byId(id) === undefined)
        if (gone.length > 0) await this.#listener.removing()
        await this.#finishRemoval(name, gone)
      } catch (error) {
        this.#home.env.log('error', 'documents under a removed key may still be readable: open the tenant again', {
          key: name,
          error: String(error),
        })
      }
    }
  }

  async #finishRemoval(name: string, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#listener.removed(name, ids)
    await this.#home.saveValue(removal + name, null)
  }

  /** Also for keys that are held: a failing disk may have kept what they open from appearing the first time. */
  async merge(keys: readonly KeyVersion[]): Promise<void> {
    await this.#change((state) => state.merge(keys))
    await this.#listener.arrived(keys.map((key) => key.hex))
  }

  /** All versions of a name, oldest first; throws `KEY_MISSING`. */
  versions(name: string): readonly KeyVersion[] {
    return this.#state.versions(name)
  }

  /** The key version with this id in hex; null when it is not held. */
  versionById(id: string): KeyVersion | null {
    return this.#state.byId(id) ?? null
  }

  current(name: string): SealKey | null {
    return this.#state.has(name) ? this.#usable(this.#state.current(name)) : null
  }

  byId(id: string): SealKey | null {
    const key = this.#state.byId(id)
    return key === undefined ? null : this.#usable(key)
  }

  #usable(key: KeyVersion): SealKey {
    const known = this.#ready.get(key.hex)
    if (known !== undefined) return known
    const made = { name: key.name, id: key.id, key: sealingKey(key), attributes: attributeKey(key) }
    this.#ready.set(key.hex, made)
    return made
  }

  /** One change after the other, stored before it counts. */
  #change(change: (state: KeyringState) => KeyringState): Promise<void> {
    const result = this.#changeAfter(this.#changing, change)
    this.#changing = result.catch(() => undefined)
    return result
  }

  async #changeAfter(before: Promise<unknown>, change: (state: KeyringState) => KeyringState): Promise<void> {
    await before
    const next = change(this.#state)
    await this.#home.save({ keyring: next })
    this.#keys = next
  }
}
