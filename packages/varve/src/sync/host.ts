/** What a node puts behind a connection: its identity, its replicas and its knowledge of the tenant. */

import type { Env } from '../env/env.ts'
import type { VarveError } from '../errors.ts'
import type { Device } from '../replica/context.ts'
import type { Replica } from '../replica/replica.ts'

/** What a device may do: everything of a member, read all and write nothing, or learn that it was revoked. */
export type Access = 'full' | 'read' | 'directory'

/** Or, at a node that has just got a tenant, bring the directory that says what it may do, and get nothing. */
export type Admission = Access | 'bring'

export interface SyncHost {
  readonly env: Env
  /** Tenant id, 16 bytes. */
  readonly tenant: Uint8Array
  /** Id of the tenant's directory, 16 bytes. */
  readonly directory: Uint8Array
  /** Signs for this node. */
  readonly device: Device
  /** What the node with this key may do here, as of now; null when it does not belong to the tenant. */
  access(publicKey: Uint8Array): Admission | null
  /** Whether the node with this key issues the receipts now. */
  isRecorder(publicKey: Uint8Array): boolean
  /** Appointments that both sides signed, oldest first. */
  appointments(): readonly Uint8Array[]
  /** Takes over what a peer knows of recorders, now or when the directory shows that it is right; throws `TAMPERED`, `FORBIDDEN`. */
  adopt(appointments: readonly Uint8Array[], peer: Uint8Array | null): Promise<void>
  /**
   * The replica of a database, opened or made; null as `peer` is this node itself. Throws `NOT_FOUND`, `RATE_LIMITED`,
   * and `FORBIDDEN` for a peer that may not have it, or names a recorder that was not confirmed.
   */
  replica(database: Uint8Array, peer: Uint8Array | null): Promise<Replica>
  /** The recorder's signed checkpoint of what the replica holds; null when this node does not record. */
  checkpoint(replica: Replica): Promise<string | null>
  /** Compares a checkpoint of a peer with what is held and keeps it; throws `TAMPERED` with the evidence. */
  checkCheckpoint(replica: Replica, text: string, peer: Uint8Array): Promise<void>
  /** Called after units were taken over, before anything else of the connection is. */
  taken(replica: Replica): Promise<void>
  /** How many milliseconds the peer's clock is ahead of this node's own. */
  skew(ms: number, peer: Uint8Array): void
  /** Every error that a peer reported or caused, for lists and logs. */
  problem(error: VarveError, database: Uint8Array | null): void
}
