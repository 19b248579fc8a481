/** The sync protocol at the server's door: which tenant a connection is for, and what its neighbours must hear. */

import {
  decodeFrame,
  encodeFrame,
  isVarveError,
  SyncDriver,
  toHex,
  VarveError,
  type DriverEvent,
  type Env,
  type Transport,
} from 'varve/engine'
import type { SyncMeter } from '../contract.ts'
import { firstFrame } from './first-frame.ts'
import type { Hub } from './hub.ts'
import type { TenantNode } from './tenant-node.ts'

export interface DoorOptions {
  readonly env: Env
  readonly hub: Hub
  readonly meter: SyncMeter
  /** Counts a connection of a tenant; throws `RATE_LIMITED`. */
  readonly admitTenant: (tenant: string) => () => void
}

export class Door {
  readonly #options: DoorOptions
  readonly #open = new Map<TenantNode, Set<SyncDriver>>()
  #closing = false

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** Takes a transport over, until it closes. */
  enter(transport: Transport, kind: 'websocket' | 'stream'): void {
    const left = this.#options.meter.connected(kind)
    this.#greet(transport, left).catch((error: unknown) => {
      left()
      this.#turnAway(transport, error)
    })
  }

  /** Ends every connection in order. */
  close(): void {
    this.#closing = true
    for (const drivers of this.#open.values()) for (const driver of drivers) driver.stop(null)
  }

  async #greet(transport: Transport, left: () => void): Promise<void> {
    const greeted = await firstFrame(transport)
    const hello = decodeFrame(greeted.first)
    if (hello.type !== 'hello')
      throw new VarveError('INVALID', `A connection begins with hello, ${hello.type} came instead`)
    if (this.#closing) throw new VarveError('CLOSED', 'The node is stopping: try again later')
    const tenant = toHex(hello.tenant)
    const node = await this.#options.hub.node(tenant)
    const gone = this.#options.admitTenant(tenant)
    this.#serve(node, greeted.transport, () => {
      gone()
      left()
    })
  }

  #serve(node: TenantNode, transport: Transport, left: () => void): void {
    const drivers = this.#driversOf(node)
    const { meter, hub } = this.#options
    hub.connections++
    const driver: SyncDriver = new SyncDriver({
      role: 'acceptor',
      transport,
      host: node,
      meter: (direction, bytes) => {
        meter.frame(direction, bytes)
      },
      on: (event) => {
        if (event.event === 'presence') this.#passOn(node, driver, event)
        if (event.event === 'taken') meter.units('in', 1)
        if (event.event !== 'closed') return
        drivers.delete(driver)
        hub.connections--
        left()
      },
    })
    drivers.add(driver)
  }

  /** The live connections of a tenant; the first one begins to watch what concerns them all. */
  #driversOf(node: TenantNode): Set<SyncDriver> {
    const known = this.#open.get(node)
    if (known !== undefined) return known
    const drivers = new Set<SyncDriver>()
    this.#open.set(node, drivers)
    node.standing.onChange(() => {
      for (const driver of drivers) {
        const access = driver.peer === null ? null : node.access(driver.peer)
        if (access === 'directory') driver.revoke()
      }
    })
    node.onAppointed(() => {
      for (const driver of drivers) driver.appointed()
    })
    return drivers
  }

  #passOn(node: TenantNode, from: SyncDriver, event: Extract<DriverEvent, { readonly event: 'presence' }>): void {
    for (const driver of this.#driversOf(node)) {
      if (driver !== from) driver.presence(event.database, event.device, event.body)
    }
  }

  /** Says why before the line goes dead; an error that is not ours is our own business. */
  #turnAway(transport: Transport, error: unknown): void {
    const known = isVarveError(error)
    const code = known ? error.code : 'STORE_FAILED'
    const message = known ? error.message : 'The node could not open the tenant: see its log'
    this.#options.env.log('info', 'a sync connection was turned away', { code, message })
    const frame = encodeFrame({ type: 'error', channel: null, code, message, feed: null })
    transport.send(frame).catch(() => undefined)
    transport.close()
  }
}
