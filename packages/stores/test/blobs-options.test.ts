/** Options of remote object storages: where requests go, and options that are none, which show no key. */

import { azureBlobs } from '@varve/stores/blobs/azure'
import { s3Blobs, type S3Options } from '@varve/stores/blobs/s3'
import { isVarveError } from 'varve/engine'
import { describe, expect, test } from 'vitest'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const given: S3Options = { endpoint: 'https://s3.example.com', bucket: 'my-bucket', credentials }
const accountKey = 'c2VjcmV0LXRoYXQtbm9ib2R5LW1heS1zZWU='
const azure = { endpoint: 'https://acc.blob.core.windows.net', container: 'con', account: 'acc', accountKey }

function problemOf(open: () => unknown): unknown {
  try {
    open()
  } catch (error) {
    return error
  }
  return null
}

/** The URL of a link, without its signature. */
async function placeOf(options: Partial<S3Options>): Promise<string> {
  const link = await s3Blobs({ ...given, ...options }).presign('a/b', { ttlSeconds: 60 })
  return link.replace(/\?.*/, '')
}

describe('S3', () => {
  test('objects are addressed by path or by host, below whatever the endpoint is', async () => {
    expect(await placeOf({})).toBe('https://s3.example.com/my-bucket/a/b')
    expect(await placeOf({ endpoint: 'https://s3.example.com/' })).toBe('https://s3.example.com/my-bucket/a/b')
    expect(await placeOf({ endpoint: 'http://localhost:9000/minio/' })).toBe(
      'http://localhost:9000/minio/my-bucket/a/b',
    )
    expect(await placeOf({ pathStyle: false })).toBe('https://my-bucket.s3.example.com/a/b')
  })

  test('a link holds its life, its region and temporary credentials, and never the secret', async () => {
    const blobs = s3Blobs({ ...given, region: 'eu-central-1', credentials: { ...credentials, sessionToken: 'token' } })
    const query = new URL(await blobs.presign('a', { ttlSeconds: 90 })).searchParams
    expect(query.get('X-Amz-Expires')).toBe('90')
    expect(query.get('X-Amz-Credential')).toMatch(/^AKIDEXAMPLE\/\d{8}\/eu-central-1\/s3\/aws4_request$/)
    expect(query.get('X-Amz-Security-Token')).toBe('token')
    expect(query.toString()).not.toContain('EXAMPLEKEY')
  })

  test('requests ask for no compression, and name what they hold', async () => {
    const seen: { url: string; headers: Headers; method: string }[] = []
    const blobs = s3Blobs({
      ...given,
      fetch: async (url, init) => {
        seen.push({
          url: url instanceof URL ? url.href : '',
          headers: new Headers(init?.headers),
          method: init?.method ?? '',
        })
        return new Response(null, { status: 200, headers: { etag: '"a"' } })
      },
    })
    await blobs.put('a/b', new TextEncoder().encode('abc'), { ifAbsent: true, type: 'text/plain' })
    const [request] = seen
    expect(request?.url).toBe('https://s3.example.com/my-bucket/a/b')
    expect(Object.fromEntries(request?.headers ?? [])).toMatchObject({
      'accept-encoding': 'identity',
      'content-type': 'text/plain',
      'if-none-match': '*',
      'x-amz-content-sha256': 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    })
    expect(request?.headers.get('authorization')).toMatch(/SignedHeaders=[^,]*if-none-match[^,]*x-amz-content-sha256/)
  })

  test('without conditions, putting where there is nothing is refused before anything is asked', async () => {
    const blobs = s3Blobs({ ...given, conditionalPut: false, fetch: () => Promise.reject(new Error('asked')) })
    const error = await blobs.put('a', Uint8Array.of(1), { ifAbsent: true }).catch((problem: unknown) => problem)
    expect(isVarveError(error, 'UNSUPPORTED')).toBe(true)
  })

  test.each<Partial<S3Options>>([
    { endpoint: '' },
    { endpoint: 's3.example.com' },
    { endpoint: 'ftp://s3.example.com' },
    { endpoint: 'https://user:hunter2@s3.example.com' },
    { endpoint: 'https://s3.example.com/?key=hunter2' },
    { bucket: '' },
    { bucket: 'a/b' },
    { bucket: '../b' },
    { bucket: '?' },
    { partBytes: 1_000 },
    { partBytes: Number.NaN },
  ])('%j is refused', (options) => {
    const error = problemOf(() => s3Blobs({ ...given, ...options }))
    expect(isVarveError(error, 'INVALID')).toBe(true)
    expect(String(error)).not.toContain('hunter2')
  })
})

describe('Azure', () => {
  test('a link names its object and is for https alone', async () => {
    const link = await azureBlobs(azure).presign('a/b', { ttlSeconds: 60 })
    expect(link).toMatch(/^https:\/\/acc\.blob\.core\.windows\.net\/con\/a\/b\?/)
    const query = new URL(link).searchParams
    expect([query.get('sp'), query.get('sr'), query.get('spr')]).toEqual(['r', 'b', 'https'])
    expect(link).not.toContain(accountKey)
  })

  test.each([
    { endpoint: 'acc.blob.core.windows.net' },
    { endpoint: 'https://acc.blob.core.windows.net/?sv=hunter2' },
    { endpoint: 'https://hunter2@acc.blob.core.windows.net' },
    { container: 'A' },
    { container: 'a--b' },
    { container: '../x' },
    { account: 'a/b' },
    { accountKey: 'hunter2 is no key' },
    { partBytes: 0 },
  ])('%j is refused', (options) => {
    const error = problemOf(() => azureBlobs({ ...azure, ...options }))
    expect(isVarveError(error, 'INVALID')).toBe(true)
    expect(String(error)).not.toContain('hunter2')
  })
})
