/** What a hub remembers itself, in a database of its own: tenants added and dropped, where placements lie, moves under way. */

import type { Collection, Database, Doc, Transaction } from 'varve'
import { VarveError } from 'varve/engine'
import { folded } from './config/names.ts'
import type { DatabaseType, SpacePlace } from './config/types.ts'

/** Where a placement of one tenant lies. */
export interface GivenPlacement {
  readonly dbConnRef: string
  readonly dbName: string
  readonly space: SpacePlace | null
}

export interface TenantRow {
  readonly status: 'active' | 'dropped' | 'removed'
  readonly from: 'config' | 'added'
  /** Of tenants that were added. */
  readonly placements: { readonly [Type in DatabaseType]?: GivenPlacement }
  readonly addedAt: string | null
  readonly droppedAt: string | null
  readonly removeAfter: string | null
}

export interface PlacementRow {
  readonly dbConnRef: string
  readonly dbName: string
  /** 0 where it was founded, one more with each move. */
  readonly epoch: number
  /** Its data was removed: the next use founds it anew. */
  readonly removed?: boolean
}

export interface MoveRow {
  readonly placement: string
  readonly from: PlacementRow
  readonly to: PlacementRow
  readonly space: SpacePlace | null
  /** `moving` until the switch; `moved` until the source is removed. */
  readonly status: 'moving' | 'moved' | 'removed'
  readonly startedAt: string
  readonly removeAfter: string | null
}

/** Who has a name on a connection. */
interface NameRow {
  readonly placement: string | null
}

/** Runs work with the hub's own database open. */
export type UseOwn = <R>(work: (database: Database) => Promise<R>) => Promise<R>

export class Registry {
  readonly #use: UseOwn | null

  /** Null for a hub that has no database of its own: it knows of nothing, and can remember nothing. */
  constructor(use: UseOwn | null) {
    this.#use = use
  }

  get remembers(): boolean {
    return this.#use !== null
  }

  tenant(id: string): Promise<Doc<TenantRow> | null> {
    return this.#read('tenants', id)
  }

  tenants(): Promise<readonly Doc<TenantRow>[]> {
    return this.#list<TenantRow>('tenants')
  }

  async placement(name: string): Promise<PlacementRow | null> {
    const found = await this.#read<PlacementRow>('placements', name)
    return found?.removed === true ? null : found
  }

  move(id: string): Promise<Doc<MoveRow> | null> {
    return this.#read('moves', id)
  }

  moves(): Promise<readonly Doc<MoveRow>[]> {
    return this.#list<MoveRow>('moves')
  }

  /** Where a placement was founded; what is remembered already stays, and is given back. */
  found(name: string, row: PlacementRow): Promise<PlacementRow> {
    return this.transact(async (tx) => {
      const placements = tx.collection<PlacementRow>('placements')
      const known = await placements.get(name)
      if (known !== null && known.removed !== true) return known
      await claim(tx, row, name)
      await put(tx, 'placements', name, row)
      return row
    })
  }

  saveTenant(id: string, row: TenantRow): Promise<void> {
    return this.transact((tx) => put(tx, 'tenants', id, row))
  }

  saveMove(id: string, row: MoveRow): Promise<void> {
    return this.transact((tx) => put(tx, 'moves', id, row))
  }

  /** One commit, or nothing. Throws `UNSUPPORTED` in a hub without a database of its own. */
  async transact<R>(work: (tx: Transaction) => Promise<R>): Promise<R> {
    if (this.#use === null)
      throw new VarveError(
        'UNSUPPORTED',
        'This hub has no database of its own to remember that in: name a connection in "hub.dbConnRef"',
      )
    return this.#use((database) => database.transact(work))
  }

  async #read<T>(collection: string, id: string): Promise<Doc<T> | null> {
    return this.#use === null ? null : this.#use((database) => database.collection<T>(collection).get(id))
  }

  async #list<T>(collection: string): Promise<readonly Doc<T>[]> {
    return this.#use === null ? [] : this.#use((database) => all(database.collection<T>(collection)))
  }
}

function all<T>(collection: Collection<T>): Promise<Doc<T>[]> {
  return collection.find().toArray()
}

/** Stores a row, whether it is there already or not. */
export async function put(tx: Transaction, collection: string, id: string, row: object): Promise<void> {
  const rows = tx.collection<object>(collection)
  if ((await rows.get(id)) === null) await rows.create(plain(row), { id })
  else await rows.update(id, plain(row))
}

/** A row as it was read has the id and history of its document beside it. */
function plain(row: object): object {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== 'id' && name !== '_system'))
}

/** Takes a name on a connection for a placement. Throws `EXISTS` when another has it. */
export async function claim(
  tx: Transaction,
  { dbConnRef, dbName }: Pick<PlacementRow, 'dbConnRef' | 'dbName'>,
  placement: string,
): Promise<void> {
  const id = nameId({ dbConnRef, dbName })
  const known = await tx.collection<NameRow>('names').get(id)
  if (known !== null && known.placement !== null && known.placement !== placement)
    throw new VarveError(
      'EXISTS',
      `The database "${dbName}" on "${dbConnRef}" belongs to "${known.placement}": choose another name`,
      { details: { dbConnRef, dbName } },
    )
  await put(tx, 'names', id, { placement })
}

/** Gives a name back, after what it named was removed. */
export async function release(tx: Transaction, place: Pick<PlacementRow, 'dbConnRef' | 'dbName'>): Promise<void> {
  await put(tx, 'names', nameId(place), { placement: null })
}

function nameId({ dbConnRef, dbName }: Pick<PlacementRow, 'dbConnRef' | 'dbName'>): string {
  return `${dbConnRef}/${folded(dbName)}`
}
