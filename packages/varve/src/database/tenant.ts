/** A tenant on one device: its databases, directory and keyring. */

import { primitives } from '../crypto/primitives.ts'
import { equalBytes, fromHex, toHex, utf8 } from '../encoding/bytes.ts'
import { checkName } from '../encoding/id.ts'
import { VarveError } from '../errors.ts'
import { tenantId, type Founding } from '../directory/founding.ts'
import { directoryCollections, Standing } from '../directory/standing.ts'
import { tagKey } from '../keys/derive.ts'
import type { DeviceIdentity } from '../keys/identity.ts'
import type { KeyringState } from '../keys/keyring.ts'
import { collectionTag } from '../log/tag.ts'
import type { Mode, ReplicaContext } from '../replica/context.ts'
import { newerFormat } from '../replica/reader.ts'
import { Replica } from '../replica/replica.ts'
import { keyArrived, keyRemoved } from '../replica/unlock.ts'
import { Database, type DatabaseHome } from './database.ts'
import { Directory } from './directory.ts'
import type { KnownDatabase, TenantHome } from './home.ts'
import { Keyring } from './keyring.ts'
import { syncReplicas } from './sync.ts'

/** Named key that every member holds; databases are sealed under it unless they name another. */
export const tenantKey = 'tenant'
const directoryName = 'directory'

export interface DatabaseInfo {
  readonly name: string
  readonly mode: Mode
  /** Named key of its documents. */
  readonly key: string
  /** 32 hex digits. */
  readonly id: string
}

export interface OpenedTenant {
  readonly home: TenantHome
  readonly founding: Founding
  readonly identity: DeviceIdentity
  readonly keyring: KeyringState
}

interface OpenDatabase {
  readonly replica: Replica
  readonly database: Database
}

export class Tenant implements AsyncDisposable, DatabaseHome {
  readonly id: string
  readonly name: string
  readonly me: { readonly user: string; readonly device: string }
  readonly keys: Keyring
  readonly #parts: OpenedTenant
  readonly #standing: Standing
  readonly #open = new Map<string, Promise<OpenDatabase>>()
  #directory: Directory | null = null
  #closing: Promise<void> | null = null

  private constructor(parts: OpenedTenant) {
    this.#parts = parts
    this.id = tenantId(parts.founding)
    this.name = parts.founding.name
    this.me = { user: parts.identity.user, device: toHex(parts.identity.signing.publicKey) }
    this.#standing = new Standing(parts.founding, parts.identity.signing.publicKey)
    this.keys = new Keyring(parts.home, parts.keyring, tenantKey, {
      arrived: (ids) => this.#keysArrived(ids),
      removing: () => this.#openAll(),
      removed: (name) => this.#eachReplica((replica) => keyRemoved(replica, name)),
    })
  }

  /** Opens the directory of a tenant; for `createTenant`, `openTenant` and `joinTenant`. */
  static async start(parts: OpenedTenant): Promise<Tenant> {
    const tenant = new Tenant(parts)
    const { database } = await tenant.#openDatabase(tenant.#known(directoryName, 'sealed', tenantKey))
    tenant.#directory = new Directory({
      database,
      home: parts.home,
      keys: tenant.keys,
      founding: parts.founding,
      standing: tenant.#standing,
      device: parts.identity.signing.publicKey,
      tenantKey,
    })
    await tenant.#directory.refresh()
    return tenant
  }

  get directory(): Directory {
    if (this.#directory === null) throw new VarveError('CLOSED', 'The tenant is not open yet')
    return this.#directory
  }

  /**
   * Opens a database, making it when it is new; sealed unless `{ mode: 'open' }`, and the mode never changes.
   * `key` names the key it is sealed under. Throws `INVALID` for another mode or key, or when an open database is
   * opened here for the first time without asking for it, and `KEY_MISSING`.
   */
  async database(name: string, options: { readonly mode?: Mode; readonly key?: string } = {}): Promise<Database> {
    if (this.#closing !== null) throw closed()
    if (checkName(name, 'database') === directoryName)
      throw new VarveError('RESERVED_NAME', `"${directoryName}" is the tenant's own database: choose another name`)
    const existing = await this.#find(name)
    if (existing !== undefined) assertAsked(existing, options)
    else if (options.key === undefined) await this.#assertNoHidden(name)
    const known = existing ?? this.#known(name, options.mode ?? 'sealed', options.key ?? tenantKey)
    const { database } = await this.#openDatabase(known)
    if (!(await this.#isHere(known.id))) await this.#parts.home.saveDatabase(known)
    if (existing === undefined) await this.directory.addDatabase(known)
    return database
  }

  /** The databases of the tenant whose keys are held; others are invisible. */
  async databases(): Promise<readonly DatabaseInfo[]> {
    const all = new Map<string, KnownDatabase>()
    for (const database of [...(await this.directory.databases()), ...(await this.#parts.home.databases())])
      all.set(database.id, database)
    return [...all.values()]
      .filter((database) => this.keys.byId(database.tagKey) !== null)
      .map(({ id, name, mode, key }) => ({ id, name, mode, key }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Replaces the passphrase without touching the data. Throws `WRONG_PASSPHRASE`, `UNSUPPORTED`. */
  changePassphrase(from: string, to: string): Promise<void> {
    return this.#parts.home.changePassphrase(from, to)
  }

  /** Brings the directories of both sides together; called before their databases sync. */
  async beforeSync(peer: DatabaseHome): Promise<void> {
    if (!(peer instanceof Tenant) || peer.id !== this.id) {
      throw new VarveError('FORBIDDEN', 'The databases belong to different tenants: only members of one tenant sync')
    }
    const [own, other] = [await this.#directoryReplica(), await peer.#directoryReplica()]
    if (own === other) return
    await syncReplicas(own, other)
    await this.directory.refresh()
    await peer.directory.refresh()
  }

  /** Idempotent; everything acknowledged is durable. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const results = await Promise.allSettled(
      [...this.#open.values()].map(async (opening) => (await opening).replica.close()),
    )
    await this.#parts.home.close()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async #directoryReplica(): Promise<Replica> {
    return (await this.#openDatabase(this.#known(directoryName, 'sealed', tenantKey))).replica
  }

  async #isHere(id: string): Promise<boolean> {
    return (await this.#parts.home.databases()).some((database) => database.id === id)
  }

  async #find(name: string): Promise<KnownDatabase | undefined> {
    const here = (await this.#parts.home.databases()).find((database) => database.name === name)
    if (here !== undefined) return here
    // Every member may add databases to the directory: only entries that say what their id says are believed.
    return (await this.directory.databases()).find((entry) => {
      if (entry.name !== name || !this.keys.has(entry.key) || this.keys.byId(entry.tagKey) === null) return false
      const known = this.#known(name, entry.mode, entry.key)
      return known.id === entry.id && known.tagKey === entry.tagKey
    })
  }

  /** A database of this name may exist under a key that is not held: another one beside it would only confuse. */
  async #assertNoHidden(name: string): Promise<void> {
    const hidden = (await this.directory.databases()).find(
      (entry) => entry.name === name && this.keys.byId(entry.tagKey) === null,
    )
    if (hidden === undefined) return
    throw new VarveError(
      'KEY_MISSING',
      `The database "${name}" is sealed under the key "${hidden.key}", which is not held: import it, or name another key`,
      { details: { key: hidden.key } },
    )
  }

  /** What a new database of this name is: the same on every device, so that two that make it offline agree. */
  #known(name: string, mode: Mode, key: string): KnownDatabase {
    const base = this.keys.versions(tenantKey).find((version) => equalBytes(version.id, this.#parts.founding.key))
    const first = key === tenantKey ? base : this.keys.versions(key)[0]
    if (first === undefined || base === undefined)
      throw new VarveError('KEY_MISSING', `The keyring holds no key "${key}"`, { details: { key } })
    const secret = primitives.hkdfSha256(base.bytes, `varve/database-id/v1\0${this.id}`, 32)
    const id = toHex(primitives.hmacSha256(secret, utf8(`${mode}\0${first.hex}\0${name}`)).slice(0, 16))
    return { id, name, mode, key, tagKey: first.hex }
  }

  #openDatabase(known: KnownDatabase): Promise<OpenDatabase> {
    const opened = this.#open.get(known.id)
    if (opened !== undefined) return opened
    const opening = this.#openReplica(known)
    this.#open.set(known.id, opening)
    opening.catch(() => this.#open.delete(known.id))
    return opening
  }

  async #openReplica(known: KnownDatabase): Promise<OpenDatabase> {
    const version = this.keys.versions(known.key).find((key) => key.hex === known.tagKey)
    if (version === undefined) {
      throw new VarveError(
        'KEY_MISSING',
        `The database "${known.name}" needs the first version of the key "${known.key}": import it`,
        { details: { key: known.key } },
      )
    }
    const store = await this.#parts.home.openStore(known.id)
    const replica = await Replica.open(this.#context(known, tagKey(version), store))
    await this.#unlockKnown(replica)
    return { replica, database: new Database(replica, this) }
  }

  #context(known: KnownDatabase, tags: Uint8Array, store: ReplicaContext['store']): ReplicaContext {
    const { identity, founding, home } = this.#parts
    const databases = collectionTag(tags, directoryCollections.databases)
    const isDirectory = known.name === directoryName
    return {
      id: fromHex(known.id),
      name: known.name,
      mode: known.mode,
      env: home.env,
      store,
      device: {
        publicKey: identity.signing.publicKey,
        sign: (message) => primitives.ed25519.sign(identity.signing.secret, message),
      },
      user: identity.user,
      keys: this.keys,
      defaultKey: known.key,
      tagKey: tags,
      recorder: founding.publicKey,
      // The directory itself tells who is known, so its feeds are judged commit by commit.
      knows: (publicKey) => isDirectory || this.#standing.knows(publicKey),
      refuses: (publicKey, header) =>
        isDirectory
          ? this.#standing.refusesInDirectory(publicKey, header, databases)
          : this.#standing.refuses(publicKey),
    }
  }

  /** Keys may have come while this database was closed. */
  async #unlockKnown(replica: Replica): Promise<void> {
    const held = this.keys.names().flatMap((name) => this.keys.versions(name).map((key) => key.hex))
    for (const hex of [...held, newerFormat]) {
      if ((await replica.store.locked(hex, 0, 1)).length > 0) await keyArrived(replica, hex)
    }
  }

  async #openAll(): Promise<void> {
    for (const known of await this.#parts.home.databases()) {
      if (this.keys.byId(known.tagKey) !== null) await this.#openDatabase(known)
    }
  }

  async #keysArrived(ids: readonly string[]): Promise<void> {
    await this.#eachReplica(async (replica) => {
      for (const id of ids) await keyArrived(replica, id)
    })
  }

  async #eachReplica(work: (replica: Replica) => Promise<void>): Promise<void> {
    for (const opening of this.#open.values()) {
      const { replica } = await opening
      await work(replica)
    }
  }
}

/** What the caller asks for must be what the database is; an open one is never opened unasked. */
function assertAsked(existing: KnownDatabase, options: { readonly mode?: Mode; readonly key?: string }): void {
  const { name, mode, key } = existing
  if (
    mode !== (options.mode ?? 'sealed') &&
    !(mode === 'open' && options.mode === undefined && existing.here === true)
  ) {
    const hint = mode === 'open' ? "its server may read it: open it with { mode: 'open' }" : 'open it without a mode'
    throw new VarveError('INVALID', `The database "${name}" is ${mode} and stays so; ${hint}`, {
      details: { name, mode },
    })
  }
  if (options.key !== undefined && options.key !== key) {
    throw new VarveError(
      'INVALID',
      `The database "${name}" is sealed under the key "${key}" and stays so: open it without a key`,
      {
        details: { name, key },
      },
    )
  }
}

function closed(): VarveError {
  return new VarveError('CLOSED', 'The tenant is closed: open it again')
}
