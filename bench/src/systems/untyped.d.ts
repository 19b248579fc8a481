/** The parts of other systems that the comparison calls: they are installed apart, so their own types may be absent. */

declare module '@hocuspocus/server' {
  import type { Doc } from 'yjs'
  export class Server {
    constructor(options: {
      readonly address: string
      readonly port: number
      readonly quiet: boolean
      readonly stopOnSignals: boolean
      readonly onLoadDocument: (event: { readonly document: Doc }) => Promise<void>
      readonly onStoreDocument: (event: { readonly document: Doc }) => Promise<void>
    })
    readonly address: { readonly port: number }
    listen(): Promise<unknown>
    destroy(): Promise<void>
  }
}

declare module '@hocuspocus/provider' {
  import type { Doc } from 'yjs'
  export const HocuspocusProviderWebsocket: new (options: {
    readonly url: string
    readonly WebSocketPolyfill: unknown
  }) => object
  export class HocuspocusProvider {
    constructor(options: {
      readonly websocketProvider: object
      readonly name: string
      readonly document: Doc
      readonly token: string
    })
    readonly isSynced: boolean
    readonly hasUnsyncedChanges: boolean
    attach(): void
    destroy(): void
  }
}

declare module 'express' {
  import type { RequestListener } from 'node:http'
  interface Application extends RequestListener {
    use(path: string, handler: unknown): void
  }
  const express: () => Application
  export { express as default }
}

declare module 'express-pouchdb' {
  const make: (pouch: unknown, options: Readonly<Record<string, unknown>>) => unknown
  export { make as default }
}

declare module 'pouchdb-find' {
  const plugin: unknown
  export { plugin as default }
}

declare module 'rxdb' {
  interface Observable<T> {
    subscribe(listener: (value: T) => void): void
  }
  interface RxDocument<T> {
    toMutableJSON(): T
    incrementalPatch(patch: Partial<T>): Promise<unknown>
  }
  interface RxQuery<R> {
    readonly $: Observable<R>
    exec(): Promise<R>
  }
  export interface RxCollection<T> {
    bulkInsert(documents: readonly T[]): Promise<unknown>
    bulkUpsert(documents: readonly T[]): Promise<unknown>
    find(query?: Readonly<Record<string, unknown>>): RxQuery<readonly (RxDocument<T> & T)[]>
    findOne(id: string): RxQuery<(RxDocument<T> & T) | null>
    count(): RxQuery<number>
  }
  export interface RxDatabase {
    addCollections<T, Name extends string>(
      collections: Readonly<Record<Name, { readonly schema: unknown }>>,
    ): Promise<Readonly<Record<Name, RxCollection<T>>>>
    close(): Promise<unknown>
  }
  export const createRxDatabase: (options: {
    readonly name: string
    readonly storage: unknown
    readonly multiInstance: boolean
  }) => Promise<RxDatabase>
}

declare module 'rxdb/plugins/storage-memory' {
  export const getRxStorageMemory: () => unknown
}

declare module 'rxdb/plugins/replication-websocket' {
  import type { WebSocketServer } from 'ws'
  export interface Replication {
    awaitInSync(): Promise<unknown>
    cancel(): Promise<unknown>
  }
  export const startWebsocketServer: (options: Readonly<Record<string, unknown>>) => Promise<{
    readonly server: WebSocketServer
    close(): Promise<void>
  }>
  export const replicateWithWebsocketServer: (options: Readonly<Record<string, unknown>>) => Promise<Replication>
}

declare module '@automerge/automerge-repo' {
  export type AutomergeUrl = string & { readonly __documentUrl: true }
  export const isValidAutomergeUrl: (text: string) => text is AutomergeUrl
  export interface DocHandle<T> {
    readonly url: AutomergeUrl
    doc(): T
    heads(): readonly string[]
    change(work: (draft: T) => void): void
    getSyncInfo(storage: string): { readonly lastHeads: readonly string[] } | undefined
    on(event: 'change', listener: (event: { readonly doc: T }) => void): void
  }
  export class Repo {
    constructor(options: Readonly<Record<string, unknown>>)
    readonly networkSubsystem: {
      addNetworkAdapter(adapter: unknown): void
      on(event: 'peer', listener: (event: { readonly peerMetadata: { readonly storageId?: string } }) => void): void
    }
    create<T>(initial: T): DocHandle<T>
    find<T>(url: AutomergeUrl): Promise<DocHandle<T>>
    flush(): Promise<void>
    shutdown(): Promise<void>
  }
}

declare module '@automerge/automerge-repo-network-websocket' {
  export const WebSocketClientAdapter: new (url: string) => object
  export const WebSocketServerAdapter: new (server: unknown) => object
}

declare module '@automerge/automerge-repo-storage-nodefs' {
  export const NodeFSStorageAdapter: new (dir: string) => object
}

declare module 'cojson' {
  export interface SqliteDriver {
    run(sql: string, values: readonly (string | number | Uint8Array | null)[]): void
    get(sql: string, values: readonly (string | number | Uint8Array | null)[]): unknown
    query(sql: string, values: readonly (string | number | Uint8Array | null)[]): readonly unknown[]
    transaction(work: () => unknown): void
    closeDb(): void
  }
  type Privacy = 'private' | 'trusting'
  interface Group {
    createMap(value: Readonly<Record<string, unknown>>, meta: null, privacy: Privacy): CoMap
    createList(value: readonly unknown[], meta: null, privacy: Privacy): CoList
  }
  export interface CoMap {
    readonly id: string
    get(name: string): unknown
    set(name: string, value: unknown, privacy: Privacy): void
    subscribe(listener: (latest: CoMap) => void): () => void
  }
  export interface CoList {
    readonly id: string
    readonly group: Group
    asArray(): readonly unknown[]
    appendItems(items: readonly unknown[], after: undefined, privacy: Privacy): void
  }
  interface AccountOptions {
    readonly crypto: unknown
    readonly storage: unknown
  }
  export class LocalNode {
    constructor(secret: string, session: string, crypto: unknown)
    static withNewlyCreatedAccount(
      options: AccountOptions & { readonly creationProps: { readonly name: string } },
    ): Promise<{ readonly node: LocalNode; readonly accountID: string; readonly accountSecret: string }>
    static withLoadedAccount(
      options: AccountOptions & {
        readonly accountID: string
        readonly accountSecret: string
        readonly sessionID: undefined
        readonly peers: readonly unknown[]
      },
    ): Promise<LocalNode>
    readonly syncManager: {
      addPeer(peer: unknown): void
      waitForStorageSync(id: string): Promise<unknown>
      waitForAllCoValuesSync(timeoutMs: number): Promise<unknown>
    }
    createGroup(): Group
    load<T>(id: string): Promise<T | 'unavailable'>
    setStorage(storage: unknown): void
    enableGarbageCollector?(): void
    gracefulShutdown(): Promise<unknown>
  }
  export const getSqliteStorage: (driver: SqliteDriver) => unknown
}

declare module 'cojson/crypto/NapiCrypto' {
  interface Crypto {
    newRandomAgentSecret(): string
    getAgentID(secret: string): string
    newRandomSessionID(agent: string): string
  }
  export const NapiCrypto: { create(): Promise<Crypto> }
}

declare module 'cojson-transport-ws' {
  export const createWebSocketPeer: (options: {
    readonly id: string
    readonly role: 'client' | 'server'
    readonly websocket: unknown
    readonly expectPings: boolean
  }) => unknown
}

declare module 'tinybase/mergeable-store' {
  export interface MergeableStore {
    transaction(work: () => void): void
    setRow(table: string, id: string, row: Readonly<Record<string, unknown>>): void
    setCell(table: string, id: string, cell: string, value: unknown): void
    getCell(table: string, id: string, cell: string): unknown
    getRowIds(table: string): readonly string[]
    getRowCount(table: string): number
    getMergeableContentHashes(): unknown
    addCellListener(table: string, id: string, cell: string, listener: () => void): string
  }
  export const createMergeableStore: () => MergeableStore
}

declare module 'tinybase/persisters/persister-file' {
  import type { MergeableStore } from 'tinybase/mergeable-store'
  export interface FilePersister {
    load(): Promise<unknown>
    startAutoSave(): Promise<unknown>
    getStatus(): number
    getStore(): MergeableStore
    destroy(): Promise<unknown>
  }
  export const createFilePersister: (store: MergeableStore, path: string) => FilePersister
}

declare module 'tinybase/queries' {
  import type { MergeableStore } from 'tinybase/mergeable-store'
  interface Parts {
    select(cell: string): void
    where(cell: string, equals: unknown): void
    where(holds: (cell: (name: string) => unknown) => boolean): void
  }
  export interface Queries {
    hasQuery(name: string): boolean
    setQueryDefinition(name: string, table: string, build: (parts: Parts) => void): void
    getResultSortedRowIds(
      name: string,
      cell: string,
      descending: boolean,
      offset: number,
      limit: number,
    ): readonly string[]
    getResultCell(name: string, id: string, cell: string): unknown
  }
  export const createQueries: (store: MergeableStore) => Queries
}

declare module 'tinybase/synchronizers/synchronizer-ws-client' {
  import type { WebSocket } from 'ws'
  import type { MergeableStore } from 'tinybase/mergeable-store'
  export interface Synchronizer {
    startSync(): Promise<unknown>
    load(): Promise<unknown>
    destroy(): Promise<unknown>
  }
  export const createWsSynchronizer: (
    store: MergeableStore,
    socket: WebSocket,
    timeoutSeconds: number,
    onSend: undefined,
    onReceive: (from: string, request: string | null, message: number, body: unknown) => void,
  ) => Promise<Synchronizer>
}

declare module 'tinybase/synchronizers/synchronizer-ws-server' {
  import type { WebSocketServer } from 'ws'
  export const createWsServer: (server: WebSocketServer, createPersister: () => unknown) => { destroy(): Promise<void> }
}
