/** Who belongs to a tenant and may write, as its directory says. */

import { equalBytes, toHex } from '../encoding/bytes.ts'
import type { CommitHeader } from '../log/header.ts'
import type { Founding } from './founding.ts'

/** A device of the directory. */
export interface DirectoryDevice {
  /** Public key in hex. */
  readonly id: string
  readonly user: string
  readonly revoked: boolean
}

/** Names of the directory's collections. */
export const directoryCollections = { users: 'users', devices: 'devices', databases: 'databases' } as const

/** The devices of a tenant; replaced as a whole when the directory changes. */
export class Standing {
  readonly #founder: Uint8Array
  readonly #own: Uint8Array
  #devices: ReadonlyMap<string, DirectoryDevice> = new Map()

  constructor(founding: Founding, own: Uint8Array) {
    this.#founder = founding.publicKey
    this.#own = own
  }

  replace(devices: readonly DirectoryDevice[]): void {
    this.#devices = new Map(devices.map((device) => [device.id, device]))
  }

  isAdmin(publicKey: Uint8Array): boolean {
    return equalBytes(publicKey, this.#founder)
  }

  /** The founder's device, this one, and every device ever approved, revoked ones included: their past stays. */
  knows(publicKey: Uint8Array): boolean {
    return this.isAdmin(publicKey) || equalBytes(publicKey, this.#own) || this.#devices.has(toHex(publicKey))
  }

  /** Why this device may not write now; null when it may. */
  refuses(publicKey: Uint8Array): string | null {
    if (this.isAdmin(publicKey)) return null
    const device = this.#devices.get(toHex(publicKey))
    // The reason stands in the receipt, which anyone may read: it names nobody.
    if (device?.revoked === true) return 'The device was revoked'
    if (device === undefined && !equalBytes(publicKey, this.#own)) return 'The device is not in the directory'
    return null
  }

  /** The same for a commit in the directory itself: only the admin changes people, everyone may add databases. */
  refusesInDirectory(publicKey: Uint8Array, header: CommitHeader, databases: Uint8Array): string | null {
    const refusal = this.refuses(publicKey)
    if (refusal !== null || this.isAdmin(publicKey)) return refusal
    return header.collections.every((tag) => equalBytes(tag, databases))
      ? null
      : 'Only an admin changes users and devices'
  }
}
