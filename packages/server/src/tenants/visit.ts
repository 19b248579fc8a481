/** What one connection uses of a tenant: its databases stay open until the connection has ended. */

import {
  equalBytes,
  fromHex,
  recordPending,
  recordTree,
  toHex,
  VarveError,
  type Admission,
  type Device,
  type Env,
  type Replica,
  type SyncHost,
} from 'varve/engine'
import type { Lent } from './lent.ts'
import type { TenantNode } from './tenant-node.ts'

interface Borrowed {
  readonly lent: Lent<Replica>
  readonly replica: Promise<Replica>
}

export interface VisitParts {
  readonly node: TenantNode
  /** Throws when the peer may not have databases other than the directory. */
  readonly admit: (peer: Uint8Array) => void
  /** Called once the visit is over and everything given back. */
  readonly left: () => void
}

export class Visit implements SyncHost {
  readonly node: TenantNode
  readonly #parts: VisitParts
  /** By id in hex. */
  readonly #borrowed = new Map<string, Borrowed>()
  #over = false

  constructor(parts: VisitParts) {
    this.node = parts.node
    this.#parts = parts
  }

  get env(): Env {
    return this.node.env
  }

  get tenant(): Uint8Array {
    return this.node.tenant
  }

  get directory(): Uint8Array {
    return this.node.directory
  }

  get device(): Device {
    return this.node.device
  }

  access(publicKey: Uint8Array): Admission | null {
    return this.node.access(publicKey)
  }

  isRecorder(publicKey: Uint8Array): boolean {
    return this.node.isRecorder(publicKey)
  }

  appointments(): readonly Uint8Array[] {
    return this.node.appointments()
  }

  async adopt(appointments: readonly Uint8Array[], peer: Uint8Array | null): Promise<void> {
    await this.node.succession.adopt(appointments, peer)
  }

  async replica(database: Uint8Array, peer: Uint8Array | null): Promise<Replica> {
    if (peer !== null && !equalBytes(database, this.directory)) this.#parts.admit(peer)
    if (this.#over) throw new VarveError('CLOSED', 'The connection has ended: connect again')
    const id = toHex(database)
    const known = this.#borrowed.get(id)
    if (known !== undefined) return known.replica
    const lent = this.node.database(database)
    const replica = lent.borrow()
    this.#borrowed.set(id, { lent, replica })
    replica.catch(() => this.#borrowed.delete(id))
    return replica
  }

  checkpoint(replica: Replica): Promise<string | null> {
    if (!replica.records || replica.state.record.length === 0) return Promise.resolve(null)
    return recordTree(replica).checkpoint()
  }

  /** A node without keys keeps no checkpoints of others: its own record is compared when receipts come. */
  checkCheckpoint(): Promise<void> {
    return Promise.resolve()
  }

  async taken(replica: Replica): Promise<void> {
    if (equalBytes(replica.context.id, this.directory)) await this.node.succession.settle()
    // Nothing waits, unless the disk failed when the record was taken over.
    await recordPending(replica)
  }

  skew(): void {
    // The node's clock is set by whoever runs it, not by those who connect.
  }

  problem(error: VarveError, database: Uint8Array | null): void {
    this.node.problem(error, database)
  }

  /** The connection syncs a database no more. */
  giveBack(database: Uint8Array): void {
    const id = toHex(database)
    const borrowed = this.#borrowed.get(id)
    if (borrowed === undefined) return
    this.#borrowed.delete(id)
    borrowed.replica.then(
      () => borrowed.lent.giveBack(),
      () => undefined,
    )
  }

  /** Gives everything back; idempotent. */
  leave(): void {
    if (this.#over) return
    this.#over = true
    for (const id of this.#borrowed.keys()) this.giveBack(fromHex(id))
    this.#parts.left()
  }
}
