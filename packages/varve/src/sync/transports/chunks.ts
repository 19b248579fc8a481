/** Byte chunks from whatever a platform calls a readable stream. */

import type { ByteSource } from '../../platform/fetch.ts'

/** The chunks of a source in order; leaving the loop early cancels it. */
export async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  if (!('getReader' in source)) {
    yield* source
    return
  }
  const reader = source.getReader()
  let done = false
  try {
    for (;;) {
      const result = await reader.read()
      if (result.done || result.value === undefined) break
      yield result.value
    }
    done = true
  } finally {
    if (!done) await reader.cancel()
  }
}
