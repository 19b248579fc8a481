/** The objects of an S3 bucket: one request each, but for large ones. */

import { limits, type BlobInfo, type BlobRange } from 'varve/engine'
import { dispositionOf } from '../remote/disposition.ts'
import type { S3Client } from './client.ts'
import { codeOf, refused, type Answer } from './errors.ts'
import { putInParts } from './multipart.ts'
import { unreadable } from './xml.ts'

export class S3Bucket {
  readonly #client: S3Client
  readonly #partBytes: number
  /** Answers to HEAD do not tell a missing bucket from a missing object: true when the bucket was seen. */
  #isThere = false

  constructor(client: S3Client, partBytes: number) {
    this.#client = client
    this.#partBytes = partBytes
  }

  async put(
    key: string,
    bytes: Uint8Array,
    {
      ifAbsent,
      type,
      signal,
    }: { readonly ifAbsent: boolean; readonly type: string; readonly signal: AbortSignal | null },
  ): Promise<boolean> {
    // A condition holds for one request: not every service knows it when parts are put together.
    if (!ifAbsent && bytes.length > this.#partBytes) {
      await putInParts(this.#client, { key, bytes, type, partBytes: this.#partBytes, signal })
      return true
    }
    const headers = { 'content-type': type, ...(ifAbsent ? { 'if-none-match': '*' } : {}) }
    const answer = await this.#client.send({ method: 'PUT', key, headers, body: bytes, signal })
    if (ifAbsent && answer.status === 412) return false
    // Two at once: whoever lost may see the other's object already.
    if (ifAbsent && answer.status === 409 && (await this.head(key, signal)) !== null) return false
    this.#accept(answer, [200])
    return true
  }

  async get(key: string, range: BlobRange | null, signal: AbortSignal | null): Promise<Uint8Array | null> {
    // No range of S3 is empty.
    if (range?.length === 0) return (await this.head(key, signal)) === null ? null : new Uint8Array(0)
    const headers = range === null ? {} : { range: `bytes=${range.offset}-${range.offset + range.length - 1}` }
    const maximum = Math.min(range?.length ?? limits.blobBytes, limits.blobBytes)
    const answer = await this.#client.send({ method: 'GET', key, headers, maximum, signal })
    if (answer.status === 404 && codeOf(answer) === 'NoSuchKey') return null
    if (range !== null && answer.status === 416) return new Uint8Array(0)
    this.#accept(answer, [range === null ? 200 : 206])
    return answer.body
  }

  async head(key: string, signal: AbortSignal | null): Promise<BlobInfo | null> {
    const answer = await this.#client.send({ method: 'HEAD', key, signal })
    if (answer.status === 404) {
      await this.#assertThere(signal)
      return null
    }
    this.#accept(answer, [200])
    const size = answer.headers.get('content-length') ?? ''
    const at = Date.parse(answer.headers.get('last-modified') ?? '')
    if (!/^\d{1,15}$/.test(size) || !Number.isSafeInteger(at)) return unreadable(this.#client.address)
    return { key, size: Number(size), at }
  }

  async delete(key: string, signal: AbortSignal | null): Promise<void> {
    const answer = await this.#client.send({ method: 'DELETE', key, signal })
    const isGone = answer.status === 204 || (answer.status === 404 && codeOf(answer) === 'NoSuchKey')
    if (!isGone) refused(answer, this.#client.address)
  }

  link(
    key: string,
    {
      ttlSeconds,
      fileName,
      type,
    }: { readonly ttlSeconds: number; readonly fileName: string | null; readonly type: string | null },
  ): Promise<string> {
    const disposition = { 'response-content-disposition': dispositionOf(fileName) }
    const query = type === null ? disposition : { ...disposition, 'response-content-type': type }
    return this.#client.link(key, ttlSeconds, query)
  }

  /** Throws unless the answer has one of these states and is one of S3's: it always tells the object's tag. */
  #accept(answer: Answer, statuses: readonly number[]): void {
    if (answer.status >= 300) refused(answer, this.#client.address)
    if (!statuses.includes(answer.status) || !answer.headers.has('etag')) unreadable(this.#client.address)
    this.#isThere = true
  }

  async #assertThere(signal: AbortSignal | null): Promise<void> {
    if (this.#isThere) return
    const query = { 'list-type': '2', 'max-keys': '1' }
    const answer = await this.#client.send({ method: 'GET', key: '', query, signal })
    if (answer.status !== 200) refused(answer, this.#client.address)
    this.#isThere = true
  }
}
