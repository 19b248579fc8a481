/** The tenants of one node, each in a folder of its own, opened when first asked for. */

import {
  decodeCbor,
  decodeRegistration,
  encodeCbor,
  fromHex,
  isVarveError,
  listOf,
  recordTree,
  summaryOf,
  textOf,
  toHex,
  VarveError,
  type Connector,
  type Device,
  type Env,
  type FeedEnd,
  type Level,
  type Replica,
  type StoreProvider,
} from 'varve/engine'
import type { Disposals } from '../chunks/disposals.ts'
import type { ChunkShelf } from '../chunks/shelf.ts'
import type { NodeStats, ServedTenants } from '../contract.ts'
import { fixed } from '../limits.ts'
import { nodeDevice } from './identity.ts'
import { Lent } from './lent.ts'
import { Mirror, type MirrorPlan } from './mirror.ts'
import { OpenStores } from './open-stores.ts'
import { TenantNode } from './tenant-node.ts'
import { TenantStore } from './tenant-store.ts'
import { Visit } from './visit.ts'

export interface NodeTenantsOptions {
  readonly env: Env
  /** Where the node itself keeps its key. */
  readonly node: StoreProvider
  /** Where a tenant is kept, by its id in hex; one that is not there is made. */
  readonly tenant: (id: string) => StoreProvider
  /** Ids in hex of the tenants that are there already. */
  readonly known: () => Promise<readonly string[]>
  readonly maximumTenants: number
  readonly maximumDatabases: number
  /** Stores that stay open although nobody uses them, so many in all; `fixed.openStores` when left out. */
  readonly maximumOpenStores?: number
  /** Opens connections to nodes that are mirrored; the platform's own otherwise. */
  readonly connector?: Connector
  /** Where chunks of mirrored tenants are copied to; none are when left out. */
  readonly chunks?: ChunkShelf
  readonly disposals?: Disposals
}

const mirroredFile = 'mirrored'

type LevelListener = (tenant: string, device: Uint8Array, level: Level | null) => void

export class NodeTenants implements ServedTenants {
  readonly #options: NodeTenantsOptions
  readonly #device: Device
  readonly #stores: OpenStores
  readonly #tenants = new Map<string, Lent<TenantNode>>()
  readonly #listeners = new Set<LevelListener>()
  readonly #mirrors = new Map<string, Mirror>()
  readonly #ids: Set<string>
  /** Registrations that are being brought, for a tenant whose own was lost, or never stored, in a crash. */
  readonly #brought = new Map<string, Uint8Array>()
  /** Databases of tenants that were open and are not now. */
  readonly #counted = new Map<string, number>()
  /** Counted by the entry of the sync protocol. */
  connections = 0
  recorded = 0
  #closed = false

  private constructor(options: NodeTenantsOptions, device: Device, ids: readonly string[]) {
    this.#options = options
    this.#device = device
    this.#ids = new Set(ids)
    this.#stores = new OpenStores(options.maximumOpenStores ?? fixed.openStores, options.env)
  }

  static async open(options: NodeTenantsOptions): Promise<NodeTenants> {
    const tenants = new NodeTenants(options, await nodeDevice(options.node, options.env), await options.known())
    try {
      // A mirror works without being asked, so its tenants are opened now; all others when somebody comes.
      for (const tenant of await tenants.#mirrored()) await tenants.node(tenant)
      return tenants
    } catch (error) {
      await tenants.close()
      throw error
    }
  }

  get publicKey(): Uint8Array {
    return this.#device.publicKey
  }

  async register(registration: Uint8Array): Promise<{ readonly tenant: string; readonly created: boolean }> {
    const { tenant } = decodeRegistration(registration)
    const created = !this.#ids.has(tenant)
    const { maximumTenants } = this.#options
    if (created && this.#ids.size >= maximumTenants)
      throw new VarveError('RATE_LIMITED', `This node has ${maximumTenants} tenants, more are not allowed`, {
        retryable: false,
      })
    this.#ids.add(tenant)
    this.#brought.set(tenant, registration)
    try {
      await this.node(tenant)
      return { tenant, created }
    } catch (error) {
      if (created) this.#ids.delete(tenant)
      throw error
    } finally {
      this.#brought.delete(tenant)
    }
  }

  /** The node of a tenant, open at least for now; throws `NOT_FOUND`. */
  node(tenant: string): Promise<TenantNode> {
    return this.#using(tenant, (node) => node)
  }

  /** The tenant for one connection, which keeps open what it uses until it leaves; throws `NOT_FOUND`. */
  async visit(tenant: string): Promise<Visit> {
    const lent = this.#tenant(tenant)
    const node = await lent.borrow()
    return new Visit({
      node,
      admit: (peer) => {
        node.assertMember(peer)
      },
      left: () => {
        lent.giveBack()
      },
    })
  }

  appoint(tenant: string, appointment: Uint8Array): Promise<Uint8Array> {
    return this.#using(tenant, (node) => node.accept(appointment))
  }

  appointments(tenant: string): Promise<readonly Uint8Array[]> {
    return this.#using(tenant, (node) => node.appointments())
  }

  level(tenant: string, device: Uint8Array): Promise<Level | null> {
    return this.#using(tenant, (node) => node.level(device))
  }

  /** Begins to mirror databases of a tenant from another node, now and after restarts. */
  async mirror(tenant: string, plan: MirrorPlan): Promise<void> {
    await this.#using(tenant, async (node) => {
      await node.saveMirror(plan)
      const mirrored = new Set([...(await this.#mirrored()), tenant])
      await this.#options.node.writeFile(mirroredFile, encodeCbor([...mirrored]))
      this.#follow(tenant, node, plan)
    })
  }

  checkpoint(tenant: string, database: string): Promise<string> {
    return this.#reading(tenant, database, (replica) => recordTree(replica).checkpoint())
  }

  inclusion(tenant: string, database: string, record: number, size: number): Promise<string> {
    return this.#reading(tenant, database, async (replica) => {
      const tree = recordTree(replica)
      if (size > replica.state.record.length)
        throw new VarveError('NOT_FOUND', `The record has ${replica.state.record.length} receipts, not ${size} yet`)
      return tree.prove(record, await tree.checkpoint(), this.publicKey)
    })
  }

  consistency(tenant: string, database: string, from: number, to: number): Promise<readonly Uint8Array[]> {
    return this.#reading(tenant, database, (replica) => recordTree(replica).consistency(from, to))
  }

  commitRecord(tenant: string, database: string, commit: Uint8Array): Promise<number | null> {
    return this.#reading(tenant, database, (replica) => findRecord(replica, toHex(commit)))
  }

  databases(tenant: string): Promise<readonly string[]> {
    return this.#using(tenant, ({ databases }) => databases)
  }

  feeds(tenant: string, database: string): Promise<readonly FeedEnd[]> {
    return this.#reading(tenant, database, async (replica) =>
      [...summaryOf(replica).feeds].map(([feed, { length, head }]) => ({ feed, length, head: toHex(head) })),
    )
  }

  onLevel(listener: LevelListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  stats(): NodeStats {
    return {
      tenants: this.#ids.size,
      databases: this.#countDatabases(),
      connections: this.connections,
      recorded: this.recorded,
    }
  }

  async ready(): Promise<boolean> {
    if (this.#closed) return false
    try {
      await this.#options.node.writeFile('ready', new Uint8Array())
      return true
    } catch (error) {
      if (isVarveError(error)) return false
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#mirrors.values()].map((mirror) => mirror.stop()))
    const results = await Promise.allSettled([...this.#tenants.values()].map((tenant) => tenant.end()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async #mirrored(): Promise<readonly string[]> {
    const bytes = await this.#options.node.readFile(mirroredFile)
    if (bytes === null) return []
    return listOf(decodeCbor(bytes, 'The list of mirrored tenants'), 'the mirrored tenants').map((id) =>
      textOf(id, 'a tenant id'),
    )
  }

  #countDatabases(): number {
    let count = 0
    for (const closed of this.#counted.values()) count += closed
    for (const { value } of this.#tenants.values()) count += value?.databases.length ?? 0
    return count
  }

  #tenant(tenant: string): Lent<TenantNode> {
    if (this.#closed) throw new VarveError('CLOSED', 'The node is stopping: try again later')
    if (!this.#ids.has(tenant))
      throw new VarveError('NOT_FOUND', 'There is no such tenant on this node: publish it here first')
    const known = this.#tenants.get(tenant)
    if (known !== undefined) return known
    const made = new Lent<TenantNode>({
      stores: this.#stores,
      open: () => this.#open(tenant),
      close: (node) => {
        this.#counted.set(tenant, node.databases.length)
        return node.close()
      },
      inUse: (node) => node.inUse,
    })
    this.#tenants.set(tenant, made)
    return made
  }

  async #using<R>(tenant: string, work: (node: TenantNode) => R | Promise<R>): Promise<R> {
    return this.#tenant(tenant).using(work)
  }

  #reading<R>(tenant: string, database: string, work: (replica: Replica) => Promise<R>): Promise<R> {
    return this.#using(tenant, (node) => node.reading(fromHex(database), work))
  }

  async #open(tenant: string): Promise<TenantNode> {
    const store = await TenantStore.open(this.#options.tenant(tenant))
    let node: TenantNode | null = null
    try {
      const plan = await store.mirror()
      node = await this.#openNode(tenant, store)
      node.standing.onChange((device, level) => {
        for (const listener of this.#listeners) listener(tenant, device, level)
      })
      if (plan !== null) this.#follow(tenant, node, plan)
      this.#counted.delete(tenant)
      return node
    } catch (error) {
      await (node ?? store).close()
      throw error
    }
  }

  async #openNode(tenant: string, store: TenantStore): Promise<TenantNode> {
    const { env, maximumDatabases } = this.#options
    return TenantNode.open({
      env,
      device: this.#device,
      store,
      stores: this.#stores,
      registration: decodeRegistration(await this.#registration(tenant, store)),
      maximumDatabases,
      onProblem: (error, database) => {
        env.log('warn', error.message, {
          code: error.code,
          tenant,
          database: database === null ? null : toHex(database),
        })
      },
    })
  }

  async #registration(tenant: string, store: TenantStore): Promise<Uint8Array> {
    const stored = await store.registration()
    if (stored !== null) return stored
    const brought = this.#brought.get(tenant)
    if (brought === undefined) throw new VarveError('TAMPERED', 'A tenant has lost its registration: publish it again')
    await store.saveRegistration(brought)
    return brought
  }

  /** A tenant that follows another node stays open. */
  #follow(tenant: string, node: TenantNode, plan: MirrorPlan): void {
    const before = this.#mirrors.get(tenant)
    if (before === undefined) this.#tenant(tenant).keep()
    else void before.stop()
    const { connector, chunks, disposals } = this.#options
    const how = {
      ...(connector === undefined ? {} : { connect: connector }),
      ...(chunks === undefined || disposals === undefined ? {} : { chunks, disposals }),
    }
    this.#mirrors.set(tenant, new Mirror(node, plan, how))
  }
}

const page = 1_000

/** The record number of a commit id, found by reading commits; null when it is not recorded here. */
async function findRecord({ store }: Replica, id: string): Promise<number | null> {
  for (let after = 0; ;) {
    const heads = await store.commitsAfter(after, page)
    const found = heads.find((head) => toHex(head.id) === id)
    if (found !== undefined) return found.record
    const last = heads.at(-1)
    if (last === undefined) return null
    after = last.no
  }
}
