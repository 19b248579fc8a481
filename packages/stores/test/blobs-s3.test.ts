/** Object storage in S3 against the contract: a Ceph gateway, with a bucket of its own for each test. */

import { makeBucket, s3Blobs, type S3Options } from '@varve/stores/blobs/s3'
import { blobSuite, isTested, s3Program, startS3, type RunningS3 } from '@varve/testkit'
import { afterAll, beforeAll, describe, it } from 'vitest'

const partBytes = 5 * 1024 * 1024

describe.runIf(isTested(s3Program()))('S3', () => {
  let server: RunningS3
  let buckets = 0

  beforeAll(async () => {
    server = await startS3()
  })
  afterAll(async () => {
    await server.stop()
  })

  async function bucket(): Promise<S3Options> {
    const { url: endpoint, region, accessKeyId, secretAccessKey } = server
    const credentials = { accessKeyId, secretAccessKey }
    const options = { endpoint, region, bucket: `bucket-${buckets++}`, credentials, partBytes }
    await makeBucket(options)
    return options
  }

  blobSuite({
    name: 's3',
    place: async () => {
      const options = await bucket()
      return { open: () => s3Blobs(options), cleanup: async () => undefined }
    },
    largeBytes: 2 * partBytes + 1,
    test: { describe, it },
  })
})
