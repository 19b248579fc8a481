/** Large objects to S3 in parts; an upload that fails is ended, so that its parts are not kept and paid for. */

import { isVarveError, limits, utf8, VarveError } from 'varve/engine'
import { inParallel, partsOf, type Part } from '../remote/parts.ts'
import type { S3Client } from './client.ts'
import { codeOf, refused } from './errors.ts'
import { rootOf, textIn, unreadable } from './xml.ts'

export interface LargePut {
  readonly key: string
  readonly bytes: Uint8Array
  readonly type: string
  readonly partBytes: number
  readonly signal: AbortSignal | null
}

export async function putInParts(client: S3Client, put: LargePut): Promise<void> {
  const uploadId = await begin(client, put)
  try {
    const parts = partsOf(put.bytes, put.partBytes)
    const tags = await inParallel(parts, limits.blobPartsAtOnce, (part) => putPart(client, put, uploadId, part))
    await complete(client, put, uploadId, tags)
  } catch (error) {
    if (await isEnded(client, put.key, uploadId)) throw error
    throw new VarveError(
      'STORE_FAILED',
      `Putting "${put.key}" failed, and its parts may stay in ${client.address}: let a rule of the bucket remove incomplete uploads`,
      { cause: error, retryable: isVarveError(error) && error.retryable, details: { key: put.key } },
    )
  }
}

async function begin(client: S3Client, { key, type, signal }: LargePut): Promise<string> {
  const headers = { 'content-type': type }
  const answer = await client.send({ method: 'POST', key, query: { uploads: '' }, headers, signal })
  if (answer.status !== 200) refused(answer, client.address)
  return textIn(rootOf(answer.body, 'InitiateMultipartUploadResult'), 'UploadId', client.address)
}

/** The part's tag. */
async function putPart(client: S3Client, { key, signal }: LargePut, uploadId: string, part: Part): Promise<string> {
  const query = { partNumber: String(part.number), uploadId }
  const answer = await client.send({ method: 'PUT', key, query, body: part.bytes, signal })
  if (answer.status !== 200) refused(answer, client.address)
  const tag = answer.headers.get('etag')
  // It goes into XML: a tag is hex digits in quotes.
  if (tag === null || !/^"?[\w+/=-]{1,128}"?$/.test(tag)) return unreadable(client.address)
  return tag
}

async function complete(
  client: S3Client,
  { key, signal }: LargePut,
  uploadId: string,
  tags: readonly string[],
): Promise<void> {
  const parts = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`)
  const body = utf8(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`)
  const headers = { 'content-type': 'application/xml' }
  const answer = await client.send({ method: 'POST', key, query: { uploadId }, headers, body, signal })
  // S3 may say 200 first and find an error afterwards.
  if (answer.status !== 200 || codeOf(answer) !== null) refused(answer, client.address)
  // Ceph leaves the tag empty.
  textIn(rootOf(answer.body, 'CompleteMultipartUploadResult'), 'Key', client.address)
}

/** True when the storage holds nothing of the upload any more. The caller's signal does not end this. */
async function isEnded(client: S3Client, key: string, uploadId: string): Promise<boolean> {
  try {
    const { status } = await client.send({ method: 'DELETE', key, query: { uploadId }, signal: null })
    return status === 204 || status === 404
  } catch {
    // What failed before is told to the caller, together with this.
    return false
  }
}
