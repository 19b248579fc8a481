/** Lists of an S3 bucket: ListObjectsV2, page by page, started at a key instead of a token. */

import { isBlobKey, type BlobInfo, type BlobPage } from 'varve/engine'
import type { S3Client } from './client.ts'
import { refused } from './errors.ts'
import { elementsIn, fieldsOf, rootOf, textIn, unreadable } from './xml.ts'

export interface ListAsked {
  readonly prefix: string
  readonly after: string | null
  readonly limit: number
  readonly signal: AbortSignal | null
}

/** Objects that others put, under keys that are none, are left out: a page may be empty and not the last. */
export async function listBucket(client: S3Client, { prefix, after, limit, signal }: ListAsked): Promise<BlobPage> {
  const query = { 'list-type': '2', 'encoding-type': 'url', prefix, 'max-keys': String(limit) }
  const started = after === null ? query : { ...query, 'start-after': after }
  const answer = await client.send({ method: 'GET', key: '', query: started, signal })
  if (answer.status !== 200) refused(answer, client.address)
  const root = rootOf(answer.body, 'ListBucketResult') ?? unreadable(client.address)
  const isEncoded = root['EncodingType'] === 'url'
  const all = elementsIn(root, 'Contents').map((each) => infoOf(each, isEncoded, client.address))
  const isLast = textIn(root, 'IsTruncated', client.address) !== 'true'
  const last = all.at(-1)
  if (!isLast && last === undefined) unreadable(client.address)
  return { items: all.filter((item) => isBlobKey(item.key)), next: isLast ? null : (last?.key ?? null) }
}

function infoOf(element: unknown, isEncoded: boolean, address: string): BlobInfo {
  const fields = fieldsOf(element)
  const key = textIn(fields, 'Key', address)
  const size = textIn(fields, 'Size', address)
  const at = Date.parse(textIn(fields, 'LastModified', address))
  if (!/^\d{1,15}$/.test(size) || !Number.isSafeInteger(at)) unreadable(address)
  // Some tell fractions of a second here, and nowhere else.
  return { key: isEncoded ? decoded(key, address) : key, size: Number(size), at: Math.floor(at / 1_000) * 1_000 }
}

function decoded(key: string, address: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    // No UTF-8 behind the percent signs.
    return unreadable(address)
  }
}
