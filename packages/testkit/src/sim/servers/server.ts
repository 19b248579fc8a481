/** One simulated server: a node without keys on its own disk and clock, that may crash, fill up, stop and lie. */

import { Door, NodeTenants, type MirrorPlan } from '@varve/server/tenants'
import { memory, toHex, type Env, type Transport } from 'varve/engine'
import { NodeDisk } from '../disk.ts'
import { ProcessClock } from '../net/clock.ts'
import { onlyStoreFailure } from '../node.ts'
import type { SeededRandom } from '../random.ts'
import { StoreCalls, type Sim } from './sim.ts'

/** What a lying server does to a connection, given who opened it. */
export type Lie = (transport: Transport, from: string) => Transport

const meter = {
  connected: () => () => undefined,
  frame: () => undefined,
  units: () => undefined,
  recorded: () => undefined,
  refused: () => undefined,
}

export class SimServer {
  readonly name: string
  readonly disk: NodeDisk
  readonly clock: ProcessClock
  readonly calls = new StoreCalls()
  readonly #sim: Sim
  readonly #env: Env
  readonly #known = new Set<string>()
  #tenants: NodeTenants | null = null
  #door: Door | null = null
  /** True when it is not running. */
  down = true
  /** The power went, and nobody has looked after it yet. */
  blown = false
  full = false
  lie: Lie = (transport) => transport
  /** Where connections of a host go instead. */
  route: (from: string) => SimServer | null = () => null

  constructor(name: string, sim: Sim, random: SeededRandom) {
    this.name = name
    this.#sim = sim
    const bytes = random.fork()
    this.disk = new NodeDisk(random.fork())
    this.disk.onBlown = () => {
      sim.network.crash(name)
      this.blown = true
    }
    this.clock = new ProcessClock(sim.scheduler)
    this.#env = {
      now: this.clock.now,
      timer: this.clock.timer,
      random: (length) => bytes.bytes(length),
      log: (level, message, fields) => {
        if (level === 'error') sim.problem(`${name} logs an error: ${message} ${JSON.stringify(fields)}`)
        if (JSON.stringify([message, fields]).includes('plain')) sim.problem(`${name} logs a name: ${message}`)
      },
      passphraseWork: 1,
    }
  }

  get url(): string {
    return `ws://${this.name}`
  }

  get tenants(): NodeTenants {
    if (this.#tenants === null) throw new Error(`${this.name} is not running`)
    return this.#tenants
  }

  get key(): string {
    return toHex(this.tenants.publicKey)
  }

  get host(): { readonly name: string; readonly timers: Pick<Env, 'timer'> } {
    return { name: this.name, timers: this.clock }
  }

  /** Starts on whatever the disk holds; stays down when the disk fails. It takes connections unless it is a `twin`. */
  async start({ twin = false } = {}): Promise<void> {
    try {
      this.#tenants = await this.#open()
    } catch (error) {
      onlyStoreFailure(error)
      return
    }
    this.#door = new Door({ env: this.#env, tenants: this.#tenants, meter, admitTenant: () => () => undefined })
    this.down = false
    if (twin) return
    this.#sim.network.revive(this.name)
    this.#sim.network.listen(this.host, (transport, from) => {
      const server = this.route(from) ?? this
      server.enter(transport, from)
    })
  }

  #open(): Promise<NodeTenants> {
    const provider = this.calls.wrap(memory({ disk: this.disk.attach() }))
    return NodeTenants.open({
      env: this.#env,
      node: provider,
      tenant: () => provider,
      known: () => Promise.resolve([...this.#known]),
      maximumTenants: 1,
      maximumDatabases: 10,
      connector: this.#sim.network.connector(this.host),
    })
  }

  enter(transport: Transport, from: string): void {
    this.#door?.enter(this.lie(transport, from), 'websocket')
  }

  async register(registration: Uint8Array): Promise<void> {
    this.#known.add((await this.tenants.register(registration)).tenant)
  }

  /** It holds this tenant on its disk already. */
  know(tenant: string): void {
    this.#known.add(tenant)
  }

  async mirror(tenant: string, plan: MirrorPlan): Promise<void> {
    await this.tenants.mirror(tenant, plan)
  }

  /** Ends in order. */
  async stop(): Promise<void> {
    this.#sim.network.unlisten(this.name)
    this.#door?.close()
    await this.#tenants?.close().catch(onlyStoreFailure)
    this.down = true
    this.#tenants = null
  }

  /** The power goes; what was not synced is lost. */
  async crash(): Promise<void> {
    this.#sim.network.crash(this.name)
    this.disk.crash()
    await this.bury()
  }

  /** After the power went: the dead process holds promises that nobody listens to any more. */
  async bury(): Promise<void> {
    this.#door?.close()
    await this.#tenants?.close().catch(onlyStoreFailure)
    this.clock.stop()
    this.blown = false
    this.down = true
    this.#tenants = null
  }
}
