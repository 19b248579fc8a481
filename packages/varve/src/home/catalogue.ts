/** Which databases a tenant has: what a name stands for, on this device and in the directory. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Founding } from '../directory/founding.ts'
import type { KeyVersion } from '../keys/key.ts'
import { databaseId, type Mode } from '../log/database-id.ts'
import type { Directory } from './directory.ts'
import type { KnownDatabase, TenantHome } from './home.ts'
import type { Keyring } from './keyring.ts'

/** Named key that every member holds; databases are sealed under it unless they name another. */
export const tenantKey = 'tenant'
export const directoryName = 'directory'

export interface DatabaseInfo {
  readonly name: string
  readonly mode: Mode
  /** Named key of its documents. */
  readonly key: string
  /** 32 hex digits. */
  readonly id: string
}

/** What a caller wants a database to be. */
export interface AskedDatabase {
  readonly mode?: Mode
  readonly key?: string
}

export interface CatalogueParts {
  /** 32 hex digits. */
  readonly tenant: string
  readonly founding: Founding
  readonly home: TenantHome
  readonly keys: Keyring
  readonly directory: () => Directory
}

export class Catalogue {
  readonly #parts: CatalogueParts

  constructor(parts: CatalogueParts) {
    this.#parts = parts
  }

  /** Opens nothing; throws `INVALID` when the database is another than asked for, and `KEY_MISSING`. */
  async find(name: string, asked: AskedDatabase): Promise<{ readonly known: KnownDatabase; readonly isNew: boolean }> {
    const existing = await this.#existing(name)
    if (existing !== undefined) {
      assertAsked(existing, asked)
      return { known: existing, isNew: false }
    }
    if (asked.key === undefined) await this.#assertNoHidden(name)
    return { known: this.known(name, asked.mode ?? 'sealed', asked.key ?? tenantKey), isNew: true }
  }

  async isHere(id: string): Promise<boolean> {
    return (await this.#parts.home.databases()).some((database) => database.id === id)
  }

  /** All whose keys are held, by name. */
  async list(): Promise<readonly KnownDatabase[]> {
    const { keys } = this.#parts
    const all = await this.everywhere()
    return all.filter((database) => keys.byId(database.tagKey) !== null).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** All that are listed or here, believed or not. */
  async everywhere(): Promise<readonly KnownDatabase[]> {
    const { directory, home } = this.#parts
    const all = new Map<string, KnownDatabase>()
    for (const database of [...(await directory().databases()), ...(await home.databases())])
      all.set(database.id, database)
    return [...all.values()]
  }

  /** Whether a database whose key is held is what its id says. */
  isReal({ id, name, mode, key }: KnownDatabase): boolean {
    return this.#parts.keys.has(key) && this.known(name, mode, key).id === id
  }

  /** What a new database of this name is: the same on every device, so that two that make it offline agree. */
  known(name: string, mode: Mode, key: string): KnownDatabase {
    const base = this.#base()
    const first = key === tenantKey ? base : this.#parts.keys.versions(key)[0]
    if (first === undefined)
      throw new VarveError('KEY_MISSING', `The keyring holds no key "${key}"`, { details: { key } })
    const { tenant } = this.#parts
    const id = toHex(databaseId(base.bytes, { tenant, mode, key: first.hex, name }))
    return { id, name, mode, key, tagKey: first.hex }
  }

  /** The key version that the founding record names. */
  #base(): KeyVersion {
    const { keys, founding } = this.#parts
    const base = keys.versions(tenantKey).find((version) => equalBytes(version.id, founding.key))
    if (base === undefined)
      throw new VarveError('KEY_MISSING', `The keyring holds no key "${tenantKey}"`, { details: { key: tenantKey } })
    return base
  }

  async #existing(name: string): Promise<KnownDatabase | undefined> {
    const { home, directory, keys } = this.#parts
    const here = (await home.databases()).find((database) => database.name === name)
    if (here !== undefined) return here
    // Every member may add databases to the directory: only entries that say what their id says are believed.
    return (await directory().databases()).find((entry) => {
      if (entry.name !== name || !keys.has(entry.key) || keys.byId(entry.tagKey) === null) return false
      const known = this.known(name, entry.mode, entry.key)
      return known.id === entry.id && known.tagKey === entry.tagKey
    })
  }

  /** A database of this name may exist under a key that is not held: another one beside it would only confuse. */
  async #assertNoHidden(name: string): Promise<void> {
    const { directory, keys } = this.#parts
    const hidden = (await directory().databases()).find(
      (entry) => entry.name === name && keys.byId(entry.tagKey) === null,
    )
    if (hidden === undefined) return
    throw new VarveError(
      'KEY_MISSING',
      `The database "${name}" is sealed under the key "${hidden.key}", which is not held: import it, or name another key`,
      { details: { key: hidden.key } },
    )
  }
}

/** What the caller asks for must be what the database is; an open one is never opened unasked. */
function assertAsked(existing: KnownDatabase, asked: AskedDatabase): void {
  const { name, mode, key } = existing
  if (mode !== (asked.mode ?? 'sealed') && !(mode === 'open' && asked.mode === undefined && existing.here === true)) {
    const hint = mode === 'open' ? "its server may read it: open it with { mode: 'open' }" : 'open it without a mode'
    throw new VarveError('INVALID', `The database "${name}" is ${mode} and stays so; ${hint}`, {
      details: { name, mode },
    })
  }
  if (asked.key !== undefined && asked.key !== key) {
    throw new VarveError(
      'INVALID',
      `The database "${name}" is sealed under the key "${key}" and stays so: open it without a key`,
      { details: { name, key } },
    )
  }
}
