/** What an open tenant keeps on its device: lock, identity, founding record, keyring and the list of databases. */

import { fromUtf8, utf8 } from '../encoding/bytes.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytesOf, listOf, textOf } from '../encoding/decode.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import { decodeFounding, encodeFounding, type Founding } from '../directory/founding.ts'
import { decodeIdentity, encodeIdentity, type DeviceIdentity } from '../keys/identity.ts'
import { KeyringState } from '../keys/keyring.ts'
import { changePassphrase, createLock, openLock, openSecret, pageKey, sealSecret } from '../keys/lock.ts'
import type { Mode } from '../log/database-id.ts'
import { lockFile, wipeFile } from '../store/names.ts'
import type { Store, StoreProvider } from '../store/store.ts'

const storeName = 'tenant'
const databasePrefix = 'database/'

/** A database known on this device. */
export interface KnownDatabase {
  /** 32 hex digits; also the name of its store. */
  readonly id: string
  readonly name: string
  readonly mode: Mode
  /** Named key of its documents. */
  readonly key: string
  /** Id of the key version that is in its id, and makes the tags of a sealed one; never changes. */
  readonly tagKey: string
  /** True when this device has opened it before. */
  readonly here?: boolean
}

export class TenantHome {
  readonly env: Env
  readonly provider: StoreProvider
  readonly #store: Store
  #root: Uint8Array | null
  #refusal: VarveError | null = null

  private constructor(provider: StoreProvider, store: Store, root: Uint8Array | null, env: Env) {
    this.provider = provider
    this.#store = store
    this.#root = root
    this.env = env
  }

  /** Opens the tenant's own store; with `create`, makes the lock first. Throws `WRONG_PASSPHRASE`, `NOT_FOUND`, `EXISTS`. */
  static async open(
    provider: StoreProvider,
    passphrase: string | undefined,
    env: Env,
    create: boolean,
  ): Promise<TenantHome> {
    // Wiping was begun and interrupted: it goes on before anything else.
    if ((await provider.readFile(wipeFile)) !== null) await provider.destroy()
    const file = await provider.readFile(lockFile)
    if (file === null && !create && passphrase !== undefined) throw notHere()
    const root = file === null ? await makeLock(provider, passphrase, env) : await unlock(file, passphrase)
    const store = await provider.open(storeName, { pageKey: root === null ? null : pageKey(root, storeName) })
    const home = new TenantHome(provider, store, root, env)
    try {
      if (!create || (await store.value('founding')) === null) return home
      throw new VarveError('EXISTS', 'There is a tenant in this store already: open it, or choose another place')
    } catch (error) {
      await home.close()
      throw error
    }
  }

  async identity(): Promise<DeviceIdentity | null> {
    const bytes = await this.#secret('identity')
    return bytes === null ? null : decodeIdentity(bytes)
  }

  async founding(): Promise<Founding | null> {
    const bytes = await this.#secret('founding')
    return bytes === null ? null : decodeFounding(bytes)
  }

  /** The registration's bytes; null on a device that has not been given one. */
  registration(): Promise<Uint8Array | null> {
    return this.#secret('registration')
  }

  async keyring(): Promise<KeyringState> {
    const bytes = await this.#secret('keyring')
    return bytes === null ? KeyringState.empty : KeyringState.decode(bytes)
  }

  /** Appointments of recorders, oldest first. */
  async appointments(): Promise<readonly Uint8Array[]> {
    const bytes = await this.#secret('appointments')
    if (bytes === null) return []
    return listOf(decodeCbor(bytes, 'The appointments'), 'the appointments').map((item) =>
      bytesOf(item, null, 'an appointment'),
    )
  }

  async saveAppointments(list: readonly Uint8Array[]): Promise<void> {
    await this.#opened.write({ values: new Map([['appointments', this.#seal('appointments', encodeCbor(list))]]) })
  }

  /** A small value of the device beside them, such as the key of a node; null when absent. */
  value(name: string): Promise<Uint8Array | null> {
    return this.#secret(name)
  }

  /** Such values whose names begin with `prefix`, by name. */
  async values(prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>()
    for (const [name, sealed] of await this.#opened.values(prefix)) found.set(name, this.#open(name, sealed))
    return found
  }

  /** Stores such a value, or removes it (null). */
  async saveValue(name: string, bytes: Uint8Array | null): Promise<void> {
    await this.#store.write({ values: new Map([[name, bytes === null ? null : this.#seal(name, bytes)]]) })
  }

  /** Stores any of them in one write. */
  async save(what: {
    readonly identity?: DeviceIdentity
    readonly founding?: Founding
    readonly registration?: Uint8Array
    readonly keyring?: KeyringState
  }): Promise<void> {
    const values = new Map<string, Uint8Array>()
    if (what.identity !== undefined) values.set('identity', this.#seal('identity', encodeIdentity(what.identity)))
    if (what.founding !== undefined) values.set('founding', this.#seal('founding', encodeFounding(what.founding)))
    if (what.registration !== undefined) values.set('registration', this.#seal('registration', what.registration))
    if (what.keyring !== undefined) values.set('keyring', this.#seal('keyring', what.keyring.encode()))
    await this.#opened.write({ values })
  }

  async databases(): Promise<readonly KnownDatabase[]> {
    const found: KnownDatabase[] = []
    for (const [name, sealed] of await this.#opened.values(databasePrefix)) {
      found.push(decodeDatabase(name.slice(databasePrefix.length), this.#open(name, sealed)))
    }
    return found
  }

  async saveDatabase(database: KnownDatabase): Promise<void> {
    const name = databasePrefix + database.id
    const bytes = encodeCbor([database.name, database.mode, database.key, database.tagKey])
    await this.#opened.write({ values: new Map([[name, this.#seal(name, bytes)]]) })
  }

  /** The store of a database, encrypted like the rest of the tenant. */
  async openStore(id: string): Promise<Store> {
    if (this.#refusal !== null) throw this.#refusal
    return this.provider.open(id, { pageKey: this.#root === null ? null : pageKey(this.#root, id) })
  }

  /** Replaces the passphrase; nothing but the lock file is written. Throws `WRONG_PASSPHRASE`, `UNSUPPORTED`. */
  async changePassphrase(from: string, to: string): Promise<void> {
    const file = await this.provider.readFile(lockFile)
    if (file === null)
      throw new VarveError(
        'UNSUPPORTED',
        'This tenant was made without a passphrase: make it with one, its files are not encrypted',
      )
    await this.provider.writeFile(lockFile, utf8(await changePassphrase(fromUtf8(file), from, to, this.env)))
  }

  /** Every later call fails with `refusal`, when one is given. */
  async close(refusal: VarveError | null = null): Promise<void> {
    this.#refusal ??= refusal
    this.#root = null
    await this.#store.close()
  }

  /** Closes, when that has not happened yet, and removes everything of the tenant. A crash in between is made good at the next opening. */
  async wipe(): Promise<void> {
    await this.provider.writeFile(wipeFile, new Uint8Array(0))
    await this.close()
    await this.provider.destroy()
  }

  get #opened(): Store {
    if (this.#refusal !== null) throw this.#refusal
    return this.#store
  }

  async #secret(name: string): Promise<Uint8Array | null> {
    const bytes = await this.#opened.value(name)
    return bytes === null ? null : this.#open(name, bytes)
  }

  #open(name: string, bytes: Uint8Array): Uint8Array {
    return this.#root === null ? bytes : openSecret(this.#root, name, bytes)
  }

  #seal(name: string, bytes: Uint8Array): Uint8Array {
    return this.#root === null ? bytes : sealSecret(this.#root, name, bytes, this.env)
  }
}

async function makeLock(provider: StoreProvider, passphrase: string | undefined, env: Env): Promise<Uint8Array | null> {
  if (passphrase === undefined) return null
  const { file, root } = await createLock(passphrase, env)
  await provider.writeFile(lockFile, utf8(file))
  return root
}

function unlock(file: Uint8Array, passphrase: string | undefined): Promise<Uint8Array> {
  if (passphrase === undefined) {
    return Promise.reject(new VarveError('WRONG_PASSPHRASE', 'This tenant is locked with a passphrase: give it'))
  }
  return openLock(fromUtf8(file), passphrase)
}

function decodeDatabase(id: string, bytes: Uint8Array): KnownDatabase {
  const [name, mode, key, tagKey] = listOf(decodeCbor(bytes, 'A database entry'), 'a database entry')
  return {
    id,
    name: textOf(name, 'a database name'),
    mode: mode === 'open' ? 'open' : 'sealed',
    key: textOf(key, 'a key name'),
    tagKey: textOf(tagKey, 'a key id'),
    here: true,
  }
}

export function notHere(): VarveError {
  return new VarveError('NOT_FOUND', 'There is no tenant in this store: make one with createTenant, or join one')
}
