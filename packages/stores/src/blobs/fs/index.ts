/** Object storage in a folder: one file per object, for one machine or a file system that several share. */

import { blobStoreOf, type BlobStore } from 'varve/engine'
import { Folder } from './folder.ts'
import { listFiles } from './list.ts'
import { readObject } from './read.ts'

export interface FsBlobsOptions {
  /** Folder of the objects; created, for its owner only, when absent. Nothing else may write into it. */
  readonly dir: string
}

/** The objects of one folder. Opening reads nothing: a folder that cannot be used shows at the first call. */
export function fsBlobs({ dir }: FsBlobsOptions): BlobStore {
  const folder = new Folder(dir)
  return blobStoreOf({
    supports: { persistent: true, conditionalPut: true, range: true, multipart: false, presign: false },
    put: (key, bytes, { ifAbsent, signal }) => folder.put(key, bytes, ifAbsent, signal),
    get: (key, range, signal) => folder.read(key, (path) => readObject(path, range, signal)),
    head: (key) => folder.info(key),
    delete: (key) => folder.delete(key),
    list: (prefix, { after, limit, signal }) => listFiles(folder, { prefix, after, limit, signal }),
    close: async () => undefined,
  })
}
