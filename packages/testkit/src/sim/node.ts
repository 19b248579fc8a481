/** One simulated device: its disk, clock, open tenant, and a follower of its changes. */

import {
  isVarveError,
  memory,
  replicaOf,
  type Database,
  type Env,
  type Mode,
  type Replica,
  type StoreProvider,
} from 'varve/engine'
import { openTenant, type Collection, type Tenant } from 'varve'
import type { JsonMap } from '../model/json.ts'
import type { ModelState } from '../model/operations.ts'
import { NodeDisk } from './disk.ts'
import { Follower } from './follower.ts'
import type { SeededRandom } from './random.ts'

export type Note = JsonMap

/** The two databases of every world: one sealed, one open. */
export const databases = { vaultplain: 'sealed', board: 'open' } as const
export type DatabaseName = keyof typeof databases
export const databaseNames: readonly DatabaseName[] = ['vaultplain', 'board']

/** Words that must not leave a sealed database begin or end with this one. */
export const needle = 'plain'
/** Indexed; indexed, and refusing stale writes; neither, and sealed under a key that not everyone holds, or unique where it is open. */
export const collectionNames = ['notesplain', 'tasksplain', 'looseplain'] as const

export interface NodeOptions {
  /** Nothing rings when it is left out, where only devices meet. What lets others have their turn takes no time at all. */
  readonly timer?: Env['timer']
  readonly modes?: Readonly<Record<DatabaseName, Mode>>
  /** Goes around every provider of its stores. */
  readonly wrap?: (provider: StoreProvider) => StoreProvider
}

export class SimNode {
  readonly name: string
  readonly disk: NodeDisk
  readonly env: Env
  readonly followers = new Map<DatabaseName, Follower>()
  /** Milliseconds this node's clock is ahead of the world's. */
  skew = 0
  /** True once its clock was further ahead than the recorder allows. */
  wasAhead = false
  revoked = false
  #tenant: Tenant | null = null
  readonly #open = new Map<DatabaseName, Database>()
  readonly #modes: Readonly<Record<DatabaseName, Mode>>
  readonly #wrap: (provider: StoreProvider) => StoreProvider

  constructor(name: string, random: SeededRandom, now: () => number, options: NodeOptions = {}) {
    this.name = name
    this.#modes = options.modes ?? databases
    this.#wrap = options.wrap ?? ((provider) => provider)
    const bytes = random.fork()
    this.disk = new NodeDisk(random.fork())
    this.env = {
      now: () => now() + this.skew,
      random: (length) => bytes.bytes(length),
      timer: (run, ms) => (ms === 0 ? soon(run) : (options.timer?.(run, ms) ?? noTimer)),
      log: () => undefined,
      passphraseWork: 1,
    }
    this.#resetFollowers()
  }

  get tenant(): Tenant {
    if (this.#tenant === null) throw new Error(`${this.name} is not running`)
    return this.#tenant
  }

  /** A provider over the disk as it is now; another process may hold another. */
  provider(): StoreProvider {
    return this.#wrap(memory({ disk: this.disk.attach() }))
  }

  /** Takes over a tenant that was just made or joined on this node's disk; with `declare`, tells it what is unique. */
  async adopt(tenant: Tenant, declare = true): Promise<void> {
    this.#tenant = tenant
    for (const name of databaseNames) {
      const database = await tenant.database(name, { mode: this.#modes[name] })
      this.#open.set(name, database)
      // Here and not later: what declares an index may write, and checks only look.
      const declared = collectionNames.filter(
        (each) => each !== 'looseplain' || (declare && this.keepsUnique(name, each)),
      )
      for (const collection of declared) await this.collection(name, collection).find().count()
    }
  }

  /** Starts the process again on whatever the disk holds. */
  async start(declare = true): Promise<void> {
    await this.adopt(await openTenant({ store: this.provider(), env: this.env }), declare)
  }

  async restart(): Promise<void> {
    await this.tenant.close()
    await this.start()
  }

  /** The power goes and comes back. */
  async crash(): Promise<void> {
    this.disk.crash()
    // The dead process holds promises that will never be kept; nobody listens to them any more.
    await this.tenant.close().catch(onlyStoreFailure)
    await this.start()
  }

  /** Followers begin anew: their cursors belong to a copy that is gone. */
  forgetCursors(): void {
    this.#resetFollowers()
  }

  database(name: DatabaseName): Database {
    const database = this.#open.get(name)
    if (database === undefined) throw new Error(`${this.name} has not opened ${name}`)
    return database
  }

  replica(name: DatabaseName): Replica {
    return replicaOf(this.database(name))
  }

  /** Whether the recorder refuses documents with the same `u`. */
  keepsUnique(database: DatabaseName, collection: string): boolean {
    return collection === 'looseplain' && this.#modes[database] === 'open'
  }

  collection(database: DatabaseName, name: string): Collection<Note> {
    if (name === 'looseplain')
      return this.database(database).collection<Note>(
        name,
        this.keepsUnique(database, name) ? { indexes: [{ paths: ['u'], unique: true }] } : { key: 'secretplain' },
      )
    const rules = name === 'tasksplain' ? { conflict: 'reject' as const } : {}
    return this.database(database).collection<Note>(name, { indexes: ['v', 'tags'], ...rules })
  }

  /** The document as this node sees it, deleted or not. */
  async state(database: DatabaseName, collection: string, id: string): Promise<ModelState & { readonly ov: number }> {
    const doc = await this.collection(database, collection).find({ id }).includeDeleted().first()
    return { ...stateOf(doc), ov: doc?._system.ov ?? -1 }
  }

  #resetFollowers(): void {
    for (const name of databaseNames) this.followers.set(name, new Follower())
  }
}

const noTimer = (): void => undefined

function soon(run: () => void): () => void {
  queueMicrotask(run)
  return noTimer
}

export function onlyStoreFailure(error: unknown): void {
  if (!isVarveError(error, 'STORE_FAILED') && !isVarveError(error, 'CLOSED')) throw error
}

/** A document as the engine shows it, in the words of the model. */
export function stateOf(doc: Awaited<ReturnType<Collection<Note>['get']>>): ModelState {
  if (doc === null)
    return { status: 'absent', data: {}, functionIds: [], createdBy: null, updatedBy: null, lineage: null }
  const { _system: system } = doc
  const { id: _, _system, ...data } = doc
  return {
    status: system.deleted ? 'deleted' : 'live',
    data: Object.fromEntries(Object.entries(data)),
    functionIds: [...system.functionIds],
    createdBy: system.createdBy,
    updatedBy: system.updatedBy,
    lineage: null,
  }
}
