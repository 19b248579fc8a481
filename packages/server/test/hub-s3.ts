/** A real S3 as a hub's configuration names it. */

import { makeBucket } from '@varve/stores/blobs/s3'
import type { RunningS3 } from '@varve/testkit'

/** Makes the bucket, and gives what belongs into the configuration of a hub. */
export async function spaceIn(server: RunningS3, bucket: string): Promise<Record<string, unknown>> {
  const { url: endpoint, region, accessKeyId: accessKey, secretAccessKey: secretKey } = server
  await makeBucket({ endpoint, region, bucket, credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } })
  return {
    spacesConnections: { s3: { endpoint, region, accessKey, secretKey, forcePathStyle: true } },
    databases: {
      runtime: {
        tenantDatabases: [{ tenantId: 'acme', dbConnRef: 'main', dbName: 'acme', spaceConnRef: 's3', bucket }],
      },
    },
  }
}
