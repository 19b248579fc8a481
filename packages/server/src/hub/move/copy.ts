/** Copies the log of a placement to another store through the engine's exchange, where everything is checked as it arrives. */

import {
  collectionTag,
  decodeRegistration,
  directoryCollections,
  Epochs,
  equalBytes,
  fromHex,
  ingest,
  Replica,
  replicaOf,
  Standing,
  summaryOf,
  tagKey,
  toHex,
  unitsFor,
  type Registration,
  type ReplicaContext,
  type Store,
  type StoreProvider,
  VarveError,
} from 'varve/engine'
import { keptPrefix } from '../kept/kept-values.ts'
import type { OpenPlacement } from '../placement/open-placement.ts'

/** Keeps what a device holds beside its databases: identity, founding record, keys. */
const tenantStore = 'tenant'
const plain = { pageKey: null }

/** A placement that is open: what of it is copied. */
type Source = Pick<OpenPlacement, 'tenant' | 'database'>
/** The key of a tenant's directory. */
const tenantKey = 'tenant'

interface CopyParts {
  readonly provider: StoreProvider
  readonly store: Store
  readonly registration: Registration
  /** Secret under which names in the directory become tags. */
  readonly directoryTags: Uint8Array
}

/** The target of a move: while it is open, no other process moves to it. */
export class CopyTarget {
  readonly #provider: StoreProvider
  readonly #store: Store
  readonly #registration: Registration
  readonly #directoryTags: Uint8Array
  readonly #standing: Standing
  readonly #epochs: Epochs
  readonly #context: ReplicaContext
  readonly #data: Replica

  private constructor(parts: CopyParts, context: ReplicaContext, standing: Standing, data: Replica) {
    this.#provider = parts.provider
    this.#store = parts.store
    this.#registration = parts.registration
    this.#directoryTags = parts.directoryTags
    this.#context = context
    this.#standing = standing
    this.#epochs = new Epochs(fromHex(parts.registration.tenant), parts.registration.founder)
    this.#data = data
  }

  /** Throws `LOCKED` while another process has it open, and `EXISTS` when it holds another tenant. */
  static async open(source: Source, provider: StoreProvider): Promise<CopyTarget> {
    const { context } = replicaOf(source.database)
    assertMovable(source)
    const registration = decodeRegistration(await source.tenant.registration())
    const directoryTags = directoryTagsOf(source, registration)
    await assertFree(provider, registration)
    const store = await provider.open(toHex(context.id), plain)
    try {
      const standing = standingOf(registration, context)
      const data = await Replica.open({ ...context, store, ...standing.ofDatabases() })
      return new CopyTarget({ provider, store, registration, directoryTags }, context, standing, data)
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /** Brings the database here up to what the source has now; gives how many commits came. */
  copy(source: Source): Promise<number> {
    return exchange(replicaOf(source.database), this.#data)
  }

  /**
   * What a source that is fenced and closed now has beside its database: the directory, identity and keys. And what came
   * to the database since the last copy: another process may have written there when this one slept longer than its lease.
   * Throws `LOCKED` when that one still does. Gives how many commits came.
   */
  async copyRest(from: StoreProvider): Promise<number> {
    await this.#copyDirectory(from)
    const commits = await usingStore(from, toHex(this.#context.id), async (store) =>
      exchange(await Replica.open({ ...this.#context, store, ...this.#standing.ofDatabases() }), this.#data),
    )
    const values = await usingStore(from, tenantStore, (store) => store.values(''))
    const [kept, rest] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()]
    for (const [name, value] of values) (name.startsWith(keptPrefix) ? kept : rest).set(name, value)
    await usingStore(this.#provider, tenantStore, async (store) => {
      // One by one: together they may be more than an engine takes at once.
      for (const each of kept) await store.write({ values: new Map([each]) })
      await store.write({ values: rest })
    })
    return commits
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  async #copyDirectory(from: StoreProvider): Promise<void> {
    const { directory: id } = this.#registration
    const own = standingOf(this.#registration, this.#context)
    const shared = {
      ...this.#context,
      id,
      name: 'directory',
      mode: 'sealed',
      tagKey: this.#directoryTags,
      epochs: () => this.#epochs.of(id),
    } as const
    await usingStore(from, toHex(id), async (store) => {
      const source = await Replica.open({ ...shared, store, ...own.ofDirectory() })
      await own.load(source)
      await usingStore(this.#provider, toHex(id), async (copy) => {
        const target = await Replica.open({ ...shared, store: copy, ...this.#standing.ofDirectory() })
        await this.#standing.load(target)
        await exchange(source, target)
      })
    })
  }
}

/** Of the versions of the key, the one the directory began with: its tags are those of the registration. */
function directoryTagsOf({ tenant }: Source, { databases }: Registration): Uint8Array {
  const tags = tenant.keys.versions(tenantKey).map(tagKey)
  const own = tags.find((each) => equalBytes(collectionTag(each, directoryCollections.databases), databases))
  if (own !== undefined) return own
  throw new VarveError('KEY_MISSING', 'The tenant has lost the key of its directory: restore it from a copy')
}

/** Throws `UNSUPPORTED` for a placement whose log is not whole. */
export function assertMovable({ tenant, database }: Source): void {
  if (!replicaOf(database).reader.pruned.any) return
  throw new VarveError('UNSUPPORTED', `"${tenant.name}" cannot be moved yet: versions of it were pruned`)
}

function standingOf({ founder, databases }: Registration, { device }: ReplicaContext): Standing {
  return new Standing({ founder, own: device.publicKey, databases })
}

/** Units of commits with their receipts, in the order of the record. */
async function exchange(from: Replica, to: Replica): Promise<number> {
  await from.sign()
  let commits = 0
  for await (const unit of unitsFor(from, summaryOf(to))) commits += (await ingest(to, unit)).commits
  return commits
}

/** A target may be empty, or what an earlier attempt, or an earlier stay, left of the same tenant. */
async function assertFree(provider: StoreProvider, { tenant }: Registration): Promise<void> {
  const found = await usingStore(provider, tenantStore, (store) => store.value('registration'))
  if (found === null || decodeRegistration(found).tenant === tenant) return
  throw new VarveError('EXISTS', 'The target holds another tenant: choose another database')
}

async function usingStore<R>(provider: StoreProvider, name: string, work: (store: Store) => Promise<R>): Promise<R> {
  const store = await provider.open(name, plain)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
