/** The contract of object storage: whole, immutable objects under keys; `spec/blobs.md` states its must and should. */

/** What an adapter can do; suites and callers read it instead of trying. */
export interface BlobSupports {
  /** Objects survive closing and opening again. */
  readonly persistent: boolean
  /** `ifAbsent` is decided by the storage itself, among any number of writers. */
  readonly conditionalPut: boolean
  /** A range costs what it holds, not the whole object. */
  readonly range: boolean
  /** Objects larger than one request are put in parts. */
  readonly multipart: boolean
  /** Links that work without credentials until they expire. */
  readonly presign: boolean
}

export interface BlobInfo {
  readonly key: string
  /** Bytes. */
  readonly size: number
  /** When it was put, in milliseconds since 1970 by the storage's clock, which may count whole seconds only. */
  readonly at: number
}

/** Part of an object: `offset` and `length` in bytes; what lies behind its end is left out. */
export interface BlobRange {
  readonly offset: number
  readonly length: number
}

export interface PutOptions {
  /** Do nothing when the key is taken; needs `supports.conditionalPut`, else `UNSUPPORTED`. */
  readonly ifAbsent?: boolean
  /** Media type that presigned links answer with; `application/octet-stream` when left out. */
  readonly type?: string
  readonly signal?: AbortSignal
}

export interface PresignOptions {
  /** Whole seconds, 1 to 604,800. */
  readonly ttlSeconds: number
  /** File name that a browser offers when it saves; 1 to 1,024 bytes of UTF-8 without control characters. */
  readonly fileName?: string
  /** Media type that the link answers with, instead of the one that was put. */
  readonly type?: string
}

export interface BlobPage {
  readonly items: readonly BlobInfo[]
  /** Where the next page begins (`after`); null when nothing more is there. A page may be empty and not the last. */
  readonly next: string | null
}

/**
 * Objects of one bucket, container or folder, below one prefix. Keys are made by Varve: 1 to 900 characters of
 * `a-z 0-9 - _ . /`, in pieces of 1 to 200 characters between slashes that do not end with a dot; else `INVALID`. An
 * object is there whole or not at all, holds at most `limits.blobBytes` (`TOO_LARGE`), and is read as soon as `put` was
 * answered. Failures are `STORE_FAILED`, `retryable` when trying again may help: what failed may have taken effect. An
 * aborted call fails with the reason of its signal; after `close` every call is `CLOSED`. Bytes handed in or out are not
 * changed afterwards by either side.
 */
export interface BlobStore {
  readonly supports: BlobSupports
  /** Puts an object, replacing one of this key; false when `ifAbsent` found one. */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<boolean>
  /** The object or part of it; null when absent. */
  get(key: string, options?: { readonly range?: BlobRange; readonly signal?: AbortSignal }): Promise<Uint8Array | null>
  head(key: string, options?: { readonly signal?: AbortSignal }): Promise<BlobInfo | null>
  /** Removes an object; one that is not there changes nothing. */
  delete(key: string, options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Objects whose key starts with `prefix`, by key (UTF-8 bytes), strictly after `after`; at most `limit`, 1 to 1,000. */
  list(
    prefix: string,
    options?: { readonly after?: string | null; readonly limit?: number; readonly signal?: AbortSignal },
  ): Promise<BlobPage>
  /** A link that reads this object until it expires; needs `supports.presign`, else `UNSUPPORTED`. */
  presign(key: string, options: PresignOptions): Promise<string>
  /** Idempotent; waits for what is under way. */
  close(): Promise<void>
}
