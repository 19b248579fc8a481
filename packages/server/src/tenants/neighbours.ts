/** The live connections of one tenant on this node, and what each of them must hear of the others. */

import type { DriverEvent, SyncDriver } from 'varve/engine'
import type { TenantNode } from './tenant-node.ts'

export class Neighbours {
  readonly #drivers = new Set<SyncDriver>()
  readonly #unwatch: readonly (() => void)[]

  constructor(node: TenantNode) {
    this.#unwatch = [
      node.standing.onChange((device) => {
        for (const driver of this.#drivers) driver.judge(device)
      }),
      node.onAppointed(() => {
        for (const driver of this.#drivers) driver.appointed()
      }),
    ]
  }

  get none(): boolean {
    return this.#drivers.size === 0
  }

  add(driver: SyncDriver): void {
    this.#drivers.add(driver)
  }

  remove(driver: SyncDriver): void {
    this.#drivers.delete(driver)
  }

  passOn(from: SyncDriver, { database, device, body }: Extract<DriverEvent, { readonly event: 'presence' }>): void {
    for (const driver of this.#drivers) if (driver !== from) driver.presence(database, device, body)
  }

  /** Ends every connection in order. */
  stop(): void {
    for (const driver of this.#drivers) driver.stop(null)
  }

  /** Watches the tenant no more. */
  end(): void {
    for (const unwatch of this.#unwatch) unwatch()
  }
}
