/** What all adapters of object storage share: arguments are checked, calls counted and ended here, so that each only stores. */

import { VarveError } from '../errors.ts'
import { assertLimit, limits } from '../limits.ts'
import type { BlobInfo, BlobPage, BlobRange, BlobStore, BlobSupports } from './blob-store.ts'
import {
  checkBlobKey,
  checkBlobPrefix,
  checkBlobRange,
  checkListLimit,
  checkMediaType,
  checkPresign,
  isBlobKey,
} from './keys.ts'
import { UnderWay } from './under-way.ts'

/** A storage as an adapter writes it: arguments are complete and good, and what it does not support is not called. */
export interface BlobAdapter {
  readonly supports: BlobSupports
  put(
    key: string,
    bytes: Uint8Array,
    options: { readonly ifAbsent: boolean; readonly type: string; readonly signal: AbortSignal | null },
  ): Promise<boolean>
  get(key: string, range: BlobRange | null, signal: AbortSignal | null): Promise<Uint8Array | null>
  head(key: string, signal: AbortSignal | null): Promise<BlobInfo | null>
  delete(key: string, signal: AbortSignal | null): Promise<void>
  list(
    prefix: string,
    options: { readonly after: string | null; readonly limit: number; readonly signal: AbortSignal | null },
  ): Promise<BlobPage>
  /** Left out by storages that cannot. */
  presign?(
    key: string,
    options: { readonly ttlSeconds: number; readonly fileName: string | null; readonly type: string | null },
  ): Promise<string>
  close(): Promise<void>
}

const defaultType = 'application/octet-stream'

/** The store that an adapter makes. */
export function blobStoreOf(adapter: BlobAdapter): BlobStore {
  const underWay = new UnderWay()

  function run<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return underWay.run(async () => {
      signal?.throwIfAborted()
      try {
        return await work()
      } catch (error) {
        signal?.throwIfAborted()
        throw error
      }
    })
  }

  return {
    supports: adapter.supports,
    put: (key, bytes, { ifAbsent = false, type = defaultType, signal } = {}) =>
      run(signal, async () => {
        if (ifAbsent && !adapter.supports.conditionalPut) unsupported('put objects only where there are none')
        assertLimit(bytes.length, limits.blobBytes, 'The object in bytes')
        return adapter.put(checkBlobKey(key), bytes, { ifAbsent, type: checkMediaType(type), signal: signal ?? null })
      }),
    get: (key, { range, signal } = {}) =>
      run(signal, async () => {
        const part = range === undefined ? null : checkBlobRange(range)
        const bytes = await adapter.get(checkBlobKey(key), part, signal ?? null)
        if (bytes !== null && bytes.length > (part?.length ?? limits.blobBytes)) tooLong(key)
        return bytes
      }),
    head: (key, { signal } = {}) =>
      run(signal, async () => {
        const info = await adapter.head(checkBlobKey(key), signal ?? null)
        return info === null ? null : checkInfo(info)
      }),
    delete: (key, { signal } = {}) => run(signal, () => adapter.delete(checkBlobKey(key), signal ?? null)),
    list: (prefix, { after = null, limit = limits.blobListItems, signal } = {}) =>
      run(signal, async () => {
        const where = { prefix: checkBlobPrefix(prefix), after, limit: checkListLimit(limit) }
        return checkPage(await adapter.list(prefix, { after, limit, signal: signal ?? null }), where)
      }),
    presign: (key, options) =>
      run(undefined, () => {
        const { ttlSeconds, fileName = null, type = null } = checkPresign(options)
        checkBlobKey(key)
        return adapter.presign?.(key, { ttlSeconds, fileName, type }) ?? unsupported('make links')
      }),
    close: () => underWay.close(() => adapter.close()),
  }
}

/** A storage that lists in another order, or elsewhere, would make callers go in circles or miss objects. */
function checkPage(
  page: BlobPage,
  { prefix, after, limit }: { readonly prefix: string; readonly after: string | null; readonly limit: number },
): BlobPage {
  let before = after
  for (const { key } of page.items) {
    if ((before !== null && key <= before) || !key.startsWith(prefix) || !isBlobKey(key)) wrongList(key)
    before = key
  }
  page.items.forEach(checkInfo)
  if (page.items.length > limit || (page.next !== null && page.next === after)) wrongList(prefix)
  return page
}

function checkInfo(info: BlobInfo): BlobInfo {
  const { key, size, at } = info
  if (Number.isSafeInteger(size) && size >= 0 && Number.isSafeInteger(at)) return info
  throw new VarveError('STORE_FAILED', `"${key}" has a size or a time that is none: check the object storage`, {
    details: { key },
  })
}

function tooLong(key: string): never {
  throw new VarveError(
    'STORE_FAILED',
    `"${key}" came with more bytes than were asked for, or than an object may hold`,
    {
      details: { key },
    },
  )
}

function wrongList(key: string): never {
  throw new VarveError(
    'STORE_FAILED',
    'The object storage listed objects that were not asked for, or out of order: use one that lists by the bytes of keys',
    { details: { key } },
  )
}

function unsupported(what: string): never {
  throw new VarveError('UNSUPPORTED', `This object storage cannot ${what}: see \`supports\`, or use another`)
}
