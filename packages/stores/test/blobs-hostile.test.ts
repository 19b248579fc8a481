/** Remote object storages whose server, or what stands between, answers anything. */

import { azureBlobs } from '@varve/stores/blobs/azure'
import { s3Blobs } from '@varve/stores/blobs/s3'
import { hostileBlobSuite } from '@varve/testkit'
import { describe, it } from 'vitest'

const secret = 'c2VjcmV0LXRoYXQtbm9ib2R5LW1heS1zZWU='
const time = 'Wed, 01 Jan 2025 00:00:00 GMT'

const s3Item = (key: string, size = '1', at = '2025-01-01T00:00:00.000Z'): string =>
  `<Contents><Key>${key}</Key><Size>${size}</Size><LastModified>${at}</LastModified></Contents>`
const s3List = (items: string, more = 'false'): string =>
  `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${items}</ListBucketResult>`

hostileBlobSuite({
  name: 's3',
  open: (endpoint) =>
    s3Blobs({
      endpoint,
      bucket: 'bucket',
      credentials: { accessKeyId: 'AKID-THAT-NOBODY-MAY-SEE', secretAccessKey: secret },
      partBytes: 5 * 1024 * 1024,
      requestMs: 1_000,
    }),
  largeBytes: 5 * 1024 * 1024 + 1,
  secrets: [secret],
  lists: {
    'objects before the start': s3List(s3Item('a/b')),
    'objects out of order': s3List(s3Item('a/e') + s3Item('a/d')),
    'the same object twice': s3List(s3Item('a/d') + s3Item('a/d')),
    'objects of another prefix': s3List(s3Item('b/a')),
    'more objects than asked for': s3List(s3Item('a/d') + s3Item('a/e') + s3Item('a/f')),
    'more to come of nothing': s3List('', 'true'),
    'a size that is none': s3List(s3Item('a/d', '-1')),
    'a time that is none': s3List(s3Item('a/d', '1', 'yesterday')),
    'an object without a key': s3List('<Contents><Size>1</Size></Contents>'),
    'keys that are no text': s3List('<Contents><Key><b>a/d</b></Key><Size>1</Size></Contents>'),
    'another document': '<Error><Code>AccessDenied</Code></Error>',
  },
  test: { describe, it },
})

const azureItem = (name: string, size = '1', at = time): string =>
  `<Blob><Name>${name}</Name><Properties><Last-Modified>${at}</Last-Modified><Etag>a</Etag><Content-Length>${size}</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>`
const azureList = (items: string, next = ''): string =>
  `<?xml version="1.0"?><EnumerationResults ServiceEndpoint="x" ContainerName="y"><Blobs>${items}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`

hostileBlobSuite({
  name: 'azure',
  open: (url) =>
    azureBlobs({
      endpoint: `${url}/account`,
      container: 'container',
      account: 'account',
      accountKey: secret,
      partBytes: 10_000,
      requestMs: 1_000,
    }),
  largeBytes: 10_001,
  secrets: [secret],
  lists: {
    'objects out of order': azureList(azureItem('a/e') + azureItem('a/d')),
    'the same object twice': azureList(azureItem('a/d') + azureItem('a/d')),
    'objects of another prefix': azureList(azureItem('b/a')),
    'more to come of nothing': azureList('', 'again'),
    'a size that is none': azureList(azureItem('a/d', 'many')),
    'a time that is none': azureList(azureItem('a/d', '1', 'yesterday')),
  },
  test: { describe, it },
})
