/** The shape that decorators of object storage share: every call of an inner one goes through one function. */

import type { BlobStore } from './blob-store.ts'

export type BlobMethod = Exclude<keyof BlobStore, 'supports'>

/** Runs `call`, the inner storage's answer to `method`, or does something else. */
export type AroundBlobs = <T>(method: BlobMethod, call: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/** An object storage whose every call goes through `around`. */
export function decorateBlobs(blobs: BlobStore, around: AroundBlobs): BlobStore {
  return {
    supports: blobs.supports,
    put: (key, bytes, options) => around('put', () => blobs.put(key, bytes, options), options?.signal),
    get: (key, options) => around('get', () => blobs.get(key, options), options?.signal),
    head: (key, options) => around('head', () => blobs.head(key, options), options?.signal),
    delete: (key, options) => around('delete', () => blobs.delete(key, options), options?.signal),
    list: (prefix, options) => around('list', () => blobs.list(prefix, options), options?.signal),
    presign: (key, options) => around('presign', () => blobs.presign(key, options)),
    close: () => around('close', () => blobs.close()),
  }
}
