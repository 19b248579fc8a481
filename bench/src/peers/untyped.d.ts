/** The parts of peers that the comparison calls, where a package brings no types that resolve. */

declare module 'pouchdb' {
  type Doc = Readonly<Record<string, unknown>>
  interface Row {
    readonly doc?: Doc
  }
  interface Sync extends Promise<unknown> {
    cancel(): void
  }
  class PouchDB {
    static plugin(plugin: unknown): void
    static defaults(options: Readonly<Record<string, unknown>>): unknown
    constructor(name: string, options?: { readonly adapter?: string })
    get(id: string): Promise<Doc>
    put(doc: Doc): Promise<unknown>
    sync(address: string, options: Readonly<Record<string, unknown>>): Sync
    changes(options: Readonly<Record<string, unknown>>): {
      on(event: 'change', listener: (change: Row) => void): unknown
    }
    createIndex(options: Readonly<Record<string, unknown>>): Promise<unknown>
    find(query: Readonly<Record<string, unknown>>): Promise<{ readonly docs: readonly Doc[] }>
    bulkDocs(docs: readonly object[]): Promise<readonly { readonly ok?: boolean; readonly id?: string }[]>
    allDocs(options: {
      readonly keys?: readonly string[]
      readonly startkey?: string
      readonly endkey?: string
      readonly include_docs: boolean
    }): Promise<{ readonly rows: readonly Row[] }>
    close(): Promise<void>
  }
  export { PouchDB as default }
}

declare module 'y-leveldb' {
  import type { Doc } from 'yjs'

  export class LeveldbPersistence {
    constructor(location: string)
    storeUpdate(name: string, update: Uint8Array): Promise<number>
    getYDoc(name: string): Promise<Doc>
    destroy(): Promise<void>
  }
}
