/** The sync protocol at the server's door: which tenant a connection is for, and what its neighbours must hear. */

import {
  decodeFrame,
  encodeFrame,
  isVarveError,
  limits,
  SyncDriver,
  toHex,
  VarveError,
  type Env,
  type Transport,
} from 'varve/engine'
import type { SyncMeter } from '../contract.ts'
import { firstFrame } from './first-frame.ts'
import type { NodeTenants } from './node-tenants.ts'
import { Neighbours } from './neighbours.ts'
import type { TenantNode } from './tenant-node.ts'
import type { Visit } from './visit.ts'

export interface DoorOptions {
  readonly env: Env
  readonly tenants: NodeTenants
  readonly meter: SyncMeter
  /** Counts a connection of a tenant; throws `RATE_LIMITED`. */
  readonly admitTenant: (tenant: string) => () => void
}

export class Door {
  readonly #options: DoorOptions
  /** Of tenants with connections. */
  readonly #open = new Map<TenantNode, Neighbours>()
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
    for (const neighbours of this.#open.values()) neighbours.stop()
  }

  /** Whoever throws here has freed everything but `left`. */
  async #greet(transport: Transport, left: () => void): Promise<void> {
    const greeted = await firstFrame(transport)
    const hello = decodeFrame(greeted.first)
    if (hello.type !== 'hello')
      throw new VarveError('INVALID', `A connection begins with hello, ${hello.type} came instead`)
    this.#assertOpen()
    const tenant = toHex(hello.tenant)
    const visit = await this.#options.tenants.visit(tenant)
    try {
      this.#assertOpen()
      this.#serve(visit, greeted.transport, this.#options.admitTenant(tenant), left)
    } catch (error) {
      visit.leave()
      throw error
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new VarveError('CLOSED', 'The node is stopping: try again later')
  }

  #serve(visit: Visit, transport: Transport, gone: () => void, left: () => void): void {
    const { meter, tenants, env } = this.#options
    const neighbours = this.#neighboursOf(visit.node)
    let hush = (): void => undefined
    try {
      const driver: SyncDriver = new SyncDriver({
        role: 'acceptor',
        transport,
        host: visit,
        meter: (direction, bytes) => {
          meter.frame(direction, bytes)
        },
        on: (event) => {
          if (event.event === 'ready') hush()
          if (event.event === 'presence') neighbours.passOn(driver, event)
          if (event.event === 'taken') this.#count(event.verdicts)
          if (event.event === 'given') meter.units('out', 1)
          if (event.event === 'ended') visit.giveBack(event.database)
          if (event.event !== 'closed') return
          hush()
          tenants.connections--
          neighbours.remove(driver)
          this.#forget(visit.node, neighbours)
          gone()
          visit.leave()
          left()
        },
      })
      hush = env.timer(() => {
        driver.stop(new VarveError('OFFLINE', 'The peer has not proven its key in time: the connection is given up'))
      }, limits.handshakeMs)
      tenants.connections++
      neighbours.add(driver)
    } catch (error) {
      this.#forget(visit.node, neighbours)
      gone()
      throw error
    }
  }

  #count(verdicts: readonly (string | null)[]): void {
    const { meter, tenants } = this.#options
    const refused = verdicts.filter((code) => code !== null)
    meter.units('in', 1)
    meter.recorded(verdicts.length - refused.length)
    for (const code of refused) meter.refused(code)
    tenants.recorded += verdicts.length
  }

  /** What the live connections of a tenant share; it begins with the first of them, and ends with the last. */
  #neighboursOf(node: TenantNode): Neighbours {
    const known = this.#open.get(node)
    if (known !== undefined) return known
    const neighbours = new Neighbours(node)
    this.#open.set(node, neighbours)
    return neighbours
  }

  #forget(node: TenantNode, neighbours: Neighbours): void {
    if (!neighbours.none) return
    neighbours.end()
    this.#open.delete(node)
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
