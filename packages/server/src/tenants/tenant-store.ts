/** What a node keeps of a tenant beside its databases: registration, appointments and the ids of its databases. */

import {
  bytesOf,
  decodeCbor,
  encodeCbor,
  fromHex,
  listOf,
  textOf,
  toHex,
  type Store,
  type StoreProvider,
} from 'varve/engine'
import type { MirrorPlan } from './mirror.ts'

const storeName = 'tenant'
const databasePrefix = 'database/'

export class TenantStore {
  readonly provider: StoreProvider
  readonly #store: Store

  private constructor(provider: StoreProvider, store: Store) {
    this.provider = provider
    this.#store = store
  }

  static async open(provider: StoreProvider): Promise<TenantStore> {
    return new TenantStore(provider, await provider.open(storeName, { pageKey: null }))
  }

  registration(): Promise<Uint8Array | null> {
    return this.#store.value('registration')
  }

  async saveRegistration(bytes: Uint8Array): Promise<void> {
    await this.#store.write({ values: new Map([['registration', bytes]]) })
  }

  async appointments(): Promise<readonly Uint8Array[]> {
    const bytes = await this.#store.value('appointments')
    if (bytes === null) return []
    return listOf(decodeCbor(bytes, 'The appointments'), 'the appointments').map((item) =>
      bytesOf(item, null, 'an appointment'),
    )
  }

  async saveAppointments(list: readonly Uint8Array[]): Promise<void> {
    await this.#store.write({ values: new Map([['appointments', encodeCbor(list)]]) })
  }

  /** What is mirrored from another node; null for a tenant that is at home here. */
  async mirror(): Promise<MirrorPlan | null> {
    const bytes = await this.#store.value('mirror')
    if (bytes === null) return null
    const [url, node, databases] = listOf(decodeCbor(bytes, 'The mirror'), 'the mirror')
    return {
      url: textOf(url, 'the url of the mirrored node'),
      node: textOf(node, 'the key of the mirrored node'),
      databases: listOf(databases, 'the mirrored databases').map((id) => textOf(id, 'a database id')),
    }
  }

  async saveMirror(plan: MirrorPlan): Promise<void> {
    const bytes = encodeCbor([plan.url, plan.node, plan.databases])
    await this.#store.write({ values: new Map([['mirror', bytes]]) })
  }

  async databases(): Promise<readonly string[]> {
    return [...(await this.#store.values(databasePrefix)).keys()].map((name) => name.slice(databasePrefix.length))
  }

  async addDatabase(id: Uint8Array): Promise<void> {
    await this.#store.write({ values: new Map([[databasePrefix + toHex(id), new Uint8Array()]]) })
  }

  openDatabase(id: string): Promise<Store> {
    return this.provider.open(toHex(fromHex(id)), { pageKey: null })
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
