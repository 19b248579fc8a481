/** The databases of a tenant that are open on this device: each is opened once, with the keys that came meanwhile. */

import { primitives } from '../crypto/primitives.ts'
import type { Epochs } from '../directory/epochs.ts'
import type { Standing } from '../directory/standing.ts'
import { equalBytes, fromHex } from '../encoding/bytes.ts'
import type { Env } from '../env/env.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { tagKey } from '../keys/derive.ts'
import type { DeviceIdentity } from '../keys/identity.ts'
import { openTagKey } from '../log/tag.ts'
import type { ReplicaContext } from '../replica/context.ts'
import { recordPending } from '../replica/ingest.ts'
import { newerFormat } from '../replica/reader.ts'
import { eraseGarbage } from '../replica/recount.ts'
import { Replica } from '../replica/replica.ts'
import { keyArrived, keyRemoved } from '../replica/unlock.ts'
import { directoryName } from './catalogue.ts'
import { Database, type DatabaseHome } from '../database/database.ts'
import { rebuildSearches } from '../database/search-index.ts'
import type { KnownDatabase, TenantHome } from './home.ts'
import type { Keyring } from './keyring.ts'

export interface OpenDatabase {
  readonly replica: Replica
  readonly database: Database
}

export interface OpenDatabasesParts {
  readonly home: TenantHome
  readonly identity: DeviceIdentity
  readonly keys: Keyring
  /** The device's environment, with its clock corrected. */
  readonly env: Env
  readonly epochs: Epochs
  readonly standing: Standing
  /** The tenant, as a database sees it. */
  readonly tenant: DatabaseHome
  /** Told of each database, by its id, once it is open. */
  readonly opened: (database: Uint8Array) => void
}

export class OpenDatabases {
  readonly #parts: OpenDatabasesParts
  readonly #open = new Map<string, Promise<OpenDatabase>>()

  constructor(parts: OpenDatabasesParts) {
    this.#parts = parts
  }

  /** Ids in hex. */
  get ids(): readonly string[] {
    return [...this.#open.keys()]
  }

  /** The replica with this id in hex, when it is open. */
  async find(id: string): Promise<Replica | null> {
    return (await this.#open.get(id))?.replica ?? null
  }

  /** Throws `KEY_MISSING`, and what opening a store throws. */
  open(known: KnownDatabase): Promise<OpenDatabase> {
    const opened = this.#open.get(known.id)
    if (opened !== undefined) return opened
    const opening = this.#openReplica(known)
    this.#open.set(known.id, opening)
    opening.catch(() => this.#open.delete(known.id))
    return opening
  }

  /** Opens every database that was opened on this device before and whose key is held. */
  async openAll(): Promise<void> {
    for (const known of await this.#parts.home.databases()) {
      if (this.#parts.keys.byId(known.tagKey) !== null) await this.open(known)
    }
  }

  /** Every database this device holds, opened; throws `KEY_MISSING` when the key of one is not held any more. */
  async everything(): Promise<readonly Replica[]> {
    for (const known of await this.#parts.home.databases()) await this.open(known)
    return this.replicas()
  }

  async replicas(): Promise<readonly Replica[]> {
    return (await Promise.all(this.#open.values())).map(({ replica }) => replica)
  }

  /** Keys with these ids (hex) have come: what they open appears. */
  async keysArrived(ids: readonly string[]): Promise<void> {
    for (const opening of this.#open.values()) {
      const { replica } = await opening
      for (const id of ids) await keyArrived(replica, id)
    }
  }

  /** A named key has gone: what it opened disappears. */
  async keyRemoved(name: string, ids: readonly string[]): Promise<void> {
    for (const opening of this.#open.values()) {
      const { replica } = await opening
      await keyRemoved(replica, name, ids)
      await rebuildSearches(replica)
      await eraseGarbage(replica)
    }
  }

  /** Closes all of them, whatever happens to one; later calls on them fail with `refusal`. */
  close(refusal: VarveError | null): Promise<readonly PromiseSettledResult<void>[]> {
    return Promise.allSettled([...this.#open.values()].map(async (opening) => (await opening).replica.close(refusal)))
  }

  async #openReplica(known: KnownDatabase): Promise<OpenDatabase> {
    const { home, keys, standing, tenant, opened } = this.#parts
    const version = keys.versions(known.key).find((key) => key.hex === known.tagKey)
    if (version === undefined) {
      throw new VarveError(
        'KEY_MISSING',
        `The database "${known.name}" needs the first version of the key "${known.key}": import it`,
        { details: { key: known.key } },
      )
    }
    const tags = known.mode === 'open' ? openTagKey(fromHex(known.id)) : tagKey(version)
    const store = await home.openStore(known.id)
    try {
      const replica = await Replica.open(this.#context(known, tags, store))
      if (known.name === directoryName) await standing.load(replica)
      await this.#unlockKnown(replica)
      await this.#recordWaiting(replica)
      opened(replica.context.id)
      return { replica, database: new Database(replica, tenant) }
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /** Commits may wait for receipts since a hand-over that was interrupted. A full disk is no reason not to open. */
  async #recordWaiting(replica: Replica): Promise<void> {
    try {
      await recordPending(replica)
    } catch (error) {
      if (!isVarveError(error, 'STORE_FAILED')) throw error
      this.#parts.env.log('warn', 'commits that wait for receipts could not be recorded', { message: error.message })
    }
  }

  #context(known: KnownDatabase, tags: Uint8Array, store: ReplicaContext['store']): ReplicaContext {
    const { env, epochs, identity, keys, standing } = this.#parts
    const { publicKey, secret } = identity.signing
    const id = fromHex(known.id)
    return {
      id,
      name: known.name,
      mode: known.mode,
      env,
      store,
      device: { publicKey, sign: (message) => primitives.ed25519.sign(secret, message) },
      user: identity.user,
      keys,
      defaultKey: known.key,
      tagKey: tags,
      epochs: () => epochs.of(id),
      records: () => !epochs.paused && equalBytes(epochs.recorder, publicKey),
      ...(known.name === directoryName ? standing.ofDirectory() : standing.ofDatabases()),
    }
  }

  /** Keys may have come while this database was closed. */
  async #unlockKnown(replica: Replica): Promise<void> {
    const { keys } = this.#parts
    const held = keys.names().flatMap((name) => keys.versions(name).map((key) => key.hex))
    for (const hex of [...held, newerFormat]) {
      if ((await replica.store.locked(hex, 0, 1)).length > 0) await keyArrived(replica, hex)
    }
  }
}
