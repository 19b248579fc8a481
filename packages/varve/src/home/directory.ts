/** The directory as applications use it: users, devices, joining and revoking. */

import { encodeCbor } from '../encoding/cbor.ts'
import { fromHex, toHex } from '../encoding/bytes.ts'
import { checkName } from '../encoding/id.ts'
import { isVarveError, VarveError } from '../errors.ts'
import { directoryCollections, type Standing } from '../directory/standing.ts'
import { encodeFounding, type Founding } from '../directory/founding.ts'
import { formatKeys } from '../keys/export.ts'
import { createIdentity, type DeviceIdentity } from '../keys/identity.ts'
import { parseJoinRequest, sealJoinResponse } from '../keys/join.ts'
import { sealRecoveryKit } from '../keys/recovery.ts'
import { modeOf } from '../log/database-id.ts'
import type { Database } from '../database/database.ts'
import type { KnownDatabase, TenantHome } from './home.ts'
import type { Keyring } from './keyring.ts'
import { People, type User } from './people.ts'

interface DatabaseDocument {
  readonly name: string
  readonly mode: 'sealed' | 'open'
  readonly key: string
  readonly tagKey: string
}

export interface ApproveOptions {
  /** With `admin` among them the device becomes an admin's; they replace the roles of a user who is there. */
  readonly roles?: readonly string[]
  /** Further keys to hand over. */
  readonly keys?: readonly string[]
  /** Locks the response once more. */
  readonly password?: string
  /** What the device may do, whatever its user's roles: one of an admin's devices may be a plain member. */
  readonly level?: 'member' | 'admin'
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
  /** Public key of the device that records now. */
  recorder(): Uint8Array
  /** The registration's bytes. */
  registration(): Promise<Uint8Array>
  /** Appointments of recorders that hold, oldest first. */
  appointments(): readonly Uint8Array[]
}

const joinVersion = 1
const admin = 'admin'
/** The user that devices of recovery kits belong to. */
const recoveryUser = 'recovery'

export class Directory {
  readonly #parts: DirectoryParts
  readonly #people: People

  constructor(parts: DirectoryParts) {
    this.#parts = parts
    this.#people = new People(parts.database, parts.standing, parts.home.env)
  }

  /**
   * Takes a device into the tenant and gives the text to send back: an age file that only this device opens,
   * and only with `password` when one is given. Throws `FORBIDDEN` unless this device is an admin's and for a device
   * that was revoked, `KEY_MISSING`, `INVALID`, `TAMPERED`.
   */
  async approve(request: string, options: ApproveOptions = {}): Promise<string> {
    this.#assertAdmin('approve devices')
    const { home, keys, tenantKey, founding } = this.#parts
    const { user, publicKey, recipient, ...asked } = parseJoinRequest(request)
    if (user === recoveryUser)
      throw new VarveError('INVALID', `"${recoveryUser}" is the user of recovery kits: ask to join under another name`)
    this.#assertNew(publicKey, ['member', 'admin'])
    const names = [...new Set([tenantKey, ...(options.keys ?? [])])]
    const versions = names.flatMap((name) => keys.versions(name))
    const registration = await this.#parts.registration()
    const appointments = this.#parts.appointments()
    const payload = encodeCbor([
      joinVersion,
      encodeFounding(founding),
      formatKeys(versions),
      registration,
      appointments,
    ])
    const response = await sealJoinResponse(
      { ...asked, user, publicKey, recipient },
      payload,
      options.password,
      home.env.passphraseWork,
    )
    const level = options.level ?? (options.roles?.includes(admin) === true ? 'admin' : 'member')
    await this.#people.enter({ id: toHex(publicKey), user, recipient, level }, options.roles)
    return response
  }

  /**
   * Enters a server or other node, by its public key in hex, that may read everything and write nothing: a copy, with
   * the keys it is given, or none. Throws `FORBIDDEN`, `INVALID`, and `EXISTS` when a user has this name.
   */
  async approveMirror(publicKey: string, name: string): Promise<void> {
    this.#assertAdmin('approve mirrors')
    if (!/^[0-9a-f]{64}$/.test(publicKey))
      throw new VarveError('INVALID', 'The public key of a mirror must be 64 lower-case hex digits')
    this.#assertNew(fromHex(publicKey), ['mirror'])
    const others = await this.#people.devices(checkName(name, 'user'))
    if ((await this.#people.roles(name)) !== null && others.some(({ level }) => level !== 'mirror'))
      throw new VarveError('EXISTS', `There is a user "${name}": choose another name for the mirror`)
    await this.#people.enter({ id: publicKey, user: name, recipient: null, level: 'mirror' }, ['mirror'])
  }

  users(): Promise<readonly User[]> {
    return this.#people.list()
  }

  /**
   * Promotes or demotes a user: with `admin` among the roles his devices become admins', else members'. Throws
   * `FORBIDDEN`, `NOT_FOUND`, and `INVALID` when nobody would be admin any more, or for a mirror.
   */
  async setRoles(user: string, roles: readonly string[]): Promise<void> {
    this.#assertAdmin('change roles')
    const known = await this.#people.roles(user)
    if (known === null) throw unknown()
    const devices = await this.#people.devices(user)
    if (devices.some(({ level }) => level === 'mirror'))
      throw new VarveError('INVALID', `"${user}" is a mirror, which has no roles: revoke it when it is not needed`)
    const living = devices.filter(({ revoked }) => !revoked)
    await this.#people.setLevels(living, roles.includes(admin) ? 'admin' : 'member', { name: user, roles })
  }

  /**
   * New commits of the user's devices, or of one device, are refused from the moment that the recorder has this, however
   * they are stamped. What was recorded before stays, and revoking is final. Rotate keys to close the future to them.
   * With `wipe` the devices are asked to remove everything when they hear of it. Throws `FORBIDDEN`, also for the device
   * that records, `NOT_FOUND`, and `INVALID` when nobody would be admin any more.
   */
  async revoke(whom: string | { readonly device: string }, options: { readonly wipe?: boolean } = {}): Promise<void> {
    this.#assertAdmin('revoke')
    const devices = await this.#people.devices(whom)
    if (devices.length === 0) throw unknown()
    const level = options.wipe === true ? 'wiped' : 'revoked'
    const recorder = toHex(this.#parts.recorder())
    if (devices.some(({ id }) => id === recorder)) {
      throw new VarveError(
        'FORBIDDEN',
        'The device records this tenant and cannot be revoked: appoint another recorder first',
      )
    }
    const living = level === 'revoked' ? devices.filter(({ revoked }) => !revoked) : devices
    await this.#people.setLevels(living, level)
  }

  /**
   * An age file under a password with all that a new device needs to be an admin when every other admin's device is
   * lost: see `docs/recovery.md`. It enters its device as an admin's, of the user `recovery`; revoking that user makes
   * all kits useless. Throws `FORBIDDEN`, and `INVALID` for an empty password.
   */
  async recoveryKit(password: string): Promise<string> {
    this.#assertAdmin('make a recovery kit')
    const { home, keys, founding } = this.#parts
    const identity = createIdentity(recoveryUser, home.env)
    const kit = {
      founding: encodeFounding(founding),
      registration: await this.#parts.registration(),
      appointments: this.#parts.appointments(),
      keys: keys.names().flatMap((name) => keys.versions(name)),
      identity,
    }
    const file = await sealRecoveryKit(kit, password, home.env.passphraseWork)
    const id = toHex(identity.signing.publicKey)
    await this.#people.enter({ id, user: recoveryUser, recipient: identity.age.recipient, level: 'admin' }, [admin])
    return file
  }

  /** The founder enters the directory as its first user, unless that happened before. */
  found(age: Pick<DeviceIdentity['age'], 'recipient'>): Promise<void> {
    const { publicKey, user } = this.#parts.founding
    return this.#people.enterFounder({ id: toHex(publicKey), user }, age)
  }

  /** The entries of the list of databases, believed or not. */
  async databases(): Promise<readonly KnownDatabase[]> {
    const found = await this.#databases().find().toArray()
    return found.filter(saysItsMode).map(({ id, name, mode, key, tagKey }) => ({ id, name, mode, key, tagKey }))
  }

  async addDatabase({ id, name, mode, key, tagKey }: KnownDatabase): Promise<void> {
    if ((await this.#databases().get(id)) !== null) return
    try {
      await this.#databases().create({ name, mode, key, tagKey }, { id })
    } catch (error) {
      // Another call of this process was first: the entry says the same.
      if (!isVarveError(error, 'EXISTS')) throw error
    }
  }

  #databases() {
    return this.#parts.database.collection<DatabaseDocument>(directoryCollections.databases)
  }

  /** A device that is here keeps its kind; one that was revoked stays so. */
  #assertNew(publicKey: Uint8Array, kinds: readonly string[]): void {
    const level = this.#parts.standing.level(publicKey)
    if (level === null || kinds.includes(level)) return
    if (level === 'revoked' || level === 'wiped') {
      throw new VarveError(
        'FORBIDDEN',
        'The device was revoked, which is final: let it ask again from a new store, as a new device',
      )
    }
    throw new VarveError('INVALID', `The device is in the directory as ${level === 'mirror' ? 'a mirror' : 'a member'}`)
  }

  #assertAdmin(what: string): void {
    if (this.#parts.standing.isAdmin(this.#parts.device)) return
    throw new VarveError('FORBIDDEN', `Only the devices of admins ${what}: ask an admin, or sync to hear of being one`)
  }
}

/** Every member may add entries; one of another mode than its id says is no database. */
function saysItsMode({ id, mode }: { readonly id: string; readonly mode: string }): boolean {
  return /^[0-9a-f]{32}$/.test(id) && modeOf(fromHex(id)) === mode
}

function unknown(): VarveError {
  return new VarveError('NOT_FOUND', 'There is no such user or device: directory.users() lists them')
}
