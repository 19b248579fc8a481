/** What a replica is given: its identity, its store, its keys, and who may write and record. */

import type { XaesKey } from '../crypto/xaes.ts'
import type { Env } from '../env/env.ts'
import type { Epoch } from '../log/appointment.ts'
import type { Mode } from '../log/database-id.ts'
import type { Store } from '../store/store.ts'
import type { Judgeable, StandingCommit, Viewpoint } from './standings.ts'

/** A key version ready for use. */
export interface SealKey {
  readonly name: string
  /** 16 bytes, derived from the key's bytes. */
  readonly id: Uint8Array
  readonly key: XaesKey
  /** For single attributes. */
  readonly attributes: XaesKey
}

/** The keys of the keyring as a replica needs them; answers change when keys arrive or go. */
export interface KeySource {
  /** The newest version of a named key; null when it is not held. */
  current(name: string): SealKey | null
  /** The key with this id (hex); null when it is not held. */
  byId(id: string): SealKey | null
}

/** The device that writes this replica's own feed. */
export interface Device {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

export interface ReplicaContext {
  /** 16 bytes, which say the mode. */
  readonly id: Uint8Array
  readonly name: string
  readonly mode: Mode
  readonly env: Env
  readonly store: Store
  readonly device: Device
  /** The actor of writes that name none. */
  readonly user: string
  readonly keys: KeySource
  /** Named key of documents that ask for no other. */
  readonly defaultKey: string
  /** Under it document ids and collection names become tags; a secret in sealed databases, known to all in open ones. */
  readonly tagKey: Uint8Array
  /** Who recorded from which record number on, oldest first; the first from 0. */
  epochs(): readonly Epoch[]
  /** Whether this device issues the receipts now. */
  records(): boolean
  /** True for a node that holds no keys by design: what it cannot read is not entered as waiting for a key. */
  readonly blind?: boolean
  /** Whether a device belongs to the tenant at all: feeds of others are not taken. */
  knows(publicKey: Uint8Array): boolean
  /** Why a commit may not count, as far as standings go; null when it may. */
  refuses(publicKey: Uint8Array, header: Judgeable, viewpoint: Viewpoint): string | null
  /**
   * Takes the standings that a stored write has set. The directory's replica has this, and no other: its own record
   * tells who might write what, so there the recorder is held to it.
   */
  keepStandings?(standings: readonly StandingCommit[]): void
}
