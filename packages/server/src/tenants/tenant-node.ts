/** One tenant on this node: its databases as replicas without keys, blind but for open ones, and who belongs to it. */

import {
  acceptAppointment,
  decodeAppointment,
  encodeAppointment,
  Epochs,
  equalBytes,
  fromHex,
  modeOf,
  openTagKey,
  readableDatabase,
  recordPending,
  Replica,
  Standing,
  Succession,
  toHex,
  VarveError,
  type Admission,
  type Device,
  type Env,
  type HandOver,
  type Level,
  type ReadableDatabase,
  type Registration,
  type ReplicaContext,
  type Store,
} from 'varve/engine'
import type { Lent } from './lent.ts'
import type { MirrorPlan } from './mirror.ts'
import { NodeDatabases } from './node-databases.ts'
import type { OpenStores } from './open-stores.ts'
import type { TenantStore } from './tenant-store.ts'

export interface TenantNodeParts {
  readonly env: Env
  readonly device: Device
  readonly store: TenantStore
  readonly registration: Registration
  /** Databases one tenant may have here. */
  readonly maximumDatabases: number
  readonly stores: OpenStores
  readonly onProblem: (error: VarveError, database: Uint8Array | null) => void
}

export class TenantNode {
  readonly env: Env
  readonly device: Device
  readonly tenant: Uint8Array
  readonly directory: Uint8Array
  readonly standing: Standing
  readonly succession: Succession
  readonly #parts: TenantNodeParts
  readonly #epochs: Epochs
  readonly #databases: NodeDatabases
  readonly #appointed = new Set<() => void>()
  #directory: Replica | null = null

  private constructor(parts: TenantNodeParts, known: readonly string[]) {
    const { env, device, registration, store, stores, maximumDatabases: maximum } = parts
    const open = (database: Uint8Array, opened: Store): Promise<Replica> => this.#open(database, opened)
    this.#databases = new NodeDatabases({ store, stores, known, maximum, open })
    this.#parts = parts
    this.env = env
    this.device = device
    this.tenant = fromHex(registration.tenant)
    this.directory = registration.directory
    const { founder, databases } = registration
    this.standing = new Standing({ founder, own: device.publicKey, databases })
    this.#epochs = new Epochs(this.tenant, founder)
    this.succession = new Succession({
      epochs: this.#epochs,
      standing: this.standing,
      directory: this.directory,
      held: () => Promise.resolve(this.#directory?.state.record.length ?? 0),
      save: (appointments) => store.saveAppointments(appointments),
      taken: () => {
        this.#tellAppointed()
        return this.#recordWaiting()
      },
    })
  }

  static async open(parts: TenantNodeParts): Promise<TenantNode> {
    const { store } = parts
    const node = new TenantNode(parts, await store.databases())
    node.#epochs.restore(await store.appointments())
    // Never given back: who belongs to the tenant is read from it, and followed, as long as the tenant is open.
    await node.database(node.directory).borrow()
    return node
  }

  /** Ids of the databases that are here, in hex. */
  get databases(): readonly string[] {
    return this.#databases.ids
  }

  /** Whether a database other than the directory is in use. */
  get inUse(): boolean {
    return this.#databases.inUseBeside(this.directory)
  }

  access(publicKey: Uint8Array): Admission | null {
    const level = this.level(publicKey)
    if (level === null) return this.#isNew ? 'bring' : null
    // A mirror passes on what members wrote and signed; what it wrote itself would be refused commit by commit.
    return level === 'revoked' || level === 'wiped' ? 'directory' : 'full'
  }

  /**
   * True while this node has no part in the tenant yet, neither as a recorder nor as a mirror: it cannot know who
   * belongs to it, only that its founder does, whose device may be lost.
   */
  get #isNew(): boolean {
    const own = this.device.publicKey
    return (
      this.level(own) === null && !this.#epochs.of(this.directory).some(({ recorder }) => equalBytes(recorder, own))
    )
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

  /**
   * Accepts an appointment of this node: everything it hands over must be here. Gives the bytes with both signatures;
   * the same bytes when asked again. Throws `INVALID`, `FORBIDDEN`, `TAMPERED`.
   */
  async accept(proposed: Uint8Array): Promise<Uint8Array> {
    const { bytes, isNew } = await this.#epochs.alone(() => this.#acceptAlone(proposed))
    if (isNew) {
      this.#tellAppointed()
      for (const id of this.databases) await this.database(fromHex(id)).using(recordPending)
    } else await this.#recordWaiting()
    return bytes
  }

  async #acceptAlone(proposed: Uint8Array): Promise<{ readonly bytes: Uint8Array; readonly isNew: boolean }> {
    const signed = decodeAppointment(proposed)
    const { appointment, body } = signed
    const known = this.#accepted(body)
    if (known !== undefined) return { bytes: known, isNew: false }
    if (!equalBytes(appointment.recorder, this.device.publicKey))
      throw new VarveError('INVALID', 'The appointment names another recorder than this node: send it there')
    // Before databases are opened for it: anybody can send an appointment that he signed himself.
    if (!this.isRecorder(appointment.appointer) && this.standing.level(appointment.appointer, true) !== 'admin')
      throw new VarveError('FORBIDDEN', 'The appointer is no admin as far as this node knows: sync the directory first')
    await this.#assertHandedOver(appointment.handOvers)
    const bytes = encodeAppointment(acceptAppointment(signed, (message) => this.device.sign(message)))
    const isNew = await this.succession.adoptAlone([...this.#epochs.accepted(), bytes], null)
    if (!isNew)
      throw new VarveError(
        'FORBIDDEN',
        'The appointer was no admin as far as this node knows: sync the directory first',
      )
    return { bytes, isNew }
  }

  /** The appointment with this body, once it counts. */
  #accepted(body: Uint8Array): Uint8Array | undefined {
    return this.#epochs.accepted().find((each) => equalBytes(decodeAppointment(each).body, body))
  }

  /** Throws `INVALID` unless all records here stand exactly where they are handed over. */
  async #assertHandedOver(handOvers: readonly HandOver[]): Promise<void> {
    const points = new Map(handOvers.map((point) => [toHex(point.database), point]))
    for (const point of handOvers) if (!this.#databases.has(point.database)) assertStandsAt(point, null)
    for (const id of this.databases)
      await this.database(fromHex(id)).using((replica) => {
        assertStandsAt(points.get(id), replica)
      })
    // The first ones may have grown while the last ones were opened.
    for (const [id, , replica] of this.#databases.opened()) assertStandsAt(points.get(id), replica)
  }

  #tellAppointed(): void {
    for (const listener of this.#appointed) listener()
  }

  /** Commits without a receipt get one, when this node records now; what is not open gets them when it is opened. */
  async #recordWaiting(): Promise<void> {
    for (const [, database] of this.#databases.opened()) await database.using(recordPending)
  }

  saveMirror(plan: MirrorPlan): Promise<void> {
    return this.#parts.store.saveMirror(plan)
  }

  /** Throws `FORBIDDEN` for a device that has brought a directory which does not name it, or a recorder it does not confirm. */
  assertMember(peer: Uint8Array): void {
    this.succession.assertSettled(peer)
    if (this.level(peer) !== null) return
    throw new VarveError('FORBIDDEN', 'This device does not belong to the tenant: ask an admin to approve it')
  }

  /** A database of the tenant, to be borrowed; one that is not here is made then. Throws `RATE_LIMITED`, `CLOSED`. */
  database(database: Uint8Array): Lent<Replica> {
    return this.#databases.get(database)
  }

  /** The replica of a database that is here, open at least for now; throws `NOT_FOUND` for another. */
  existing(database: Uint8Array): Promise<Replica> {
    return this.reading(database, (replica) => replica)
  }

  /** Keeps the replica of a database that is here open while `work` runs; throws `NOT_FOUND` for another. */
  async reading<R>(database: Uint8Array, work: (replica: Replica) => R | Promise<R>): Promise<R> {
    if (this.#databases.has(database)) return this.database(database).using(work)
    throw new VarveError('NOT_FOUND', 'There is no such database on this node: a member must sync it first')
  }

  /**
   * Reads an open database with the calls of a device: `work` may use it until it ends. Throws `NOT_FOUND` for a database
   * that is not here, and `UNSUPPORTED` for a sealed one.
   */
  read<R>(database: Uint8Array, work: (database: ReadableDatabase) => R | Promise<R>): Promise<R> {
    return this.reading(database, (replica) => {
      if (replica.context.mode === 'open') return work(readableDatabase(replica, toHex(this.tenant)))
      throw new VarveError('UNSUPPORTED', 'The database is sealed: only its members read it, on their devices')
    })
  }

  problem(error: VarveError, database: Uint8Array | null): void {
    this.#parts.onProblem(error, database)
  }

  async close(): Promise<void> {
    try {
      await this.#databases.close()
    } finally {
      await this.#parts.store.close()
    }
  }

  async #open(database: Uint8Array, store: Store): Promise<Replica> {
    const replica = await Replica.open(this.#context(database, store))
    if (equalBytes(database, this.directory)) {
      await this.standing.load(replica)
      this.#directory = replica
    }
    // The node may have stopped after it became the recorder and before these had their receipts.
    await recordPending(replica)
    return replica
  }

  /** Of an open database everything is read but sealed attributes; of a sealed one, and of the directory, headers alone. */
  #context(id: Uint8Array, store: Store): ReplicaContext {
    const mode = modeOf(id)
    const isOpen = mode === 'open'
    const rules = equalBytes(id, this.directory) ? this.standing.ofDirectory() : this.standing.ofDatabases()
    return {
      id,
      name: toHex(id),
      mode,
      env: this.env,
      store,
      device: this.device,
      user: 'node',
      keys: { current: () => null, byId: () => null },
      defaultKey: '',
      tagKey: isOpen ? openTagKey(id) : new Uint8Array(32),
      blind: !isOpen,
      epochs: () => this.#epochs.of(id),
      records: () => this.isRecorder(this.device.publicKey),
      ...rules,
      refuses: (publicKey, header, viewpoint) =>
        // It may read an open database, and could write it: nobody else would take that from a node.
        equalBytes(publicKey, this.device.publicKey)
          ? 'The device is a node, which writes nothing'
          : rules.refuses(publicKey, header, viewpoint),
    }
  }
}

/** Throws `INVALID` unless a record stands exactly where it is handed over, or has not begun when it is not. */
function assertStandsAt(point: HandOver | undefined, replica: Replica | null): void {
  const held = replica?.state.record.length ?? 0
  if (point === undefined) {
    if (held === 0) return
    throw new VarveError(
      'INVALID',
      `The appointment does not hand over a database of which ${held} receipts are here: open all databases where you appoint`,
      { details: { database: replica?.context.name, held } },
    )
  }
  const { record, head } = point
  if (replica !== null && held === record && equalBytes(replica.state.record.head, head)) return
  throw new VarveError(
    'INVALID',
    `The record of a database is handed over at ${record}, ${held} of its receipts are here: sync everything first`,
    { details: { record, held } },
  )
}
