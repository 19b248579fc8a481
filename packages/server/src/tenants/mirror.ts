/** A mirror: this node follows databases of a tenant at another node, without keys, and serves them to its own clients. */

import {
  backoffMs,
  createConnector,
  equalBytes,
  fromHex,
  isVarveError,
  NodeClient,
  SyncDriver,
  toHex,
  VarveError,
  type Connector,
  type Env,
} from 'varve/engine'
import { ChunkCopy } from '../chunks/copy.ts'
import type { Disposals } from '../chunks/disposals.ts'
import type { ChunkShelf } from '../chunks/shelf.ts'
import type { TenantNode } from './tenant-node.ts'
import { Visit } from './visit.ts'

/** What is mirrored from where. */
export interface MirrorPlan {
  readonly url: string
  /** Public key of the node there, in hex. */
  readonly node: string
  /** Ids of the databases, in hex; the directory is always among what is mirrored. */
  readonly databases: readonly string[]
}

export interface MirrorOptions {
  /** Opens connections; the platform's own otherwise. */
  readonly connect?: Connector
  /** Where chunks of attachments are copied to; none are when left out. */
  readonly chunks?: ChunkShelf
  /** Where it is kept what was removed at the other node; needed with `chunks`. */
  readonly disposals?: Disposals
}

export class Mirror {
  readonly plan: MirrorPlan
  readonly #node: TenantNode
  readonly #env: Env
  readonly #connect: Connector
  readonly #copy: ChunkCopy | null
  #driver: SyncDriver | null = null
  /** Databases that are up to date on this connection, by id in hex. */
  readonly #current = new Set<string>()
  #attempt = 0
  #cancel: () => void = () => undefined
  #stopped = false

  constructor(node: TenantNode, plan: MirrorPlan, { connect, chunks, disposals }: MirrorOptions = {}) {
    this.#node = node
    this.plan = plan
    this.#env = node.env
    this.#connect = connect ?? createConnector({ env: node.env })
    this.#copy = chunks === undefined || disposals === undefined ? null : this.#copyTo(chunks, disposals)
    this.#dial()
  }

  /** True while the other node is reached. */
  get live(): boolean {
    return this.#driver !== null
  }

  /** Idempotent; waits for chunks on their way. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    this.#driver?.stop(null)
    await this.#copy?.stop()
  }

  #copyTo(shelf: ChunkShelf, disposals: Disposals): ChunkCopy {
    const { env, device } = this.#node
    const tenant = toHex(this.#node.tenant)
    return new ChunkCopy({
      env,
      shelf,
      disposals,
      isAdmin: (publicKey) => this.#node.level(publicKey) === 'admin',
      tenant,
      source: async () => {
        const client = new NodeClient({ url: this.plan.url, tenant, device, env, expects: null })
        const key = await client.key()
        const refusal = this.#refuses(key)
        if (refusal !== null) throw refusal
        return {
          key: toHex(key),
          list: (after, signal) => client.chunkIds(after, { signal }),
          chunk: (id, signal) => client.chunk(id, { signal }),
          missing: (ids, wants, signal) => client.missingChunks(ids, { wants, signal }),
          put: (id, bytes, signal) => client.putChunk(id, bytes, { signal }),
          disposal: (after, signal) => client.disposal(after, { signal }),
        }
      },
    })
  }

  #dial(): void {
    this.#connectOnce().catch((error: unknown) => {
      this.#lost(isVarveError(error) ? error : null)
    })
  }

  async #connectOnce(): Promise<void> {
    const transport = await this.#connect(this.plan.url)
    if (this.#stopped) {
      transport.close()
      return
    }
    const node = this.#node
    // The node there need not be a member; that it is the right one, `expects` says.
    const visit = new Visit({
      node,
      admit: (peer) => {
        node.succession.assertSettled(peer)
      },
      left: () => undefined,
    })
    const driver: SyncDriver = new SyncDriver({
      role: 'initiator',
      transport,
      host: visit,
      expects: (publicKey) => this.#refuses(publicKey),
      on: (event) => {
        if (event.event === 'ready') this.#open(driver, this.#node.directory)
        if (event.event === 'current') this.#upToDate(driver, event.database)
        if (event.event === 'ended') {
          visit.giveBack(event.database)
          // What was not taken over is asked for again on the next connection.
          driver.stop(event.error)
        }
        if (event.event !== 'closed') return
        visit.leave()
        this.#lost(event.error)
      },
    })
    this.#current.clear()
    this.#driver = driver
  }

  #refuses(publicKey: Uint8Array): VarveError | null {
    if (toHex(publicKey) === this.plan.node || this.#node.isRecorder(publicKey)) return null
    return new VarveError('TAMPERED', 'Another node answers than the one to be mirrored: check its key')
  }

  /** Only a connection that has brought everything makes up for those that failed: others would be tried in a loop. */
  #upToDate(driver: SyncDriver, database: Uint8Array): void {
    this.#current.add(toHex(database))
    if (equalBytes(database, this.#node.directory))
      for (const id of this.plan.databases) this.#open(driver, fromHex(id))
    const all = [toHex(this.#node.directory), ...this.plan.databases]
    if (!all.every((id) => this.#current.has(id))) return
    this.#attempt = 0
    this.#copy?.wake()
  }

  #open(driver: SyncDriver, database: Uint8Array): void {
    driver.open(database).catch((error: unknown) => {
      driver.stop(isVarveError(error) ? error : new VarveError('STORE_FAILED', 'A mirrored database cannot be opened'))
    })
  }

  #lost(error: VarveError | null): void {
    this.#driver = null
    if (this.#stopped) return
    this.#env.log('info', 'a mirrored node is not reached', { code: error?.code ?? 'OFFLINE' })
    this.#cancel = this.#env.timer(
      () => {
        this.#dial()
      },
      // A disk that fails is not tried again at once, or the two would do nothing but shake hands.
      backoffMs(error?.code === 'STORE_FAILED' ? 16 : this.#attempt++, this.#env),
    )
  }
}
