/** What the engine needs of `fetch`: the browser's own has it, and Node's is written here so that proxies are respected. */

/** The part of a web `ReadableStream` that reading needs; not every browser can iterate over one. */
interface ReadableStreamLike {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
    cancel(reason?: unknown): Promise<void>
  }
}

export type ByteSource = ReadableStreamLike | AsyncIterable<Uint8Array>

export interface FetchInit {
  readonly method: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal: AbortSignal
}

export interface FetchedResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: ByteSource | null
}

/** Answers as soon as the headers are there; rejects when there is no answer, or `signal` aborts. */
export type FetchLike = (url: string, init: FetchInit) => Promise<FetchedResponse>
