/** The objects of an Azure container: one request each, but for large ones, which go in blocks. */

import { createHash } from 'node:crypto'
import { BlobSASPermissions, SASProtocol, type BlockBlobClient } from '@azure/storage-blob'
import { limits, type BlobInfo, type BlobRange } from 'varve/engine'
import { dispositionOf } from '../remote/disposition.ts'
import { inParallel, partsOf } from '../remote/parts.ts'
import { readBody } from '../remote/read-body.ts'
import type { Container } from './container.ts'
import { codeOf, isAbsent, statusOf, unreadable } from './errors.ts'

interface PutAsked {
  readonly ifAbsent: boolean
  readonly type: string
  readonly signal: AbortSignal | null
}

export class AzureObjects {
  readonly #container: Container
  readonly #partBytes: number

  constructor(container: Container, partBytes: number) {
    this.#container = container
    this.#partBytes = partBytes
  }

  async put(key: string, bytes: Uint8Array, { ifAbsent, type, signal }: PutAsked): Promise<boolean> {
    const blob = this.#blob(key)
    // One request decides a condition at once; blocks of several writers would be thrown away by the first to end.
    if (!ifAbsent && bytes.length > this.#partBytes) {
      await this.#putBlocks(blob, bytes, type, signal)
      return true
    }
    // Azure compares the hash, which is signed as the other headers are, before it keeps anything.
    const blobHTTPHeaders = { blobContentType: type, blobContentMD5: md5(bytes) }
    const conditions = ifAbsent ? { ifNoneMatch: '*' } : {}
    return this.#container.ask(signal, bytes.length, async (abortSignal) => {
      try {
        const answer = await blob.upload(bytes, bytes.length, { conditions, blobHTTPHeaders, abortSignal })
        if (answer.etag === undefined) unreadable(this.#container.address)
        return true
      } catch (error) {
        if (ifAbsent && (codeOf(error) === 'BlobAlreadyExists' || statusOf(error) === 412)) return false
        throw error
      }
    })
  }

  async get(key: string, range: BlobRange | null, signal: AbortSignal | null): Promise<Uint8Array | null> {
    // No range of Azure is empty.
    if (range?.length === 0) return (await this.head(key, signal)) === null ? null : new Uint8Array(0)
    const maximum = Math.min(range?.length ?? limits.blobBytes, limits.blobBytes)
    const { address } = this.#container
    return this.#container.ask(signal, 0, async (abortSignal, deadline) => {
      try {
        const answer = await this.#blob(key).download(range?.offset ?? 0, range?.length, {
          abortSignal,
          maxRetryRequests: 0,
        })
        const { readableStreamBody, contentLength: expected, etag } = answer
        if (readableStreamBody === undefined || expected === undefined || etag === undefined) return unreadable(address)
        const received = (moved: number): void => {
          deadline.allow(moved)
        }
        return await readBody(bytesIn(readableStreamBody, address), { maximum, expected, address, received })
      } catch (error) {
        if (isAbsent(error)) return null
        if (range !== null && statusOf(error) === 416) return new Uint8Array(0)
        throw error
      }
    })
  }

  head(key: string, signal: AbortSignal | null): Promise<BlobInfo | null> {
    return this.#container.ask(signal, 0, async (abortSignal) => {
      try {
        const { contentLength: size, lastModified, etag } = await this.#blob(key).getProperties({ abortSignal })
        const at = lastModified?.getTime()
        if (size === undefined || at === undefined || etag === undefined || !Number.isSafeInteger(at)) {
          return unreadable(this.#container.address)
        }
        return { key, size, at }
      } catch (error) {
        if (isAbsent(error)) return null
        throw error
      }
    })
  }

  async delete(key: string, signal: AbortSignal | null): Promise<void> {
    await this.#container.ask(signal, 0, async (abortSignal) => {
      try {
        await this.#blob(key).delete({ deleteSnapshots: 'include', abortSignal })
      } catch (error) {
        if (!isAbsent(error)) throw error
      }
    })
  }

  async link(
    key: string,
    {
      ttlSeconds,
      fileName,
      type,
    }: { readonly ttlSeconds: number; readonly fileName: string | null; readonly type: string | null },
  ): Promise<string> {
    return this.#blob(key).generateSasUrl({
      permissions: BlobSASPermissions.parse('r'),
      expiresOn: new Date(Date.now() + ttlSeconds * 1_000),
      protocol: this.#container.isHttps ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
      contentDisposition: dispositionOf(fileName),
      ...(type === null ? {} : { contentType: type }),
    })
  }

  /** Blocks that are never put together are removed by Azure after a week. */
  async #putBlocks(blob: BlockBlobClient, bytes: Uint8Array, type: string, signal: AbortSignal | null): Promise<void> {
    const parts = partsOf(bytes, this.#partBytes)
    const ids = await inParallel(parts, limits.blobPartsAtOnce, async (part) => {
      // Other writers have other names, and no name becomes another one by a bit that arrives wrong in the list.
      const id = btoa(crypto.randomUUID())
      const transactionalContentMD5 = md5(part.bytes)
      await this.#container.ask(signal, part.bytes.length, (abortSignal) =>
        blob.stageBlock(id, part.bytes, part.bytes.length, { transactionalContentMD5, abortSignal }),
      )
      return id
    })
    await this.#container.ask(signal, 0, async (abortSignal) => {
      const blobHTTPHeaders = { blobContentType: type }
      const answer = await blob.commitBlockList([...ids], { blobHTTPHeaders, abortSignal })
      if (answer.etag === undefined) unreadable(this.#container.address)
    })
  }

  #blob(key: string): BlockBlobClient {
    return this.#container.client.getBlockBlobClient(key)
  }
}

function md5(bytes: Uint8Array): Uint8Array {
  return createHash('md5').update(bytes).digest()
}

async function* bytesIn(stream: AsyncIterable<unknown>, address: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) unreadable(address)
    yield chunk
  }
}
