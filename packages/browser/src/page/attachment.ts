/** A file of a document as a page has it. */

import type { Attachment, FileInfo, FileRange } from 'varve'
import type { At } from './at.ts'

interface Cancel {
  readonly signal?: AbortSignal
}

export class SharedAttachment implements Record<keyof Attachment, unknown> {
  readonly info: FileInfo
  readonly #at: At

  constructor(at: At, info: FileInfo) {
    this.#at = at
    this.info = info
  }

  stream(range: FileRange = {}, options: Cancel = {}): AsyncGenerator<Uint8Array> {
    return this.#at.items('stream', range, options)
  }

  bytes(range: FileRange = {}, options: Cancel = {}): Promise<Uint8Array> {
    return this.#at.read('bytes', range, options)
  }

  url(options: { readonly ttlSeconds: number }): Promise<string> {
    return this.#at.read('url', options)
  }
}
