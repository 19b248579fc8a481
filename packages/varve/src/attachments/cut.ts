/** Cutting content into chunks of one size, however it arrives, holding one chunk at a time. */

import { VarveError } from '../errors.ts'
import type { ByteSource } from '../platform/fetch.ts'

/** What can be attached: bytes, a web stream of bytes, or anything that can be iterated over for them. */
export type FileContent = Uint8Array | ByteSource

/**
 * Chunks of `size` bytes, the last with what is left; none of empty content. Throws `INVALID` for what gives no bytes, and
 * the reason of `signal` as soon as it aborts: a source that gives nothing any more is not waited for.
 */
export async function* cut(content: FileContent, size: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) {
    // Copied: its owner may change it before the chunk is stored.
    for (let at = 0; at < content.length; at += size) yield content.slice(at, at + size)
    return
  }
  let chunk = new Uint8Array(size)
  let filled = 0
  for await (const part of partsOf(checkSource(content), signal)) {
    const bytes: unknown = part
    if (!(bytes instanceof Uint8Array))
      throw new VarveError('INVALID', 'The content of a file must come as byte arrays: encode text first')
    for (let at = 0; at < bytes.length;) {
      const taken = bytes.subarray(at, at + size - filled)
      chunk.set(taken, filled)
      filled += taken.length
      at += taken.length
      if (filled < size) continue
      yield chunk
      chunk = new Uint8Array(size)
      filled = 0
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled)
}

function checkSource(content: unknown): ByteSource {
  if (isSource(content)) return content
  throw new VarveError('INVALID', 'The content of a file must be a Uint8Array, a ReadableStream or an AsyncIterable')
}

function isSource(content: unknown): content is ByteSource {
  if (typeof content !== 'object' || content === null) return false
  return 'getReader' in content || Symbol.asyncIterator in content
}

/** What streams and iterables have in common. */
interface Parts {
  next(): Promise<{ readonly done?: boolean | undefined; readonly value?: Uint8Array | undefined }>
  /** No more is wanted. */
  stop(): Promise<unknown>
}

async function* partsOf(content: ByteSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const parts = openParts(content)
  let goesOn = true
  try {
    for (;;) {
      const { done, value } = await unlessAborted(parts.next(), signal).catch((error: unknown) => {
        // One that failed has stopped by itself.
        goesOn = signal.aborted
        throw error
      })
      goesOn = done !== true && value !== undefined
      if (!goesOn || value === undefined) return
      yield value
    }
  } finally {
    if (goesOn) await stopped(parts, signal)
  }
}

function openParts(content: ByteSource): Parts {
  if ('getReader' in content) {
    const reader = content.getReader()
    return { next: () => reader.read(), stop: () => reader.cancel() }
  }
  const iterator = content[Symbol.asyncIterator]()
  return { next: async () => iterator.next(), stop: async () => iterator.return?.() }
}

/** Whoever hangs would hang in this too: after an abort it is told, and not waited for. */
async function stopped(parts: Parts, signal: AbortSignal): Promise<void> {
  const stopping = parts.stop()
  if (!signal.aborted) await stopping
  // What it says to that is no news: why the file was not attached is known.
  else stopping.catch(() => undefined)
}

/** Listens for one step only: a promise for the whole stream would hold on to all that was raced with it. */
function unlessAborted<R>(step: Promise<R>, signal: AbortSignal): Promise<R> {
  return new Promise<R>((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    step.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort)
    })
  })
}
