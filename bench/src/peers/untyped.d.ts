/** The parts of peers that the comparison calls, where a package brings no types that resolve. */

declare module 'pouchdb' {
  interface Row {
    readonly doc?: Readonly<Record<string, unknown>>
  }
  class PouchDB {
    constructor(name: string, options?: { readonly adapter?: string })
    bulkDocs(docs: readonly object[]): Promise<readonly { readonly ok?: boolean; readonly id?: string }[]>
    allDocs(options: {
      readonly keys?: readonly string[]
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
