/** What a tenant on a device puts behind a connection: its replicas with keys, and its own judgement of peers. */

import { equalBytes, fromHex, toHex } from '../encoding/bytes.ts'
import type { CorrectedEnv } from '../env/corrected.ts'
import type { Env } from '../env/env.ts'
import { VarveError } from '../errors.ts'
import type { Epochs } from '../directory/epochs.ts'
import type { Standing, StandingListener } from '../directory/standing.ts'
import type { Succession } from '../directory/succession.ts'
import { limits } from '../limits.ts'
import { recordPending } from '../replica/ingest.ts'
import { keepCheckpoint } from '../replica/kept.ts'
import type { Device } from '../replica/context.ts'
import type { Replica } from '../replica/replica.ts'
import { recordTree } from '../replica/tree.ts'
import type { Access, SyncHost } from '../sync/host.ts'

export interface TenantHostParts {
  /** The device's own environment, before its clock is corrected. */
  readonly env: Env
  readonly clock: CorrectedEnv
  readonly tenant: Uint8Array
  readonly directory: Uint8Array
  readonly device: Device
  readonly standing: Standing
  readonly epochs: Epochs
  /** The replica of a database that this device holds; null for another. */
  replica(database: Uint8Array): Promise<Replica | null>
  /** All that are open. */
  replicas(): Promise<readonly Replica[]>
  readonly succession: Succession
}

/** One for each tenant; all its connections share it. */
export class TenantHost implements SyncHost {
  readonly #parts: TenantHostParts

  constructor(parts: TenantHostParts) {
    this.#parts = parts
  }

  get env(): Env {
    return this.#parts.env
  }

  get tenant(): Uint8Array {
    return this.#parts.tenant
  }

  get directory(): Uint8Array {
    return this.#parts.directory
  }

  get device(): Device {
    return this.#parts.device
  }

  access(publicKey: Uint8Array): Access | null {
    const level = this.#parts.standing.level(publicKey)
    if (level === null) return null
    // A mirror passes on what members wrote and signed; what it wrote itself would be refused commit by commit.
    return level === 'revoked' || level === 'wiped' ? 'directory' : 'full'
  }

  /** Whether this device was revoked, as the recorder has recorded it: that is final. */
  get isRevoked(): boolean {
    const level = this.#parts.standing.level(this.device.publicKey, true)
    return level === 'revoked' || level === 'wiped'
  }

  /** Calls `listener` when a device has got another level; returns a function that stops it. */
  onStanding(listener: StandingListener): () => void {
    return this.#parts.standing.onChange(listener)
  }

  isRecorder(publicKey: Uint8Array): boolean {
    return equalBytes(this.#parts.epochs.acceptedRecorder, publicKey)
  }

  appointments(): readonly Uint8Array[] {
    return this.#parts.epochs.accepted()
  }

  async adopt(appointments: readonly Uint8Array[], peer: Uint8Array | null): Promise<void> {
    await this.#parts.succession.adopt(appointments, peer)
  }

  async replica(database: Uint8Array, peer: Uint8Array | null): Promise<Replica> {
    if (peer !== null && !equalBytes(database, this.directory)) this.#parts.succession.assertSettled(peer)
    const replica = await this.#parts.replica(database)
    if (replica === null) {
      throw new VarveError('NOT_FOUND', 'This device does not hold that database: open it here first', {
        details: { database: toHex(database) },
      })
    }
    return replica
  }

  async checkpoint(replica: Replica): Promise<string | null> {
    return replica.records && replica.state.record.length > 0 ? recordTree(replica).checkpoint() : null
  }

  async checkCheckpoint(replica: Replica, text: string, peer: Uint8Array): Promise<void> {
    if (this.isRecorder(peer)) await keepCheckpoint(replica, text, peer)
  }

  async taken(replica: Replica): Promise<void> {
    if (equalBytes(replica.context.id, this.directory)) await this.#parts.succession.settle()
    // Nothing waits, unless storing failed when this device went on recording.
    await recordPending(replica)
    await replica.reissue()
  }

  /**
   * The recorder's clock decides; a small difference is no reason to write other times than the user's clock shows, and
   * one of more than ten years ahead is rather the recorder's mistake, which would make every later stamp unusable.
   */
  skew(ms: number, peer: Uint8Array): void {
    const { clock } = this.#parts
    if (this.isRecorder(peer) && ms > limits.clockCorrectionMs) {
      this.env.log('warn', 'the recorder’s clock is far ahead and was not followed: compare it with this one', { ms })
      return
    }
    if (this.isRecorder(peer)) clock.correct(Math.abs(ms) > limits.clockDriftMs ? ms : 0)
    else if (Math.abs(ms - clock.correction()) > limits.clockDriftMs) return
    this.#clockFoundRight().catch((error: unknown) => {
      this.env.log('warn', 'what was refused as ahead of time could not be issued again', { error: String(error) })
    })
  }

  async #clockFoundRight(): Promise<void> {
    for (const replica of await this.#parts.replicas()) await replica.clockFoundRight()
  }

  problem(error: VarveError, database: Uint8Array | null): void {
    this.#parts.env.log('warn', 'a sync peer reported or caused a problem', {
      code: error.code,
      message: error.message,
      database: database === null ? null : toHex(database),
    })
  }
}

/** Public key of a node as it was given in hex; throws `INVALID`. */
export function nodeKey(hex: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(hex))
    throw new VarveError('INVALID', 'The key of a node is 64 lower-case hex digits: copy it from the node’s own output')
  return fromHex(hex)
}
