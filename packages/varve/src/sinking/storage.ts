/** Object storage as segments use it: every request counted, every failure naming the segment. */

import type { BlobInfo, BlobPage, BlobStore } from '../blobs/blob-store.ts'
import { isVarveError, VarveError } from '../errors.ts'

/** Requests since the store was opened, those that failed included. */
export interface Requests {
  readonly put: number
  readonly get: number
  readonly list: number
  readonly delete: number
}

export class SegmentStorage {
  readonly #blobs: BlobStore
  readonly #requests = { put: 0, get: 0, list: 0, delete: 0 }

  constructor(blobs: BlobStore) {
    this.#blobs = blobs
  }

  get requests(): Requests {
    return { ...this.#requests }
  }

  async put(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#call('put', key, 'written', () => this.#blobs.put(key, bytes, { signal }))
  }

  /** The whole object, or `length` bytes of it; throws `STORE_FAILED` when it is gone. */
  async get(
    key: string,
    range: { readonly offset: number; readonly length: number } | null,
    signal: AbortSignal | null = null,
  ): Promise<Uint8Array> {
    const options = { ...(range === null ? {} : { range }), ...(signal === null ? {} : { signal }) }
    const bytes = await this.#call('get', key, 'read', () => this.#blobs.get(key, options))
    if (bytes !== null) return bytes
    throw new VarveError(
      'STORE_FAILED',
      `The segment "${key}" is not in object storage any more: put it back from a copy, nothing else holds its data`,
      { details: { segment: key } },
    )
  }

  async delete(key: string, signal: AbortSignal | null = null): Promise<void> {
    await this.#call('delete', key, 'removed', () => this.#blobs.delete(key, signal === null ? {} : { signal }))
  }

  /** Every object below the prefix, by key. */
  async *list(prefix: string, signal: AbortSignal | null = null): AsyncGenerator<BlobInfo> {
    for (let after: string | null = null; ;) {
      const options: { after: string | null; signal?: AbortSignal } = signal === null ? { after } : { after, signal }
      const page: BlobPage = await this.#call('list', prefix, 'listed', () => this.#blobs.list(prefix, options))
      yield* page.items
      if (page.next === null) return
      after = page.next
    }
  }

  async #call<T>(kind: keyof Requests, key: string, done: string, call: () => Promise<T>): Promise<T> {
    this.#requests[kind]++
    try {
      return await call()
    } catch (cause) {
      if (isVarveError(cause, 'TAMPERED')) throw cause
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new VarveError('STORE_FAILED', `The segment "${key}" could not be ${done}: ${why}`, {
        details: { segment: key },
        cause,
        retryable: !isVarveError(cause) || cause.retryable,
      })
    }
  }
}
