/** Object storage in an S3 bucket: Amazon's, Cloudflare R2, MinIO, Ceph, and whatever else speaks S3. */

import { blobStoreOf, limits, VarveError, type BlobStore } from 'varve/engine'
import { S3Bucket } from './bucket.ts'
import { S3Client, type Credentials } from './client.ts'
import { Endpoint } from './endpoint.ts'
import { codeOf, refused } from './errors.ts'
import { listBucket } from './list.ts'

export type { Credentials } from './client.ts'

export interface S3Options {
  /** URL of the service, without the bucket: `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string
  readonly bucket: string
  /** `us-east-1` when left out; `auto` for R2. */
  readonly region?: string
  readonly credentials: Credentials
  /** True (default): `endpoint/bucket/key`; false: `bucket.endpoint/key`. */
  readonly pathStyle?: boolean
  /**
   * False for services that do not know `If-None-Match: *`: some ignore it and overwrite, which `probeBlobs` shows.
   * `ifAbsent` is then `UNSUPPORTED`.
   */
  readonly conditionalPut?: boolean
  /** Bytes above which objects are put in parts of this size; at least 5 MiB, `limits.blobPartBytes` when left out. */
  readonly partBytes?: number
  /** Milliseconds that a request may take, beside the time for its bytes; `limits.blobRequestMs` when left out. */
  readonly requestMs?: number
  /** For tests, and for proxies. */
  readonly fetch?: typeof fetch
}

/** Bytes of the smallest part that S3 takes, the last one aside. */
const smallestPart = 5 * 1024 * 1024

/** The objects of one bucket. Opening asks nothing: a bucket that cannot be used shows at the first call. */
export function s3Blobs(options: S3Options): BlobStore {
  const { conditionalPut = true, partBytes = limits.blobPartBytes } = options
  if (!Number.isSafeInteger(partBytes) || partBytes < smallestPart || partBytes > limits.blobBytes) {
    throw new VarveError(
      'INVALID',
      `Parts of ${partBytes} bytes are none that S3 takes: use at least ${smallestPart}`,
      {
        details: { partBytes },
      },
    )
  }
  const client = clientOf(options)
  const bucket = new S3Bucket(client, partBytes)
  return blobStoreOf({
    supports: { persistent: true, conditionalPut, range: true, multipart: true, presign: true },
    put: (key, bytes, each) => bucket.put(key, bytes, each),
    get: (key, range, signal) => bucket.get(key, range, signal),
    head: (key, signal) => bucket.head(key, signal),
    delete: (key, signal) => bucket.delete(key, signal),
    list: (prefix, each) => listBucket(client, { prefix, ...each }),
    presign: (key, each) => bucket.link(key, each),
    close: async () => undefined,
  })
}

/** Makes the bucket when it is not there; the credentials must allow it. */
export async function makeBucket(options: S3Options): Promise<void> {
  const client = clientOf(options)
  const answer = await client.send({ method: 'PUT', key: '', signal: null })
  const code = codeOf(answer)
  if (answer.status !== 200 && code !== 'BucketAlreadyOwnedByYou') refused(answer, client.address)
}

function clientOf(options: S3Options): S3Client {
  const { endpoint, bucket, region = 'us-east-1', credentials, pathStyle = true } = options
  return new S3Client({
    endpoint: new Endpoint({ endpoint, bucket, pathStyle }),
    region,
    credentials,
    requestMs: options.requestMs ?? limits.blobRequestMs,
    fetch: options.fetch ?? fetch,
  })
}
