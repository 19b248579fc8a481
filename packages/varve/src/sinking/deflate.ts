/** Deflate of the platform, with an end to what comes out. */

import { VarveError } from '../errors.ts'

/** The deflated bytes when they are fewer than `bytes`; else null. */
export function deflated(bytes: Uint8Array): Promise<Uint8Array | null> {
  return through(new CompressionStream('deflate-raw'), bytes, bytes.length - 1)
}

/** The `size` bytes that were deflated; throws `TAMPERED` when they are more, fewer, or no deflate at all. */
export async function inflated(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  const out = await through(new DecompressionStream('deflate-raw'), bytes, size).catch((cause: unknown) => {
    throw new VarveError('TAMPERED', 'The block does not inflate: restore the object from a copy', { cause })
  })
  if (out?.length !== size) throw new VarveError('TAMPERED', `The block does not inflate to ${size} bytes: restore it`)
  return out
}

/** What comes out of the stream; null as soon as it is more than `most` bytes. */
async function through({ writable, readable }: CompressionPair, bytes: Uint8Array, most: number) {
  const [writer, reader] = [writable.getWriter(), readable.getReader()]
  const writing = writer.write(bytes).then(() => writer.close())
  // Whatever goes wrong is met by the reader too, which tells it.
  writing.catch(() => undefined)
  const target = new Uint8Array(Math.max(0, most))
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done || value === undefined) return target.slice(0, length)
    if (length + value.length > most) {
      await reader.cancel()
      return null
    }
    target.set(value, length)
    length += value.length
  }
}
