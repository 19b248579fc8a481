/** The users and devices of the directory, written together with the standings they go with: one commit each time. */

import { directoryCollections, type Standing } from '../directory/standing.ts'
import { isoTime } from '../document/head.ts'
import { fromHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import type { Env } from '../env/env.ts'
import type { DeviceIdentity } from '../keys/identity.ts'
import type { Level, StandingChange } from '../log/header.ts'
import { replicaOf, type Database } from '../database/database.ts'
import { makeSpace, noRules } from '../database/space.ts'
import { transact, type Transaction } from '../database/transaction.ts'

export interface Device {
  /** Public key, 64 hex digits. */
  readonly id: string
  readonly addedAt: string
  /** What it may do; null while the commit that says so does not count. */
  readonly level: Level | null
  /** Revoked or asked to wipe itself. */
  readonly revoked: boolean
}

export interface User {
  readonly name: string
  readonly roles: readonly string[]
  /** True when every device of the user is. */
  readonly revoked: boolean
  readonly devices: readonly Device[]
}

interface UserDocument {
  readonly roles: readonly string[]
}

interface DeviceDocument {
  readonly user: string
  /** Its age public key; null for a mirror, which is given nothing. */
  readonly recipient: string | null
  readonly addedAt: string
  /** The levels that admins gave it, oldest first, to be read by people: the headers' standings decide. */
  readonly levels: readonly Level[]
}

export interface NewDevice {
  readonly id: string
  readonly user: string
  readonly recipient: string | null
  readonly level: Level
}

export class People {
  readonly #database: Database
  readonly #standing: Standing
  readonly #env: Pick<Env, 'now'>

  constructor(database: Database, standing: Standing, env: Pick<Env, 'now'>) {
    this.#database = database
    this.#standing = standing
    this.#env = env
  }

  async list(): Promise<readonly User[]> {
    const users = await this.#users().find().sort({ id: 1 }).toArray()
    const devices = await this.#devices().find().sort({ addedAt: 1 }).toArray()
    return users.map((user) => {
      const own = devices.filter((device) => device.user === user.id).map(({ id, addedAt }) => this.#view(id, addedAt))
      const revoked = own.length > 0 && own.every((device) => device.revoked)
      return { name: user.id, roles: user.roles, revoked, devices: own }
    })
  }

  /** The devices of a user, or the one with this id; none when there is no such user or device. */
  async devices(whom: string | { readonly device: string }): Promise<readonly Device[]> {
    const filter = typeof whom === 'string' ? { user: whom } : { id: whom.device }
    return (await this.#devices().find(filter).toArray()).map(({ id, addedAt }) => this.#view(id, addedAt))
  }

  /** The roles of a user; null when there is none. */
  async roles(user: string): Promise<readonly string[] | null> {
    return (await this.#users().get(user))?.roles ?? null
  }

  /** Enters a device, and its user when he is new; `roles` replace those of a user who is there. */
  async enter(device: NewDevice, roles: readonly string[] | undefined): Promise<void> {
    const { id, user, recipient, level } = device
    const [known, there] = [await this.#users().get(user), (await this.#devices().get(id)) !== null]
    await this.#write([{ device: fromHex(id), level }], async (tx) => {
      const users = tx.collection<UserDocument>(directoryCollections.users)
      if (known === null) await users.create({ roles: roles ?? [] }, { id: user })
      else if (roles !== undefined) await users.patch(user, { roles })
      const devices = tx.collection<DeviceDocument>(directoryCollections.devices)
      const addedAt = isoTime(this.#env.now())
      if (there) await devices.patch(id, { $push: { levels: level } })
      else await devices.create({ user, recipient, addedAt, levels: [level] }, { id })
    })
  }

  /** The founding device is an admin without anybody saying so: it only gets its documents. */
  async enterFounder(
    { id, user }: Pick<NewDevice, 'id' | 'user'>,
    age: Pick<DeviceIdentity['age'], 'recipient'>,
  ): Promise<void> {
    if ((await this.#devices().get(id)) !== null) return
    const known = await this.#users().get(user)
    await this.#write([], async (tx) => {
      if (known === null) await tx.collection(directoryCollections.users).create({ roles: ['admin'] }, { id: user })
      const addedAt = isoTime(this.#env.now())
      const made: DeviceDocument = { user, recipient: age.recipient, addedAt, levels: ['admin'] }
      await tx.collection<DeviceDocument>(directoryCollections.devices).create(made, { id })
    })
  }

  /** Gives these devices a level, and the user these roles; what is so already is not written again. */
  async setLevels(
    devices: readonly Device[],
    level: Level,
    user?: { readonly name: string; readonly roles: readonly string[] },
  ): Promise<void> {
    const changed = devices.filter((device) => device.level !== level)
    const standings = changed.map(({ id }) => ({ device: fromHex(id), level }))
    if (!this.#standing.keepsAdmin(standings)) {
      throw new VarveError('INVALID', 'The tenant would be left without an admin: make another device an admin first')
    }
    await this.#write(standings, async (tx) => {
      if (user !== undefined)
        await tx.collection<UserDocument>(directoryCollections.users).patch(user.name, { roles: user.roles })
      const inside = tx.collection<DeviceDocument>(directoryCollections.devices)
      for (const { id } of changed) await inside.patch(id, { $push: { levels: level } })
    })
  }

  async #write(standings: readonly StandingChange[], work: (tx: Transaction) => Promise<void>): Promise<void> {
    const replica = replicaOf(this.#database)
    await transact(replica, (name) => makeSpace(replica, name, noRules), work, {}, standings)
  }

  #view(id: string, addedAt: string): Device {
    const level = this.#standing.level(fromHex(id))
    return { id, addedAt, level, revoked: level === 'revoked' || level === 'wiped' }
  }

  #users() {
    return this.#database.collection<UserDocument>(directoryCollections.users)
  }

  #devices() {
    return this.#database.collection<DeviceDocument>(directoryCollections.devices)
  }
}
