/** The tenants of one node, each in a folder of its own, opened when first asked for. */

import {
  decodeCbor,
  decodeRegistration,
  encodeCbor,
  fromHex,
  isVarveError,
  listOf,
  recordTree,
  textOf,
  toHex,
  VarveError,
  type Connector,
  type Device,
  type Env,
  type Level,
  type Replica,
  type StoreProvider,
} from 'varve/engine'
import type { HubStats, TenantHub } from '../contract.ts'
import { nodeDevice } from './identity.ts'
import { Mirror, type MirrorPlan } from './mirror.ts'
import { TenantNode } from './tenant-node.ts'
import { TenantStore } from './tenant-store.ts'

export interface HubOptions {
  readonly env: Env
  /** Where the node itself keeps its key. */
  readonly node: StoreProvider
  /** Where a tenant is kept, by its id in hex; one that is not there is made. */
  readonly tenant: (id: string) => StoreProvider
  /** Ids in hex of the tenants that are there already. */
  readonly known: () => Promise<readonly string[]>
  readonly maximumTenants: number
  readonly maximumDatabases: number
  /** Opens connections to nodes that are mirrored; the platform's own otherwise. */
  readonly connector?: Connector
}

const mirroredFile = 'mirrored'

type LevelListener = (tenant: string, device: Uint8Array, level: Level | null) => void

export class Hub implements TenantHub {
  readonly #options: HubOptions
  readonly #device: Device
  readonly #tenants = new Map<string, Promise<TenantNode>>()
  readonly #listeners = new Set<LevelListener>()
  readonly #mirrors = new Map<string, Mirror>()
  #ids: Set<string>
  /** Counted by the entry of the sync protocol. */
  connections = 0
  recorded = 0
  #closed = false

  private constructor(options: HubOptions, device: Device, ids: readonly string[]) {
    this.#options = options
    this.#device = device
    this.#ids = new Set(ids)
  }

  static async open(options: HubOptions): Promise<Hub> {
    const hub = new Hub(options, await nodeDevice(options.node, options.env), await options.known())
    // A mirror works without being asked, so its tenants are opened now; all others when somebody comes.
    for (const tenant of await hub.#mirrored()) await hub.node(tenant)
    return hub
  }

  get publicKey(): Uint8Array {
    return this.#device.publicKey
  }

  async register(registration: Uint8Array): Promise<{ readonly tenant: string; readonly created: boolean }> {
    const { tenant } = decodeRegistration(registration)
    if (this.#ids.has(tenant)) return { tenant, created: false }
    const { maximumTenants } = this.#options
    if (this.#ids.size >= maximumTenants)
      throw new VarveError('RATE_LIMITED', `This node has ${maximumTenants} tenants, more are not allowed`, {
        retryable: false,
      })
    this.#ids.add(tenant)
    try {
      const store = await TenantStore.open(this.#options.tenant(tenant))
      await store.saveRegistration(registration)
      await store.close()
      await this.node(tenant)
      return { tenant, created: true }
    } catch (error) {
      this.#ids.delete(tenant)
      throw error
    }
  }

  /** The node of a tenant; throws `NOT_FOUND`. */
  node(tenant: string): Promise<TenantNode> {
    const opened = this.#tenants.get(tenant)
    if (opened !== undefined) return opened
    if (this.#closed) return Promise.reject(new VarveError('CLOSED', 'The node is stopping: try again later'))
    if (!this.#ids.has(tenant))
      return Promise.reject(new VarveError('NOT_FOUND', 'There is no such tenant on this node: publish it here first'))
    const opening = this.#open(tenant)
    this.#tenants.set(tenant, opening)
    opening.catch(() => this.#tenants.delete(tenant))
    return opening
  }

  async appoint(tenant: string, appointment: Uint8Array): Promise<Uint8Array> {
    return (await this.node(tenant)).accept(appointment)
  }

  async appointments(tenant: string): Promise<readonly Uint8Array[]> {
    return (await this.node(tenant)).appointments()
  }

  async level(tenant: string, device: Uint8Array): Promise<Level | null> {
    return (await this.node(tenant)).level(device)
  }

  /** Begins to mirror databases of a tenant from another node, now and after restarts. */
  async mirror(tenant: string, plan: MirrorPlan): Promise<void> {
    const node = await this.node(tenant)
    await node.saveMirror(plan)
    const mirrored = new Set([...(await this.#mirrored()), tenant])
    await this.#options.node.writeFile(mirroredFile, encodeCbor([...mirrored]))
    this.#mirrors.get(tenant)?.stop()
    this.#mirrors.set(tenant, new Mirror(node, plan, this.#options.connector))
  }

  async checkpoint(tenant: string, database: string): Promise<string> {
    return recordTree(await this.#replica(tenant, database)).checkpoint()
  }

  async inclusion(tenant: string, database: string, record: number, size: number): Promise<string> {
    const replica = await this.#replica(tenant, database)
    const tree = recordTree(replica)
    if (size > replica.state.record.length)
      throw new VarveError('NOT_FOUND', `The record has ${replica.state.record.length} receipts, not ${size} yet`)
    return tree.prove(record, await tree.checkpoint(), this.publicKey)
  }

  async consistency(tenant: string, database: string, from: number, to: number): Promise<readonly Uint8Array[]> {
    return recordTree(await this.#replica(tenant, database)).consistency(from, to)
  }

  async commitRecord(tenant: string, database: string, commit: Uint8Array): Promise<number | null> {
    return findRecord(await this.#replica(tenant, database), toHex(commit))
  }

  onLevel(listener: LevelListener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  stats(): HubStats {
    return {
      tenants: this.#ids.size,
      databases: this.#databases,
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
    for (const mirror of this.#mirrors.values()) mirror.stop()
    const opened = await Promise.allSettled(this.#tenants.values())
    for (const each of opened) if (each.status === 'fulfilled') await each.value.close()
  }

  async #mirrored(): Promise<readonly string[]> {
    const bytes = await this.#options.node.readFile(mirroredFile)
    if (bytes === null) return []
    return listOf(decodeCbor(bytes, 'The list of mirrored tenants'), 'the mirrored tenants').map((id) =>
      textOf(id, 'a tenant id'),
    )
  }

  #databases = 0

  async #open(tenant: string): Promise<TenantNode> {
    const { env, maximumDatabases } = this.#options
    const store = await TenantStore.open(this.#options.tenant(tenant))
    const bytes = await store.registration()
    if (bytes === null) throw new VarveError('TAMPERED', 'A tenant has lost its registration: publish it again')
    const node = await TenantNode.open({
      env,
      device: this.#device,
      store,
      registration: decodeRegistration(bytes),
      maximumDatabases,
      onProblem: (error, database) => {
        env.log('warn', error.message, {
          code: error.code,
          tenant,
          database: database === null ? null : toHex(database),
        })
      },
    })
    this.#databases += node.databases.length
    node.standing.onChange((device, level) => {
      for (const listener of this.#listeners) listener(tenant, device, level)
    })
    const plan = await store.mirror()
    if (plan !== null) this.#mirrors.set(tenant, new Mirror(node, plan, this.#options.connector))
    return node
  }

  async #replica(tenant: string, database: string): Promise<Replica> {
    return (await this.node(tenant)).existing(fromHex(database))
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
