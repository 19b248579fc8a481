/** The hub's own database: opened when it is asked something, and closed soon after, so that other processes get to it. */

import type { Database } from 'varve'
import { isVarveError, VarveError, type Env } from 'varve/engine'
import { OpenStores } from '../tenants/open-stores.ts'
import type { OwnPlace } from './config/types.ts'
import type { Connections } from './connections/connections.ts'
import { OpenPlacement } from './placement/open-placement.ts'
import { Placement } from './placement/placement.ts'

const idleMs = 1_000
const lockedMs = 15_000
const attemptMs = 50

export class OwnDatabase {
  readonly #place: OwnPlace
  readonly #connections: Connections
  readonly #env: Env
  readonly #placement: Placement
  #cancel: (() => void) | null = null
  #closed = false

  constructor(place: OwnPlace, connections: Connections, env: Env) {
    this.#place = place
    this.#connections = connections
    this.#env = env
    const stores = new OpenStores(1, env)
    this.#placement = new Placement({ env, stores, open: () => this.#open() })
  }

  async using<R>(work: (database: Database) => Promise<R>): Promise<R> {
    if (this.#closed) throw new VarveError('CLOSED', 'The hub is closed: open it again')
    return this.#placement.using(({ database }) => work(database))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel?.()
    await this.#placement.end()
  }

  async #open(): Promise<OpenPlacement> {
    const { dbConnRef, dbName } = this.#place
    const provider = await this.#connections.provider(dbConnRef, dbName)
    const until = this.#env.now() + lockedMs
    for (;;) {
      try {
        const open = await OpenPlacement.open(
          'hub',
          { provider, blobs: null, kept: null },
          { maps: new Map(), counterRules: [] },
          this.#env,
        )
        this.#closeLater()
        return open
      } catch (error) {
        if (!isVarveError(error, 'LOCKED') || this.#env.now() >= until) throw error
        await new Promise<void>((resolve) => this.#env.timer(resolve, attemptMs))
      }
    }
  }

  #closeLater(): void {
    this.#cancel?.()
    this.#cancel = this.#env.timer(() => {
      this.#cancel = null
      if (this.#placement.idle && this.#env.now() - this.#placement.lastUsed >= idleMs)
        this.#placement.end().catch((error: unknown) => {
          this.#env.log('warn', "the hub's own database could not be closed in order", { error: String(error) })
        })
      else if (this.#placement.isOpen) this.#closeLater()
    }, idleMs)
  }
}
