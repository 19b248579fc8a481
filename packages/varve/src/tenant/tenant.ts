/** A tenant on one device: its databases, directory and keyring. */

import { fromHex, toHex } from '../encoding/bytes.ts'
import { VarveError } from '../errors.ts'
import { tenantId } from '../directory/founding.ts'
import { Epochs } from '../directory/epochs.ts'
import { Standing } from '../directory/standing.ts'
import type { Succession } from '../directory/succession.ts'
import { correctedEnv, type CorrectedEnv } from '../env/corrected.ts'
import type { FilesHome } from '../attachments/files-home.ts'
import type { Level } from '../log/header.ts'
import type { Mode } from '../log/database-id.ts'
import type { Replica } from '../replica/replica.ts'
import { answerInvitations, type Answers, type AnswerOptions } from '../invitations/answer-invitations.ts'
import { audit, type AuditOptions, type AuditReport } from '../audit/audit.ts'
import { Catalogue, directoryName, tenantKey, type DatabaseInfo } from '../home/catalogue.ts'
import { companyOf } from '../connection/company.ts'
import type { Connection } from '../connection/connection.ts'
import type { Connections, ConnectOptions } from '../connection/connections.ts'
import { replicaOf, type Database, type DatabaseHome } from '../database/database.ts'
import type { Directory } from '../home/directory.ts'
import { appoint, deviceSuccession, type AppointOptions } from '../node/hand-over.ts'
import type { KnownDatabase } from '../home/home.ts'
import { endInvitation, invitations, invite, type InviteOptions, type OpenInvitation } from '../invitations/invite.ts'
import { Keyring } from '../home/keyring.ts'
import { NodeMemory, type KnownNode } from '../home/known-node.ts'
import type { NodeAccess, NodeParts } from '../node/parts.ts'
import { OpenDatabases } from '../home/open-databases.ts'
import type { Transport } from '../sync/transports/transport.ts'
import { OwnStanding, wiped, type WipePolicy } from '../home/own-standing.ts'
import { prove, type CommitProof, type Provable } from '../audit/prove.ts'
import { publish, type Published, type PublishOptions } from '../node/publish.ts'
import { databasesTag, register, registrationOf, type Founded } from '../node/register.ts'
import { Attachments, type FileOptions } from './attachments.ts'
import { Layers } from './layers.ts'
import { closedOnFailure, deviceConnections } from './live.ts'
import { assertOwn, mayNotMake, ownDirectory } from './own-directory.ts'
import { lastWrites, status, type TenantStatus } from './status.ts'
import { forgetViews, openView, rememberHome, type View, type ViewDefinition, type ViewOptions } from './open-view.ts'
import { syncDirectories, type Side } from '../connection/sync-directories.ts'
import type { SyncReport } from '../database/types.ts'

export interface OpenedTenant extends Founded, FileOptions {
  /** `auto` when absent. */
  readonly wipe?: WipePolicy
}

export class Tenant implements AsyncDisposable, DatabaseHome {
  readonly id: string
  readonly name: string
  readonly me: { readonly user: string; readonly device: string }
  readonly keys: Keyring
  /** Files of documents: what of them is still to be sent, and garbage; beside it what has sunk into object storage. */
  readonly attachments: Attachments
  readonly layers: Layers
  readonly #parts: OpenedTenant
  readonly #standing: Standing
  readonly #own: OwnStanding
  readonly #epochs: Epochs
  readonly #succession: Succession
  readonly #clock: CorrectedEnv
  readonly #catalogue: Catalogue
  readonly #memory: NodeMemory
  #connections: Connections | null = null
  /** How those who have a text open see each other. */
  readonly company = companyOf(() => this.#live().company)
  readonly #open: OpenDatabases
  #directory: Directory | null = null
  #closing: Promise<void> | null = null
  #wiping: Promise<void> | null = null
  /** Why every call fails, once this device was wiped at an admin's request. */
  #refusal: VarveError | null = null

  private constructor(parts: OpenedTenant) {
    this.#parts = parts
    this.id = tenantId(parts.founding)
    this.name = parts.founding.name
    const device = parts.identity.signing.publicKey
    this.me = { user: parts.identity.user, device: toHex(device) }
    this.#standing = new Standing({ founder: parts.founding.publicKey, own: device, databases: databasesTag(parts) })
    this.#own = new OwnStanding({
      standing: this.#standing,
      device,
      env: parts.home.env,
      policy: parts.wipe ?? 'auto',
      wipe: () => this.wipe(),
    })
    this.#clock = correctedEnv(parts.home.env)
    this.#epochs = new Epochs(fromHex(this.id), parts.founding.publicKey)
    this.#memory = new NodeMemory(parts.home)
    this.keys = new Keyring(parts.home, parts.keyring, tenantKey, {
      arrived: (ids) => this.#open.keysArrived(ids),
      removing: () => this.#open.openAll(),
      removed: (name, ids) => this.#open.keyRemoved(name, ids).then(() => forgetViews(parts.home)),
    })
    const { founding, home, identity } = parts
    this.#open = new OpenDatabases({
      home,
      identity,
      keys: this.keys,
      env: this.#clock.env,
      epochs: this.#epochs,
      standing: this.#standing,
      tenant: this,
      opened: (database) => this.#connections?.opened(database),
    })
    const directory = (): Directory => this.directory
    this.#catalogue = new Catalogue({ tenant: this.id, founding, home, keys: this.keys, directory })
    rememberHome(this, home)
    this.layers = new Layers(home.provider)
    this.attachments = new Attachments(parts, this.#catalogue, this.#nodeParts())
    this.#succession = deviceSuccession({
      home,
      epochs: this.#epochs,
      standing: this.#standing,
      directory: fromHex(this.#knownDirectory.id),
      open: this.#open,
      appointed: () => this.#connections?.appointed(),
    })
  }

  /** Opens the directory of a tenant; for `createTenant`, `openTenant` and `joinTenant`. */
  static async start(parts: OpenedTenant): Promise<Tenant> {
    const tenant = new Tenant(parts)
    return closedOnFailure(tenant, () => tenant.#start(parts))
  }

  async #start(parts: OpenedTenant): Promise<void> {
    this.#epochs.restore(await parts.home.appointments())
    await this.#memory.load()
    const { database } = await this.#open.open(this.#knownDirectory)
    this.#directory = ownDirectory(parts, database, {
      keys: this.keys,
      standing: this.#standing,
      epochs: this.#epochs,
      registration: () => this.registration(),
    })
    await this.#own.follow()
    await register(parts, fromHex(this.#knownDirectory.id))
  }

  get directory(): Directory {
    if (this.#directory === null) throw new VarveError('CLOSED', 'The tenant is not open yet')
    return this.#directory
  }

  /**
   * Opens a database, making it when it is new; sealed unless `{ mode: 'open' }`, and the mode never changes.
   * `key` names the key it is sealed under. Throws `INVALID` for another mode or key, or when an open database is
   * opened here for the first time without asking for it, and `KEY_MISSING`.
   */
  async database(name: string, options: { readonly mode?: Mode; readonly key?: string } = {}): Promise<Database> {
    this.#assertOpen()
    assertOwn(name)
    const { known, isNew } = await this.#catalogue.find(name, options)
    const bars = this.#standing.bars(this.#parts.identity.signing.publicKey)
    if (isNew && bars !== null) throw mayNotMake(name, bars)
    const { database } = await this.#open.open(known)
    if (!(await this.#catalogue.isHere(known.id))) await this.#parts.home.saveDatabase(known)
    // Again each time: what was said of it before may have been refused.
    if (bars === null) await this.directory.addDatabase(known)
    return database
  }

  /** The databases of the tenant whose keys are held; others are invisible. */
  async databases(): Promise<readonly DatabaseInfo[]> {
    return (await this.#catalogue.list()).map(({ id, name, mode, key }) => ({ id, name, mode, key }))
  }

  /** The same as `openView` with this tenant alone. */
  view(definition: ViewDefinition, options?: ViewOptions): Promise<View> {
    return openView(this, definition, options)
  }

  /** Replaces the passphrase without touching the data. Throws `WRONG_PASSPHRASE`, `UNSUPPORTED`. */
  async changePassphrase(from: string, to: string): Promise<void> {
    this.#assertOpen()
    await this.#parts.home.changePassphrase(from, to)
  }

  /**
   * Hands the record of all databases over to another recorder, a server usually, and gives the appointment that it
   * must accept; until then nobody records. `varve publish` does it. Throws `FORBIDDEN` for a device that may not,
   * `EXISTS` while another one was asked and not replaced, `KEY_MISSING` when a database cannot be opened for it.
   */
  appoint(recorder: Uint8Array, options?: AppointOptions): Promise<Uint8Array> {
    const { home, identity } = this.#parts
    const admin = this.#standing.level(identity.signing.publicKey, true) === 'admin'
    const parts = { tenant: this.id, home, identity, epochs: this.#epochs, open: this.#open, admin }
    return appoint(parts, recorder, options)
  }

  /**
   * Takes over appointments that both sides signed. Returns whether any counts that did not before: one by an admin may
   * have to wait until the directory is here that says so. Throws `TAMPERED`, `FORBIDDEN`.
   */
  adoptAppointments(encoded: readonly Uint8Array[]): Promise<boolean> {
    return this.#succession.adopt(encoded, null)
  }

  /**
   * Connects to a node by its URL (`ws:`, `wss:`, `http:`, `https:`) or over a transport that is open, and keeps all
   * databases opened on this device in step with it until the connection is closed. A lost connection is made again.
   * Without `to` it connects to the node of this device; throws `NOT_FOUND` when it knows none.
   */
  connect(to?: string | Transport, options: ConnectOptions = {}): Connection {
    this.#assertOpen()
    const known = to === undefined ? this.#memory.known : null
    const chosen = known === null ? options : { node: known.key, ...options }
    return this.attachments.follow(this.#live().connect(to ?? known?.url ?? '', chosen), chosen)
  }

  /** The node of this device: where it was published to, or invited from; null when there is none. */
  node(): Promise<KnownNode | null> {
    return Promise.resolve(this.#memory.node)
  }

  /**
   * Brings the tenant to a node, which records from then on. Repeating it after a failure goes on where it ended; when
   * all is done nothing happens. Throws `FORBIDDEN` for a device that may not and for a missing or wrong token,
   * `OFFLINE`, and `TAMPERED` for another node than expected.
   */
  publish(url: string, options: PublishOptions = {}): Promise<Published> {
    return publish(this.#nodeParts(), url, options)
  }

  /** Makes a link by which people join. Throws `FORBIDDEN` for a device that is no admin's, `KEY_MISSING`, `OFFLINE`. */
  invite(options: InviteOptions = {}): Promise<OpenInvitation> {
    return invite(this.#nodeParts(), options)
  }

  /** The invitations made on this device that have not expired, the one that ends first in front. */
  invitations(): Promise<readonly OpenInvitation[]> {
    return invitations(this.#nodeParts())
  }

  /** Ends an invitation: nobody joins by it any more. Throws `NOT_FOUND`, `OFFLINE`. */
  endInvitation(id: string, options: NodeAccess = {}): Promise<void> {
    return endInvitation(this.#nodeParts(), id, options)
  }

  /**
   * Approves the devices that ask to join by invitations made on this device, and answers them. Returns as soon as
   * something was done, or when nothing has come within `waitMs`. Throws `FORBIDDEN`, `OFFLINE`.
   */
  answerInvitations(options: AnswerOptions = {}): Promise<Answers> {
    return answerInvitations(this.#nodeParts(), options)
  }

  /**
   * Compares what the node has signed and what it gives out with what is held here, every receipt hashed anew. What is
   * wrong is in the report. Throws `OFFLINE`, and `FORBIDDEN` when the node does not let this device in.
   */
  audit(options: AuditOptions = {}): Promise<AuditReport> {
    return audit(this.#nodeParts(), options)
  }

  /** Proves that a commit is in the record; `checkProof` checks it anywhere. Throws `NOT_FOUND`, `OFFLINE`. */
  prove(database: Database, what: Provable, options: NodeAccess = {}): Promise<CommitProof> {
    return prove(this.#nodeParts(), replicaOf(database), what, options)
  }

  /** Where this device and its databases stand. */
  status(): Promise<TenantStatus> {
    return status({ ...this.#nodeParts(), name: this.name, attachments: this.attachments })
  }

  /** When each device, by its public key in hex, made its last commit held here, by its own clock (ISO 8601). */
  lastWrites(): Promise<ReadonlyMap<string, string>> {
    return lastWrites(this.#nodeParts())
  }

  /** Serves a peer of the tenant that connects to this device; resolves when it has left. Throws `FORBIDDEN`, `OFFLINE`. */
  accept(transport: Transport): Promise<void> {
    this.#assertOpen()
    return this.#live().accept(transport)
  }

  /** One-shot sync of a database over a transport. */
  syncOver(replica: Replica, transport: Transport, signal?: AbortSignal): Promise<SyncReport> {
    this.#assertOpen()
    return this.#live().once(transport, replica, signal)
  }

  /** Tells the members who have `database` open what this device does (JSON, at most 4 KiB); nothing is stored. */
  presence(database: Database, state: unknown): void {
    this.#live().presence(database, state)
  }

  #nodeParts(): NodeParts {
    this.#assertOpen()
    const { home, identity } = this.#parts
    return {
      tenant: this.id,
      home,
      identity,
      epochs: this.#epochs,
      standing: this.#standing,
      keys: this.keys,
      open: this.#open,
      memory: this.#memory,
      directory: () => this.directory,
      registration: () => this.registration(),
      appoint: (recorder, how) => this.appoint(recorder, how),
      adopt: (appointments) => this.adoptAppointments(appointments),
      connect: (url, options) => this.connect(url, options),
    }
  }

  #live(): Connections {
    const live = { clock: this.#clock, succession: this.#succession, directory: this.#knownDirectory.id }
    this.#connections ??= deviceConnections(this.#nodeParts(), live)
    return this.#connections
  }

  /** Brings the directories of both sides together; called before their databases sync. */
  async beforeSync(peer: DatabaseHome): Promise<void> {
    if (!(peer instanceof Tenant) || peer.id !== this.id) {
      throw new VarveError('FORBIDDEN', 'The databases belong to different tenants: only members of one tenant sync')
    }
    await syncDirectories(await this.#side(), await peer.#side())
    this.#assertOpen()
    peer.#assertOpen()
  }

  get files(): FilesHome {
    return this.attachments.home
  }

  /** What this device may do; null until its directory has heard of it. */
  get level(): Level | null {
    return this.#own.level
  }

  /**
   * Calls `listener` when an admin has given this device another level, `revoked` or `wiped` among them; returns a
   * function that stops it. Unless the tenant was opened with `wipe: 'ask'`, a device that hears `wiped` wipes itself.
   */
  onStanding(listener: (level: Level) => void): () => void {
    return this.#own.onStanding(listener)
  }

  /** The bytes by which a server without keys gets to know the tenant. Throws `NOT_FOUND` where they are not held. */
  registration(): Promise<Uint8Array> {
    return registrationOf(this.#parts.home)
  }

  /** Closes the tenant and removes everything of it from this device, written or not yet synced. */
  wipe(): Promise<void> {
    return (this.#wiping ??= this.#wipe())
  }

  async #wipe(): Promise<void> {
    const { home } = this.#parts
    this.#refusal = this.#own.wipeAsked ? wiped() : null
    await (this.#closing ??= this.#close(this.#refusal)).catch((error: unknown) => {
      home.env.log('warn', 'the tenant could not be closed in order before it was wiped', { error: String(error) })
    })
    try {
      await this.attachments.wipe()
    } finally {
      await home.wipe()
    }
  }

  /** Idempotent; everything acknowledged is durable. */
  close(): Promise<void> {
    if (this.#wiping !== null) return this.#wiping
    return (this.#closing ??= this.#close(null))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(refusal: VarveError | null): Promise<void> {
    if (refusal !== null) this.keys.lock(refusal)
    // All of it is closed, whatever happens to a part.
    const attachments = await Promise.allSettled([this.attachments.close()])
    const connections = await Promise.allSettled([this.#connections?.close()])
    const databases = await this.#open.close(refusal)
    const home = await Promise.allSettled([this.#parts.home.close(refusal)])
    for (const result of [...attachments, ...connections, ...databases, ...home])
      if (result.status === 'rejected') throw result.reason
  }

  #assertOpen(): void {
    if (this.#refusal !== null) throw this.#refusal
    if (this.#closing !== null) throw new VarveError('CLOSED', 'The tenant is closed: open it again')
  }

  get #knownDirectory(): KnownDatabase {
    return this.#catalogue.known(directoryName, 'sealed', tenantKey)
  }

  async #side(): Promise<Side> {
    const { replica: directory } = await this.#open.open(this.#knownDirectory)
    return { directory, epochs: this.#epochs, succession: this.#succession }
  }
}
