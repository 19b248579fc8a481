/** The databases of one tenant on this node: each with a place of its own, and opened while somebody uses it. */

import { toHex, VarveError, type Replica, type Store } from 'varve/engine'
import { Lent } from './lent.ts'
import type { OpenStores } from './open-stores.ts'
import type { TenantStore } from './tenant-store.ts'

export interface NodeDatabasesParts {
  readonly store: TenantStore
  readonly stores: OpenStores
  /** Ids in hex of those that are here. */
  readonly known: readonly string[]
  /** Databases the tenant may have here. */
  readonly maximum: number
  /** Makes the replica of the database with this id from its store, which is closed when that fails. */
  readonly open: (database: Uint8Array, store: Store) => Promise<Replica>
}

export class NodeDatabases {
  readonly #parts: NodeDatabasesParts
  readonly #known: Set<string>
  /** Ids of known ones that are not stored yet. */
  readonly #arriving = new Set<string>()
  readonly #lent = new Map<string, Lent<Replica>>()
  #closed = false

  constructor(parts: NodeDatabasesParts) {
    this.#parts = parts
    this.#known = new Set(parts.known)
  }

  /** Ids in hex, the directory's among them. */
  get ids(): readonly string[] {
    return [...this.#known]
  }

  has(database: Uint8Array): boolean {
    return this.#known.has(toHex(database))
  }

  /** A database, to be borrowed; one that is not here is made then. Throws `RATE_LIMITED`, `CLOSED`. */
  get(database: Uint8Array): Lent<Replica> {
    if (this.#closed) throw new VarveError('CLOSED', 'The tenant is closed on this node: connect again')
    const id = toHex(database)
    const known = this.#lent.get(id)
    if (known !== undefined) return known
    this.#expect(id)
    const made = new Lent<Replica>({
      stores: this.#parts.stores,
      open: () => this.#open(database, id),
      close: (replica) => replica.close(),
    })
    this.#lent.set(id, made)
    return made
  }

  /** Those that are open now, with their ids in hex. */
  *opened(): Generator<readonly [id: string, database: Lent<Replica>, replica: Replica]> {
    for (const [id, database] of this.#lent) if (database.value !== null) yield [id, database, database.value]
  }

  /** Whether any but this one is in use. */
  inUseBeside(database: Uint8Array): boolean {
    const beside = toHex(database)
    for (const [id, lent] of this.#lent) if (id !== beside && lent.inUse) return true
    return false
  }

  /** Closes all of them, whatever happens to one; throws what happened. */
  async close(): Promise<void> {
    this.#closed = true
    const results = await Promise.allSettled([...this.#lent.values()].map((database) => database.end()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** Takes a place at once, so that many that come together do not all find the last one free. */
  #expect(id: string): void {
    if (this.#known.has(id)) return
    const { maximum } = this.#parts
    if (this.#known.size >= maximum)
      throw new VarveError('RATE_LIMITED', `The tenant has ${maximum} databases here, more are not allowed`, {
        retryable: false,
      })
    this.#known.add(id)
    this.#arriving.add(id)
  }

  async #open(database: Uint8Array, id: string): Promise<Replica> {
    if (this.#arriving.has(id)) await this.#arrive(database, id)
    const store = await this.#parts.store.openDatabase(id)
    try {
      return await this.#parts.open(database, store)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  async #arrive(database: Uint8Array, id: string): Promise<void> {
    try {
      await this.#parts.store.addDatabase(database)
      this.#arriving.delete(id)
    } catch (error) {
      this.#arriving.delete(id)
      this.#known.delete(id)
      this.#lent.delete(id)
      throw error
    }
  }
}
