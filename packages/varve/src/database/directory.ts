/** The directory as applications use it: users, devices, joining and revoking. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import { encodeCbor } from '../encoding/cbor.ts'
import { isoTime } from '../document/head.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { directoryCollections, type DirectoryDevice, type Standing } from '../directory/standing.ts'
import { encodeFounding, type Founding } from '../directory/founding.ts'
import { parseJoinRequest, sealJoinResponse } from '../keys/join.ts'
import { formatKeys } from '../keys/export.ts'
import type { Database } from './database.ts'
import type { KnownDatabase, TenantHome } from './home.ts'
import type { Keyring } from './keyring.ts'

export interface User {
  readonly name: string
  readonly roles: readonly string[]
  readonly revoked: boolean
  readonly devices: readonly { readonly id: string; readonly addedAt: string; readonly revoked: boolean }[]
}

interface UserDocument {
  readonly roles: readonly string[]
}

interface DeviceDocument {
  readonly user: string
  readonly recipient: string
  readonly addedAt: string
  readonly revoked: boolean
}

interface DatabaseDocument {
  readonly name: string
  readonly mode: 'sealed' | 'open'
  readonly key: string
  readonly tagKey: string
}

export interface DirectoryParts {
  readonly database: Database
  readonly home: TenantHome
  readonly keys: Keyring
  readonly founding: Founding
  readonly standing: Standing
  /** Public key of this device. */
  readonly device: Uint8Array
  /** Name of the key every member holds. */
  readonly tenantKey: string
}

const joinVersion = 1

export class Directory {
  readonly #parts: DirectoryParts

  constructor(parts: DirectoryParts) {
    this.#parts = parts
  }

  /**
   * Takes a device into the tenant and gives the text to send back: an age file that only this device opens,
   * and only with `password` when one is given. `keys` names further keys to hand over.
   * Throws `FORBIDDEN` unless this device is an admin's, `KEY_MISSING`, `INVALID`, `TAMPERED`.
   */
  async approve(
    request: string,
    options: { readonly roles?: readonly string[]; readonly keys?: readonly string[]; readonly password?: string } = {},
  ): Promise<string> {
    this.#assertAdmin('approve devices')
    const { home, keys, tenantKey } = this.#parts
    const asked = parseJoinRequest(request)
    const names = [...new Set([tenantKey, ...(options.keys ?? [])])]
    const versions = names.flatMap((name) => keys.versions(name))
    const payload = encodeCbor([joinVersion, encodeFounding(this.#parts.founding), formatKeys(versions)])
    const response = await sealJoinResponse(asked, payload, options.password, home.env.passphraseWork)
    const users = this.#parts.database.collection<UserDocument>(directoryCollections.users)
    const known = await users.get(asked.user)
    if (known === null) await users.create({ roles: options.roles ?? [] }, { id: asked.user })
    else if (options.roles !== undefined) await users.patch(asked.user, { roles: options.roles })
    await this.#addDevice(toHex(asked.publicKey), asked.user, asked.recipient)
    return response
  }

  async users(): Promise<readonly User[]> {
    const users = await this.#parts.database
      .collection<UserDocument>(directoryCollections.users)
      .find()
      .sort({ id: 1 })
      .toArray()
    const devices = await this.#devices().find().sort({ addedAt: 1 }).toArray()
    return users.map((user) => {
      const own = devices.filter((device) => device.user === user.id)
      return {
        name: user.id,
        roles: user.roles,
        revoked: own.length > 0 && own.every((device) => device.revoked),
        devices: own.map(({ id, addedAt, revoked }) => ({ id, addedAt, revoked })),
      }
    })
  }

  /**
   * From the next sync on, new commits of the user's devices, or of one device, are refused. What was
   * recorded before stays. Rotate keys to close the future to them. Throws `FORBIDDEN`, `NOT_FOUND`.
   */
  async revoke(whom: string | { readonly device: string }): Promise<void> {
    this.#assertAdmin('revoke')
    const filter = typeof whom === 'string' ? { user: whom } : { id: whom.device }
    const devices = await this.#devices().find(filter).toArray()
    if (devices.length === 0)
      throw new VarveError('NOT_FOUND', `There is no such user or device: directory.users() lists them`)
    if (devices.some((device) => device.id === toHex(this.#parts.founding.publicKey))) {
      throw new VarveError('FORBIDDEN', 'The founding device records this tenant and cannot be revoked')
    }
    await this.#parts.database.transact(async (tx) => {
      const inside = tx.collection<DeviceDocument>(directoryCollections.devices)
      for (const { id } of devices) await inside.patch(id, { revoked: true })
    })
    await this.refresh()
  }

  /** Reads the devices again, after the directory changed. */
  async refresh(): Promise<void> {
    const found: DirectoryDevice[] = []
    for await (const { id, user, revoked } of this.#devices().find()) found.push({ id, user, revoked })
    this.#parts.standing.replace(found)
  }

  /** The founder enters the directory as its first user, unless that happened before. */
  async found(recipient: string): Promise<void> {
    const { founding, database } = this.#parts
    if ((await this.#devices().get(toHex(founding.publicKey))) !== null) return
    const users = database.collection<UserDocument>(directoryCollections.users)
    if ((await users.get(founding.user)) === null) await users.create({ roles: ['admin'] }, { id: founding.user })
    await this.#addDevice(toHex(founding.publicKey), founding.user, recipient)
  }

  async databases(): Promise<readonly KnownDatabase[]> {
    const found = await this.#parts.database
      .collection<DatabaseDocument>(directoryCollections.databases)
      .find()
      .toArray()
    return found.map(({ id, name, mode, key, tagKey }) => ({ id, name, mode, key, tagKey }))
  }

  async addDatabase({ id, name, mode, key, tagKey }: KnownDatabase): Promise<void> {
    const databases = this.#parts.database.collection<DatabaseDocument>(directoryCollections.databases)
    if ((await databases.get(id)) !== null) return
    try {
      await databases.create({ name, mode, key, tagKey }, { id })
    } catch (error) {
      // Another call of this process was first: the entry says the same.
      if (!isVarveError(error, 'EXISTS')) throw error
    }
  }

  async #addDevice(id: string, user: string, recipient: string): Promise<void> {
    const known = await this.#devices().get(id)
    const addedAt = isoTime(this.#parts.home.env.now())
    if (known === null) await this.#devices().create({ user, recipient, addedAt, revoked: false }, { id })
    await this.refresh()
  }

  #devices() {
    return this.#parts.database.collection<DeviceDocument>(directoryCollections.devices)
  }

  #assertAdmin(what: string): void {
    if (equalBytes(this.#parts.device, this.#parts.founding.publicKey)) return
    throw new VarveError('FORBIDDEN', `Only the founding device can ${what}: ask its user`)
  }
}
