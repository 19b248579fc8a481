/** One tenant on this node: its databases as replicas without keys, who belongs to it, and who records it. */

import {
  acceptAppointment,
  decodeAppointment,
  encodeAppointment,
  Epochs,
  equalBytes,
  fromHex,
  recordPending,
  recordTree,
  Replica,
  Standing,
  toHex,
  VarveError,
  type Access,
  type Device,
  type Env,
  type HandOver,
  type Level,
  type Registration,
  type ReplicaContext,
  type SyncHost,
} from 'varve/engine'
import type { MirrorPlan } from './mirror.ts'
import type { TenantStore } from './tenant-store.ts'

export interface TenantNodeParts {
  readonly env: Env
  readonly device: Device
  readonly store: TenantStore
  readonly registration: Registration
  /** Databases one tenant may have here. */
  readonly maximumDatabases: number
  readonly onProblem: (error: VarveError, database: Uint8Array | null) => void
}

export class TenantNode implements SyncHost {
  readonly env: Env
  readonly device: Device
  readonly tenant: Uint8Array
  readonly directory: Uint8Array
  readonly standing: Standing
  readonly #parts: TenantNodeParts
  readonly #epochs: Epochs
  readonly #replicas = new Map<string, Promise<Replica>>()
  readonly #appointed = new Set<() => void>()
  #known: Set<string> = new Set()

  private constructor(parts: TenantNodeParts) {
    const { env, device, registration } = parts
    this.#parts = parts
    this.env = env
    this.device = device
    this.tenant = fromHex(registration.tenant)
    this.directory = registration.directory
    const { founder, databases } = registration
    this.standing = new Standing({ founder, own: device.publicKey, databases })
    this.#epochs = new Epochs(this.tenant, founder)
  }

  static async open(parts: TenantNodeParts): Promise<TenantNode> {
    const node = new TenantNode(parts)
    node.#epochs.restore(await parts.store.appointments())
    node.#known = new Set(await parts.store.databases())
    await node.standing.load(await node.replica(node.directory))
    return node
  }

  /** Ids of the databases that are here, in hex. */
  get databases(): readonly string[] {
    return [...this.#known]
  }

  access(publicKey: Uint8Array): Access | null {
    const level = this.level(publicKey)
    if (level === null) return null
    // A mirror passes on what members wrote and signed; what it wrote itself would be refused commit by commit.
    return level === 'revoked' || level === 'wiped' ? 'directory' : 'full'
  }

  level(publicKey: Uint8Array): Level | null {
    return this.standing.level(publicKey)
  }

  isRecorder(publicKey: Uint8Array): boolean {
    return equalBytes(this.#epochs.recorder, publicKey)
  }

  appointments(): readonly Uint8Array[] {
    return this.#epochs.accepted()
  }

  /** Calls `listener` when another recorder was appointed; returns a function that stops it. */
  onAppointed(listener: () => void): () => void {
    this.#appointed.add(listener)
    return () => void this.#appointed.delete(listener)
  }

  async adopt(appointments: readonly Uint8Array[]): Promise<void> {
    if (!this.#epochs.adopt(appointments, (publicKey) => this.standing.isAdmin(publicKey))) return
    await this.#parts.store.saveAppointments(this.#epochs.accepted())
    for (const listener of this.#appointed) listener()
  }

  /**
   * Accepts an appointment of this node: everything it hands over must be here. Gives the bytes with both signatures;
   * the same bytes when asked again. Throws `INVALID`, `FORBIDDEN`, `TAMPERED`.
   */
  async accept(proposed: Uint8Array): Promise<Uint8Array> {
    const { appointment, body } = decodeAppointment(proposed)
    const known = this.#epochs.accepted().find((each) => equalBytes(decodeAppointment(each).body, body))
    if (known !== undefined) return known
    if (!equalBytes(appointment.recorder, this.device.publicKey))
      throw new VarveError('INVALID', 'The appointment names another recorder than this node: send it there')
    const replicas = await this.#openAll()
    assertHandedOver(appointment.handOvers, replicas)
    const accepted = encodeAppointment(
      acceptAppointment(decodeAppointment(proposed), (message) => this.device.sign(message)),
    )
    await this.adopt([...this.#epochs.accepted(), accepted])
    for (const replica of replicas) await recordPending(replica)
    return accepted
  }

  saveMirror(plan: MirrorPlan): Promise<void> {
    return this.#parts.store.saveMirror(plan)
  }

  replica(database: Uint8Array): Promise<Replica> {
    const id = toHex(database)
    const opened = this.#replicas.get(id)
    if (opened !== undefined) return opened
    const opening = this.#open(database, id)
    this.#replicas.set(id, opening)
    opening.catch(() => this.#replicas.delete(id))
    return opening
  }

  /** The replica of a database that is here; throws `NOT_FOUND` for another. */
  existing(database: Uint8Array): Promise<Replica> {
    if (this.#known.has(toHex(database))) return this.replica(database)
    return Promise.reject(
      new VarveError('NOT_FOUND', 'There is no such database on this node: a member must sync it first'),
    )
  }

  checkpoint(replica: Replica): Promise<string | null> {
    if (!replica.records || replica.state.record.length === 0) return Promise.resolve(null)
    return recordTree(replica).checkpoint()
  }

  /** A node without keys keeps no checkpoints of others: its own record is compared when receipts come. */
  checkCheckpoint(): Promise<void> {
    return Promise.resolve()
  }

  taken(): Promise<void> {
    return Promise.resolve()
  }

  skew(): void {
    // The node's clock is set by whoever runs it, not by those who connect.
  }

  problem(error: VarveError, database: Uint8Array | null): void {
    this.#parts.onProblem(error, database)
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#replicas.values())
    for (const each of opened) if (each.status === 'fulfilled') await each.value.close()
    await this.#parts.store.close()
  }

  async #openAll(): Promise<readonly Replica[]> {
    const opened: Replica[] = []
    for (const id of this.#known) opened.push(await this.replica(fromHex(id)))
    return opened
  }

  async #open(database: Uint8Array, id: string): Promise<Replica> {
    const { store, maximumDatabases } = this.#parts
    if (!this.#known.has(id)) {
      if (this.#known.size >= maximumDatabases) {
        throw new VarveError(
          'RATE_LIMITED',
          `The tenant has ${maximumDatabases} databases here, more are not allowed`,
          {
            retryable: false,
          },
        )
      }
      await store.addDatabase(database)
      this.#known.add(id)
    }
    return Replica.open(this.#context(database, await store.openDatabase(id)))
  }

  #context(id: Uint8Array, store: ReplicaContext['store']): ReplicaContext {
    const isDirectory = equalBytes(id, this.directory)
    return {
      id,
      name: toHex(id),
      mode: 'sealed',
      env: this.env,
      store,
      device: this.device,
      user: 'node',
      keys: { current: () => null, byId: () => null },
      defaultKey: '',
      tagKey: new Uint8Array(32),
      blind: true,
      epochs: () => this.#epochs.of(id),
      records: () => this.isRecorder(this.device.publicKey),
      ...(isDirectory ? this.standing.ofDirectory() : this.standing.ofDatabases()),
    }
  }
}

/** Throws `INVALID` unless these replicas stand exactly where the record is handed over. */
function assertHandedOver(handOvers: readonly HandOver[], replicas: readonly Replica[]): void {
  for (const { database, record, head } of handOvers) {
    const state = replicas.find(({ context }) => equalBytes(context.id, database))?.state.record
    if (state === undefined || state.length !== record || !equalBytes(state.head, head)) {
      const held = state?.length ?? 0
      throw new VarveError(
        'INVALID',
        `The record of a database is handed over at ${record}, ${held} of its receipts are here: sync everything first`,
        { details: { record, held } },
      )
    }
  }
}
