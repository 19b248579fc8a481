/** Who may write in a tenant, as a node knows it from the directory's headers; it needs no key. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import type { Level } from '../log/header.ts'
import type { ReplicaContext } from '../replica/context.ts'
import type { Replica } from '../replica/replica.ts'
import { readStandings, type Judgeable, type StandingCommit, type Viewpoint } from '../replica/standings.ts'
import { Members, type Moment } from './members.ts'

/** Names of the directory's collections. */
export const directoryCollections = { users: 'users', devices: 'devices', databases: 'databases' } as const

/** What a node must know of a tenant to judge: a registration tells it (`registration.ts`). */
export interface StandingParts {
  /** Public key of the founding device, the first admin. */
  readonly founder: Uint8Array
  /** Public key of this node. */
  readonly own: Uint8Array
  /** Tag of the directory's collection `databases`: the only one that members may write. */
  readonly databases: Uint8Array
}

/** Told of a device's new level, null when what gave it one was refused; also when a level it had is recorded now. */
export type StandingListener = (device: Uint8Array, level: Level | null) => void

/** What a replica's context takes from here. */
export type Rules = Pick<ReplicaContext, 'knows' | 'refuses' | 'keepStandings'>

export class Standing {
  readonly #members: Members
  readonly #own: Uint8Array
  readonly #ownName: string
  readonly #databases: Uint8Array
  readonly #listeners = new Set<StandingListener>()

  constructor({ founder, own, databases }: StandingParts) {
    this.#members = new Members(toHex(founder))
    this.#own = own
    this.#ownName = toHex(own)
    this.#databases = databases
  }

  /** Reads what the directory's log says; once, when its replica was opened. Later writes tell by themselves. */
  async load(directory: Replica): Promise<void> {
    for await (const commit of readStandings(directory)) this.#members.take([commit])
  }

  /** Calls `listener` after a write in which devices got other levels, once for each; returns a function that stops it. */
  onChange(listener: StandingListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The level of a device; null when it is not in the directory. With `recorded`, pending commits are left aside. */
  level(publicKey: Uint8Array, recorded = false): Level | null {
    return this.#members.level(this.#name(publicKey), recorded)
  }

  /** The level a device had after a record of the directory, or at a trusted time; null when it was not in it. */
  levelAt(publicKey: Uint8Array, moment: Moment): Level | null {
    return this.#members.levelAt(this.#name(publicKey), moment)
  }

  /** Whether a device is an admin's, pending commits included. */
  isAdmin(publicKey: Uint8Array): boolean {
    return this.level(publicKey) === 'admin'
  }

  /** Why a device may not write now; null when it may. */
  bars(publicKey: Uint8Array): string | null {
    return this.#bars(publicKey, this.level(publicKey), true)
  }

  /** Whether somebody is admin still after these levels were set. */
  keepsAdmin(changes: Judgeable['standings']): boolean {
    return this.#members.keepsAdmin(changes, false)
  }

  /** This device, and every device that was ever in the directory, revoked ones included: their past stays. */
  knows(publicKey: Uint8Array): boolean {
    return equalBytes(publicKey, this.#own) || this.level(publicKey) !== null
  }

  /** Rules of the directory itself. It alone can tell who is known, so its feeds are judged commit by commit. */
  ofDirectory(): Rules {
    return {
      knows: () => true,
      refuses: (publicKey, header, viewpoint) => this.#refusesInDirectory(publicKey, header, viewpoint),
      keepStandings: (standings) => {
        this.#keep(standings)
      },
    }
  }

  /** Rules of every other database. */
  ofDatabases(): Rules {
    return {
      knows: (publicKey) => this.knows(publicKey),
      refuses: (publicKey, { standings }) =>
        standings.length > 0 ? 'Only the directory says who belongs to the tenant' : this.bars(publicKey),
    }
  }

  /** Most questions are about this device itself, for every write it makes. */
  #name(publicKey: Uint8Array): string {
    return publicKey === this.#own ? this.#ownName : toHex(publicKey)
  }

  #keep(standings: readonly StandingCommit[]): void {
    const named = new Map<string, Uint8Array>()
    const name = (device: Uint8Array): void => void named.set(toHex(device), device)
    for (const { changes } of standings) for (const { device } of changes) name(device)
    for (const device of this.#members.pendingDevices()) name(device)
    const before = new Map([...named.keys()].map((device) => [device, this.#bothLevels(device)]))
    this.#members.take(standings)
    for (const [hex, device] of named) {
      if (before.get(hex) === this.#bothLevels(hex)) continue
      for (const listener of this.#listeners) listener(device, this.#members.level(hex))
    }
  }

  /** A pending level that gets recorded is news too: some things wait for that. */
  #bothLevels(device: string): string {
    return `${this.#members.level(device) ?? ''}/${this.#members.level(device, true) ?? ''}`
  }

  #refusesInDirectory(publicKey: Uint8Array, header: Judgeable, { standings, recorded }: Viewpoint): string | null {
    const members = this.#members.after(standings)
    const level = members.level(this.#name(publicKey), recorded)
    const reason = this.#bars(publicKey, level, !recorded)
    if (reason !== null) return reason
    if (level === 'admin')
      return members.keepsAdmin(header.standings, recorded) ? null : 'The tenant would be left without an admin'
    const allowed = header.standings.length === 0 && header.collections.every((tag) => equalBytes(tag, this.#databases))
    return allowed ? null : 'Only an admin changes users and devices'
  }

  /** The reason stands in the receipt, which anyone may read: it names nobody. */
  #bars(publicKey: Uint8Array, level: Level | null, trustsItself: boolean): string | null {
    if (level === 'revoked' || level === 'wiped') return 'The device was revoked'
    if (level === 'mirror') return 'The device is a mirror, which writes nothing'
    // A device that has just joined may be the first of all to hear that it has.
    if (level === null && !(trustsItself && equalBytes(publicKey, this.#own)))
      return 'The device is not in the directory'
    return null
  }
}
