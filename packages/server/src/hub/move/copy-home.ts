/** What a placement has beside its database: the directory, and identity, founding record and keys of its device. */

import {
  collectionTag,
  decodeRegistration,
  directoryCollections,
  Epochs,
  equalBytes,
  fromHex,
  Replica,
  Standing,
  tagKey,
  toHex,
  VarveError,
  type Registration,
  type ReplicaContext,
  type Store,
  type StoreProvider,
} from 'varve/engine'
import type { OpenPlacement } from '../placement/open-placement.ts'
import { exchange } from './exchange.ts'

/** Keeps what a device holds beside its databases. */
export const tenantStore = 'tenant'
const plain = { pageKey: null }
/** The key of a tenant's directory. */
const tenantKey = 'tenant'

export interface CopiedHome {
  /** Name of the placement. */
  readonly name: string
  readonly registration: Registration
  /** Secret under which names in the directory become tags. */
  readonly directoryTags: Uint8Array
  /** Who may write, as far as the copy knows. */
  readonly standing: Standing
}

export async function homeOf(tenant: OpenPlacement['tenant'], context: ReplicaContext): Promise<CopiedHome> {
  const registration = decodeRegistration(await tenant.registration())
  const directoryTags = directoryTagsOf(tenant, registration)
  return { name: tenant.name, registration, directoryTags, standing: standingOf(registration, context) }
}

/** A target may be empty, or what an earlier attempt, or an earlier stay, left of the same tenant. Throws `EXISTS`. */
export async function assertFree(provider: StoreProvider, { registration: { tenant } }: CopiedHome): Promise<void> {
  const found = await usingStore(provider, tenantStore, (store) => store.value('registration'))
  if (found === null || decodeRegistration(found).tenant === tenant) return
  throw new VarveError('EXISTS', 'The target holds another tenant: choose another database')
}

export async function copyDirectory(
  from: StoreProvider,
  to: StoreProvider,
  { registration, directoryTags, standing }: CopiedHome,
  context: ReplicaContext,
): Promise<void> {
  const { directory: id } = registration
  const own = standingOf(registration, context)
  const epochs = new Epochs(fromHex(registration.tenant), registration.founder)
  const shared = {
    ...context,
    id,
    name: 'directory',
    mode: 'sealed',
    tagKey: directoryTags,
    epochs: () => epochs.of(id),
  } as const
  await usingStore(from, toHex(id), async (store) => {
    const source = await Replica.open({ ...shared, store, ...own.ofDirectory() })
    await own.load(source)
    await usingStore(to, toHex(id), async (copy) => {
      const target = await Replica.open({ ...shared, store: copy, ...standing.ofDirectory() })
      await standing.load(target)
      await exchange(source, target)
    })
  })
}

/** Of the versions of the key, the one the directory began with: its tags are those of the registration. */
function directoryTagsOf({ keys }: OpenPlacement['tenant'], { databases }: Registration): Uint8Array {
  const tags = keys.versions(tenantKey).map(tagKey)
  const own = tags.find((each) => equalBytes(collectionTag(each, directoryCollections.databases), databases))
  if (own !== undefined) return own
  throw new VarveError('KEY_MISSING', 'The tenant has lost the key of its directory: restore it from a copy')
}

function standingOf({ founder, databases }: Registration, { device }: ReplicaContext): Standing {
  return new Standing({ founder, own: device.publicKey, databases })
}

export async function usingStore<R>(
  provider: StoreProvider,
  name: string,
  work: (store: Store) => Promise<R>,
): Promise<R> {
  const store = await provider.open(name, plain)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
