/** The shape all store decorators share: every call of an inner store goes through one function. */

import type { Store, StoreProvider } from './store.ts'

export type StoreMethod = Exclude<keyof Store, 'supports'>

/** Runs `call`, the inner store's answer to `method`, or does something else. */
export type Around = <T>(method: StoreMethod, call: () => Promise<T>) => Promise<T>

/** A store whose every call goes through `around`. */
export function decorate(store: Store, around: Around): Store {
  return {
    supports: store.supports,
    write: (batch) => around('write', () => store.write(batch)),
    value: (name) => around('value', () => store.value(name)),
    values: (prefix) => around('values', () => store.values(prefix)),
    feeds: () => around('feeds', () => store.feeds()),
    commits: (feed, from, limit, options) => around('commits', () => store.commits(feed, from, limit, options)),
    commitsAfter: (after, limit) => around('commitsAfter', () => store.commitsAfter(after, limit)),
    commitHeads: (nos) => around('commitHeads', () => store.commitHeads(nos)),
    bodies: (parts) => around('bodies', () => store.bodies(parts)),
    receipts: (from, limit) => around('receipts', () => store.receipts(from, limit)),
    recordAt: (at) => around('recordAt', () => store.recordAt(at)),
    documents: (tags) => around('documents', () => store.documents(tags)),
    documentsByNo: (nos) => around('documentsByNo', () => store.documentsByNo(nos)),
    scan: (collection, after, limit) => around('scan', () => store.scan(collection, after, limit)),
    scanWhere: (scan) => around('scanWhere', () => store.scanWhere(scan)),
    scanValues: (scan, places) => around('scanValues', () => store.scanValues(scan, places)),
    scanIndex: (scan) => around('scanIndex', () => store.scanIndex(scan)),
    search: (scan) => around('search', () => store.search(scan)),
    searchPostings: (search, after, limit) =>
      around('searchPostings', () => store.searchPostings(search, after, limit)),
    entries: (document, range) => around('entries', () => store.entries(document, range)),
    snapshot: (document, below) => around('snapshot', () => store.snapshot(document, below)),
    seen: (feed, on, seq) => around('seen', () => store.seen(feed, on, seq)),
    touches: (after, limit) => around('touches', () => store.touches(after, limit)),
    locked: (key, after, limit) => around('locked', () => store.locked(key, after, limit)),
    stats: () => around('stats', () => store.stats()),
    close: () => around('close', () => store.close()),
  }
}

/** A provider that decorates every store it opens. */
export function decorateStores(provider: StoreProvider, wrap: (store: Store) => Store): StoreProvider {
  return {
    supports: provider.supports,
    open: async (name, options) => wrap(await provider.open(name, options)),
    readFile: (name) => provider.readFile(name),
    writeFile: (name, bytes) => provider.writeFile(name, bytes),
    destroy: () => provider.destroy(),
  }
}
