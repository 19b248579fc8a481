/** Object storage in a container of Azure Blob Storage, by Microsoft's own client. */

import { blobStoreOf, limits, VarveError, type BlobStore } from 'varve/engine'
import { openContainer } from './container.ts'
import { ContainerLists } from './list.ts'
import { AzureObjects } from './objects.ts'

export interface AzureOptions {
  /** URL of the account's blob service: `https://account.blob.core.windows.net`. */
  readonly endpoint: string
  readonly container: string
  readonly account: string
  /** Key of the account, in base64. */
  readonly accountKey: string
  /** Bytes above which objects are put in blocks of this size; `limits.blobPartBytes` when left out. */
  readonly partBytes?: number
  /** Milliseconds that a request may take, beside the time for its bytes; `limits.blobRequestMs` when left out. */
  readonly requestMs?: number
}

/** The objects of one container. Opening asks nothing: a container that cannot be used shows at the first call. */
export function azureBlobs(options: AzureOptions): BlobStore {
  const { partBytes = limits.blobPartBytes } = options
  if (!Number.isSafeInteger(partBytes) || partBytes < 1 || partBytes > limits.blobBytes) {
    throw new VarveError('INVALID', `Blocks of ${partBytes} bytes are none: use 1 to ${limits.blobBytes}`, {
      details: { partBytes },
    })
  }
  const container = openContainer(options)
  const objects = new AzureObjects(container, partBytes)
  const lists = new ContainerLists(container)
  return blobStoreOf({
    supports: { persistent: true, conditionalPut: true, range: true, multipart: true, presign: true },
    put: (key, bytes, each) => objects.put(key, bytes, each),
    get: (key, range, signal) => objects.get(key, range, signal),
    head: (key, signal) => objects.head(key, signal),
    delete: (key, signal) => objects.delete(key, signal),
    list: (prefix, each) => lists.page({ prefix, ...each }),
    presign: (key, each) => objects.link(key, each),
    close: async () => undefined,
  })
}

/** Makes the container when it is not there. */
export async function makeContainer(options: AzureOptions): Promise<void> {
  const container = openContainer(options)
  await container.ask(null, 0, (abortSignal) => container.client.createIfNotExists({ abortSignal }))
}
