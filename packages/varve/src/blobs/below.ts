/** A decorator that shows the part of an object storage below one prefix, for example a tenant's: nothing can leave it. */

import { VarveError } from '../errors.ts'
import type { BlobInfo, BlobStore } from './blob-store.ts'
import { checkBlobKey, checkBlobPrefix } from './keys.ts'
import { UnderWay } from './under-way.ts'

/**
 * The objects of `blobs` whose key starts with `prefix`, which ends with `/`, under what follows it. Closing it leaves
 * `blobs` open: others may use it. Throws `INVALID` for a prefix that is none.
 */
export function blobsBelow(blobs: BlobStore, prefix: string): BlobStore {
  if (!checkBlobPrefix(prefix).endsWith('/')) {
    throw new VarveError('INVALID', 'A part of an object storage needs a prefix that ends with "/"', {
      details: { prefix },
    })
  }
  const underWay = new UnderWay()
  // Each key is checked before it is joined, so that no piece of it can lead out.
  const full = (key: string): string => prefix + checkBlobKey(key)
  const own = (info: BlobInfo): BlobInfo => ({ ...info, key: info.key.slice(prefix.length) })

  return {
    supports: blobs.supports,
    put: (key, bytes, options) => underWay.run(async () => blobs.put(full(key), bytes, options)),
    get: (key, options) => underWay.run(async () => blobs.get(full(key), options)),
    head: (key, options) =>
      underWay.run(async () => {
        const info = await blobs.head(full(key), options)
        return info === null ? null : own(info)
      }),
    delete: (key, options) => underWay.run(async () => blobs.delete(full(key), options)),
    list: (start, options = {}) =>
      underWay.run(async () => {
        const after = typeof options.after === 'string' ? prefix + options.after : null
        const { items, next } = await blobs.list(prefix + checkBlobPrefix(start), { ...options, after })
        return { items: items.map(own), next: next === null ? null : next.slice(prefix.length) }
      }),
    presign: (key, options) => underWay.run(async () => blobs.presign(full(key), options)),
    close: () => underWay.close(),
  }
}
