/** One simulated client: a device with a real tenant, and its connections over the simulated network. */

import { isVarveError, type VarveError } from 'varve/engine'
import type { Connection, Tenant } from 'varve'
import { ProcessClock } from '../net/clock.ts'
import { onlyStoreFailure, SimNode, type NodeOptions } from '../node.ts'
import type { SeededRandom } from '../random.ts'
import { StoreCalls, type Sim } from './sim.ts'

export class SimClient {
  readonly name: string
  readonly user: string
  readonly node: SimNode
  readonly clock: ProcessClock
  readonly calls = new StoreCalls()
  readonly #sim: Sim
  /** `absent` before it joins, `down` after a crash, `wiped` after it wiped itself. */
  life: 'absent' | 'up' | 'down' | 'wiped' = 'absent'
  full = false
  /** The user wants to be disconnected. */
  chosenOffline = false
  #wishes = 0
  /** Who approved it. */
  approver: SimClient | null = null
  /** The power went, and nobody has looked after it yet. */
  blown = false
  /** Where it connects to, and the collections whose changes overtake others. */
  urls: readonly string[] = []
  urgent: readonly string[] = []
  connections: readonly Connection[] = []
  /** Codes of all problems it was told of since it was last asked. */
  readonly problems: VarveError[] = []

  constructor(name: string, user: string, sim: Sim, random: SeededRandom, options: Pick<NodeOptions, 'modes'>) {
    this.name = name
    this.user = user
    this.#sim = sim
    this.clock = new ProcessClock(sim.scheduler)
    const { calls, clock } = this
    this.node = new SimNode(name, random, clock.now, { ...options, timer: clock.timer, wrap: calls.wrap })
    this.node.disk.onBlown = () => {
      sim.network.crash(name)
      this.blown = true
    }
  }

  get tenant(): Tenant {
    return this.node.tenant
  }

  /** Up, and not known to have lost its standing. */
  get member(): boolean {
    return this.life === 'up' && !this.blown && !this.node.revoked
  }

  /** Takes over a tenant that was just made or joined on its disk. */
  async adopt(tenant: Tenant): Promise<void> {
    await this.node.adopt(tenant)
    this.#begin()
  }

  connect(): void {
    const { network } = this.#sim
    const connector = network.connector({ name: this.name, timers: this.clock })
    this.connections = this.urls.map((url) => {
      const connection = this.tenant.connect(url, { connector, urgent: this.urgent })
      connection.on('status', (status) => {
        this.#sim.note(`${this.name}: ${status} at ${url}`)
      })
      connection.on('problem', (error) => {
        this.problems.push(error)
        this.#sim.count(`problem ${error.code}`)
        this.#sim.note(`${this.name}: is told ${error.code}: ${error.message}`)
      })
      return connection
    })
  }

  async restart(): Promise<void> {
    await this.leave()
    await this.start()
  }

  /** The user ends a chosen disconnect, or tries again at once; how that ends, the statuses tell. */
  reconnect(): void {
    this.#reconnect().catch((error: unknown) => {
      if (!isVarveError(error)) this.#sim.problem(`reconnecting ${this.name}: ${String(error)}`)
    })
  }

  async #reconnect(): Promise<void> {
    const wish = ++this.#wishes
    await Promise.all(this.connections.map((connection) => connection.reconnect()))
    if (wish === this.#wishes) this.chosenOffline = false
  }

  async disconnect(): Promise<void> {
    this.#wishes++
    this.chosenOffline = true
    for (const connection of this.connections) await connection.disconnect().catch(onlyStoreFailure)
  }

  /** The process ends in order and does not come back. */
  async leave(): Promise<void> {
    this.life = 'down'
    this.connections = []
    await this.tenant.close().catch(onlyStoreFailure)
    this.clock.stop()
  }

  /** The power goes; what was not synced is lost. */
  async crash(): Promise<void> {
    this.#sim.network.crash(this.name)
    this.node.disk.crash()
    await this.bury()
  }

  /** After the power went: the dead process holds promises that nobody listens to any more. */
  async bury(): Promise<void> {
    this.life = 'down'
    this.connections = []
    await this.tenant.close().catch(onlyStoreFailure)
    this.clock.stop()
  }

  /** Starts again on whatever the disk holds; stays down when the disk fails. */
  async start(): Promise<void> {
    this.blown = false
    this.#sim.network.revive(this.name)
    try {
      await this.node.start()
    } catch (error) {
      const gone = isVarveError(error, 'FORBIDDEN') || isVarveError(error, 'NOT_FOUND')
      // It was asked to wipe itself before it went down.
      if (gone && this.node.revoked) this.life = 'wiped'
      else onlyStoreFailure(error)
      await this.tenant.close().catch(onlyStoreFailure)
      return
    }
    this.#begin()
    this.connect()
  }

  /** Notices that the tenant has wiped itself, and waits until it is done. */
  async lookForWipe(): Promise<void> {
    if (this.life !== 'up' || this.blown || !this.node.revoked) return
    try {
      this.tenant.keys.names()
    } catch (error) {
      if (!isVarveError(error, 'FORBIDDEN')) throw error
      this.life = 'wiped'
      this.connections = []
      this.#sim.note(`${this.name}: wipes itself`)
      await this.tenant.wipe()
    }
  }

  #begin(): void {
    this.life = 'up'
    this.tenant.onStanding((level) => {
      this.#sim.note(`${this.name}: hears that it is ${level}`)
    })
  }
}
